"""ParsedDocument to Chunks: spans of the parsed text that a reader can understand and the model can read whole.

Boundaries are chosen for the whole document at once (dynamic programming over sentences, rows and items), because a
greedy fill leaves a crumb at the end of every section. Knows nothing of the tokenizer, embeddings or file formats.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ingest.parsing import ParsedDocument
from retrieval.sentences import split_sentences
from retrieval.types import Chunk, Heading

CountTokens = Callable[[str], int]

# What it costs to cut before a unit, by the strongest boundary there.
_HEADING, _PARAGRAPH, _LINE, _SENTENCE, _CELL, _CLAUSE, _WORD, _LETTER = range(8)
_CUT_COST = (0.0, 0.2, 0.5, 1.0, 1.5, 2.5, 4.0, 6.0)
_CHUNK_COST = 1.0
_UNDERFILL_COST = 0.8
# To part a list from the words that announce it costs about as much as to cut inside a sentence.
_LEAD_COST = 2.0

# A section smaller than this share of a chunk may share one with its neighbours.
_TINY_SHARE = 1 / 8
# Shorter pieces of one paragraph are never told apart, so the number of units is bounded by the length of the text.
_UNIT_CHARS = 60
_ATOM_CHARS, _CLAUSE_CHARS = 48, 16
# Text runs at 4 to 5 characters a token. A tokenizer that gives up on a long word (WordPiece: over 100 letters are one
# unknown token) must not make a chunk of a megabyte.
_MAX_CHARS_PER_TOKEN = 10
_MAX_HEADINGS = 20_000

_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n\s*")
_WORDS = re.compile(r"\S{1,48}\s*")
_CLAUSE_ENDS = ",;:，；、："


class _Unit(NamedTuple):
    """The smallest piece a chunk is made of. `boundary` is what stands before it, `section` which section it is in."""

    start: int
    end: int
    tokens: int
    boundary: int
    section: int
    heading: bool
    leads: bool = False  # ends in a colon: what it announces belongs to it


def chunk(document: ParsedDocument, *, max_tokens: int = 200, count_tokens: CountTokens) -> list[Chunk]:
    """The chunks of `document` in order, numbered from 0; together they hold every character that is not white space.

    `document.text[chunk.start:chunk.end] == chunk.text` always. `page` is the page on which a chunk starts, None where
    the document has none; `heading_path` are the headings above it, outermost first. A chunk stays within one section
    unless neighbouring sections are tiny; a sentence, list item or table row is divided only if it is larger than
    `max_tokens` by itself. Deterministic; calls `count_tokens` about once a sentence; linear in the text.
    """
    text = document.text
    headings = document.headings[:_MAX_HEADINGS]
    units = list(_units(text, headings, max_tokens, count_tokens))
    spans: list[Sequence[_Unit]] = []
    for first, last in pairwise(_cuts(units, max_tokens)):
        spans += _fitting(text, units[first:last], max_tokens, count_tokens)
    paths = _paths(headings)
    pages = _PageFinder(document)
    return [
        Chunk(
            number=number,
            text=text[span[0].start : span[-1].end],
            start=span[0].start,
            end=span[-1].end,
            page=pages.at(span[0].start),
            heading_path=_common_path(span, paths),
        )
        for number, span in enumerate(spans)
    ]


def _units(text: str, headings: Sequence[Heading], max_tokens: int, count_tokens: CountTokens) -> Iterator[_Unit]:
    # A heading's line may begin with marks (`## `) that belong to it.
    starts = [text.rfind("\n", 0, heading.start) + 1 for heading in headings]
    bounds = [0, *starts, len(text)]
    measure = _Measure(text, max_tokens, count_tokens)
    for section, (start, end) in enumerate(pairwise(bounds)):
        body = start
        if section:
            line_end = text.find("\n", headings[section - 1].end, end)
            body = end if line_end < 0 else line_end
            yield from _divided(measure, (start, body), _HEADING, section, heading=True)
        first = _PARAGRAPH if section else _HEADING
        for paragraph_start, paragraph_end in _paragraphs(text, body, end):
            for piece, boundary in _pieces(text, paragraph_start, paragraph_end):
                kind = first if boundary == _PARAGRAPH else boundary
                yield from _divided(measure, piece, kind, section, heading=False)
                first = _PARAGRAPH


class _Measure:
    """Counts tokens without the tokenizer's own marks ([CLS], [SEP]), which a chunk has once and not once a unit."""

    def __init__(self, text: str, max_tokens: int, count_tokens: CountTokens) -> None:
        self.text = text
        self._count = count_tokens
        self._marks = count_tokens("")
        self.room = max(1, max_tokens - self._marks)

    def tokens(self, start: int, end: int) -> int:
        least = -(-(end - start) // _MAX_CHARS_PER_TOKEN)
        return max(1, least, self._count(self.text[start:end]) - self._marks)


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Paragraphs between `start` and `end`; those of a few characters are put together with what follows."""
    held: int | None = None
    for match in _PARAGRAPH_BREAK.finditer(text, start, end):
        if text[start : match.start()].strip():
            held = start if held is None else held
            if match.start() - held >= _UNIT_CHARS:
                yield held, match.start()
                held = None
        start = match.end()
    if held is not None or text[start:end].strip():
        yield start if held is None else held, end


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[tuple[int, int], int]]:
    """Sentences, rows and items of a paragraph as ((start, end), boundary), short ones put together."""
    held: tuple[int, int, int] | None = None
    previous = start
    for offset_start, offset_end in split_sentences(text[start:end]):
        piece_start, piece_end = start + offset_start, start + offset_end
        if held is None:
            new_line = text.find("\n", previous, piece_start) >= 0
            boundary = _PARAGRAPH if previous == start else _LINE if new_line else _SENTENCE
            held = (piece_start, piece_end, boundary)
        else:
            held = (held[0], piece_end, held[2])
        previous = piece_end
        if held[1] - held[0] >= _UNIT_CHARS:
            yield held[:2], held[2]
            held = None
    if held is not None:
        yield held[:2], held[2]


def _divided(
    measure: _Measure, span: tuple[int, int], boundary: int, section: int, *, heading: bool
) -> Iterator[_Unit]:
    """The unit of a span, without white space around it, in smaller ones if it alone is larger than a chunk."""
    start, end = _stripped(measure.text, *span)
    if start == end:
        return
    if end - start <= measure.room * _MAX_CHARS_PER_TOKEN:
        tokens = measure.tokens(start, end)
        if tokens <= measure.room:
            yield _Unit(start, end, tokens, boundary, section, heading, measure.text[end - 1] in ":：")
            return
    for atom_start, atom_end, kind in _atoms(measure.text, start, end):
        for part_start, part_end, tokens in _halved(measure, atom_start, atom_end):
            cut = kind if part_start == atom_start else _LETTER
            yield _Unit(part_start, part_end, tokens, boundary if part_start == start else cut, section, heading)


def _atoms(text: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Runs of words of some `_ATOM_CHARS` characters as (start, end, boundary before), ended early after a clause."""
    held, kind = start, _WORD
    for match in _WORDS.finditer(text, start, end):
        word = match.group().rstrip()
        ends_clause = word[-1] in _CLAUSE_ENDS or word == "|"
        length = match.end() - held
        if length >= _ATOM_CHARS or match.end() == end or (ends_clause and length >= _CLAUSE_CHARS):
            yield held, match.start() + len(word), kind
            held = match.end()
            if word == "|":
                kind = _CELL
            elif ends_clause:
                kind = _CLAUSE
            else:
                kind = _WORD if len(word) < len(match.group()) else _LETTER


def _halved(measure: _Measure, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    stack = [(start, end)]
    while stack:
        start, end = _stripped(measure.text, *stack.pop())
        if start == end:
            continue
        tokens = measure.tokens(start, end)
        if tokens <= measure.room or end - start == 1:
            yield start, end, min(tokens, measure.room)
        else:
            middle = (start + end) // 2
            stack += [(middle, end), (start, middle)]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    words = text[start:end]
    left = start + len(words) - len(words.lstrip())
    return left, left + len(words.strip())


def _cuts(units: Sequence[_Unit], max_tokens: int) -> list[int]:
    """Indexes of the units that begin a chunk, and the number of units: the division that costs least."""
    cost = [0.0] + [float("inf")] * len(units)
    before = [0] * (len(units) + 1)
    tiny = max(1.0, max_tokens * _TINY_SHARE)
    sizes = _section_sizes(units)
    # The inner loop runs for every unit with every one that may begin its chunk: it reads lists.
    counts, sections = [unit.tokens for unit in units], [unit.section for unit in units]
    for end in range(1, len(units) + 1):
        ends_section = end == len(units) or units[end].boundary == _HEADING
        cut = _CUT_COST[_HEADING if end == len(units) else units[end].boundary]
        if units[end - 1].heading and end < len(units):
            cut += 20.0  # a heading never ends a chunk, unless it fills it
        elif units[end - 1].leads and not ends_section:
            cut += _LEAD_COST
        weight = 0.3 if ends_section else 1
        section = sections[end - 1]
        least, best, tokens = cost[end], 0, 0
        for start in range(end - 1, -1, -1):
            tokens += counts[start]
            if tokens > max_tokens and start < end - 1:
                break
            if sections[start] == section or _may_share(units, start, end, sizes, tiny):
                empty = 1 - tokens / max_tokens if tokens < max_tokens else 0.0
                price = cost[start] + _CHUNK_COST + cut + _UNDERFILL_COST * empty * empty * weight
                if price < least:
                    least, best = price, start
            elif sizes[sections[start]] > tiny:
                break  # growing further only takes in more sections
        cost[end], before[end] = least, best
    cuts = [len(units)]
    while cuts[-1] > 0:
        cuts.append(before[cuts[-1]])
    return cuts[::-1]


def _section_sizes(units: Sequence[_Unit]) -> dict[int, int]:
    """Section -> tokens of its body, without the heading."""
    sizes: dict[int, int] = {}
    for unit in units:
        sizes[unit.section] = sizes.get(unit.section, 0) + (0 if unit.heading else unit.tokens)
    return sizes


def _may_share(units: Sequence[_Unit], start: int, end: int, sizes: dict[int, int], tiny: float) -> bool:
    """Whether the units `start` to `end` may be one chunk: of one section, or of whole sections that are tiny. A
    section that is a heading alone goes with the one below it."""
    first, last = units[start].section, units[end - 1].section
    if first == last:
        return True
    if start > 0 and units[start - 1].section == first:
        return False
    whole = end == len(units) or units[end].section != last
    if all(sizes.get(section, 0) == 0 for section in range(first, last)):
        return True
    return whole and all(sizes.get(section, 0) <= tiny for section in range(first, last + 1))


def _fitting(
    text: str, units: Sequence[_Unit], max_tokens: int, count_tokens: CountTokens
) -> Iterator[Sequence[_Unit]]:
    """`units` as they are if their text fits, else in halves: what stands between units may count too."""
    if len(units) == 1 or count_tokens(text[units[0].start : units[-1].end]) <= max_tokens:
        yield units
        return
    middle = len(units) // 2
    yield from _fitting(text, units[:middle], max_tokens, count_tokens)
    yield from _fitting(text, units[middle:], max_tokens, count_tokens)


def _paths(headings: Sequence[Heading]) -> list[tuple[str, ...]]:
    """The heading path of each section; section 0 stands before the first heading."""
    paths: list[tuple[str, ...]] = [()]
    open_headings: list[Heading] = []
    for heading in headings:
        while open_headings and open_headings[-1].level >= heading.level:
            open_headings.pop()
        open_headings.append(heading)
        paths.append(tuple(open_heading.title for open_heading in open_headings))
    return paths


def _common_path(units: Sequence[_Unit], paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings above all of a chunk's text; of a chunk of nothing but headings, the last one's."""
    sections = sorted({unit.section for unit in units if not unit.heading}) or [units[-1].section]
    path = paths[sections[0]]
    for section in sections[1:]:
        same = 0
        while same < min(len(path), len(paths[section])) and path[same] == paths[section][same]:
            same += 1
        path = path[:same]
    return path


class _PageFinder:
    """Finds the page of ascending positions in one pass."""

    def __init__(self, document: ParsedDocument) -> None:
        self._pages = document.pages
        self._index = 0

    def at(self, position: int) -> int | None:
        if not self._pages:
            return None
        while self._index + 1 < len(self._pages) and self._pages[self._index].end <= position:
            self._index += 1
        return self._pages[self._index].number
