"""Text to sentence spans, with exact offsets.

Rules, not a model: it has to run on every chunk of every document and on an answer while it streams, in linear time.
A line is a wall: parsing joins the lines of a paragraph, so a line break that is left separates list items, headings
or table rows. Knows nothing of documents, chunks or answers.
"""

import re
from collections.abc import Iterator

from retrieval.continental_stops import is_abbreviation, is_ordinal, opens_with, word_set

_LINE = re.compile(r"[^\n\r\x0b\x0c\x85\u2028\u2029]+")

# A Latin terminator ends a sentence only before white space, a full-width one anywhere. Closing quotes and brackets
# belong to the sentence, and so do the citation markers that models and encyclopaedias put behind the full stop.
# Possessive runs and the look-behind keep a megabyte of dots linear. The look-ahead says nothing new: with it the
# search skips what no sentence ends with, four times as fast.
_CLOSERS = r"[\"'”’»)\]}*_`」』）】》]"
_END = re.compile(
    r"(?=[.!?…؟۔。！？｡।॥])(?:(?P<latin>(?<![.!?…؟۔])[.!?…؟۔]++)|(?P<wide>[。！？｡।॥]++))"
    + _CLOSERS
    + r"{0,8}(?:[ \t]?\[\d{1,3}\]){0,8}(?(latin)(?=\s))"
)
_OPENERS = re.compile(r"[\s\"'“‘«(\[{*_`#¿¡-]{0,20}")
# Of the text before it read backwards: a search for what ends there tries every place before.
_WORD_BEFORE = re.compile(r"[^\W_](?:[\w.&'’-]{0,22}[^\W_])?")
_WORD_LOOK_BACK = 24
_DOTTED = re.compile(r"(?:[A-Za-z]\.){1,4}[A-Za-z]")

# "3.", "2.1.", "b)", "Section 4." at the start of a line number what follows.
_ENUMERATOR = re.compile(
    r"(?:[-*•–>#\s]{0,6})(?:(?:section|article|chapter|clause|part|step|appendix|rule|item|§|art|sec)\.?\s*)?"
    r"(?:\d{1,4}(?:\.\d{1,4}){0,5}|[ivxlc]{1,6}|[a-z])[.)]+",
    re.IGNORECASE,
)

_NEVER_LAST = word_set(
    "mr mrs ms dr prof rev gen sen rep gov capt lt col sgt maj hon messrs mt mme mlle fr e.g i.e eg ie cf vs viz "
    "incl resp"
)
_BEFORE_NUMBER = word_set(
    "no nos nr num p pp fig figs eq eqs sec secs art arts ch chap vol vols para paras ext ver v rev ca c approx max "
    "min tab ref refs cl abs § jan feb mar apr jun jul aug sep sept oct nov dec tel est"
)
_SOMETIMES_LAST = word_set(
    "inc ltd co corp llc plc gmbh bros etc jr sr st ave blvd rd dept al a.m p.m ph.d m.d b.a m.a u.s u.k u.n "
    "e.u d.c p.a a.d b.c i.d u.s.a v.s"
)
_STARTERS = word_set(
    "the this that these those it its he she we you they i if in on at for from as an a and but or so when while "
    "where our your their his her there here all any each every no not please to by with after before during "
    "however therefore thus since once although because what who how why which such some many most both under upon "
    "unless until within without employees customers managers"
)


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Spans `(start, end)` of the sentences of `text`, ascending, without surrounding white space.

    The spans cover every character that is not white space. A line never shares a sentence with the next; a table
    row (cells divided by `|` or tabs) is one unit. Linear in the length of the text.
    """
    spans: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        cuts = [] if _is_table_row(line.group()) else _boundaries(line.group())
        start = line.start()
        for cut in (*(line.start() + cut for cut in cuts), line.end()):
            if span := _stripped(text, start, cut):
                spans.append(span)
            start = cut
    return spans


def _is_table_row(line: str) -> bool:
    return "\t" in line.strip() or " | " in line or line.lstrip().startswith("|")


def _stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    return (start + left, start + right) if right > left else None


def _boundaries(line: str) -> Iterator[int]:
    # Text without a single capital (chat, old corpora) has to be cut at lower-case starts, or not at all.
    cased = line.lower() != line
    start = 0
    for match in _END.finditer(line):
        if match.group("wide") or _ends_sentence(line, start, match, cased=cased):
            yield match.end()
            start = match.end()


def _ends_sentence(line: str, start: int, match: re.Match[str], *, cased: bool) -> bool:
    opened = _OPENERS.match(line, match.end())
    after = opened.end() if opened else match.end()
    if after >= len(line):
        return False
    next_char = line[after]
    if cased and next_char.islower():
        return False
    if match.group("latin") != ".":
        return True
    if match.end("latin") - start <= 40 and _ENUMERATOR.fullmatch(line[start : match.end("latin")].lstrip()):
        return False
    return not (_belongs_to_word(line, start, match.start(), after) or is_ordinal(line, match.start()))


def _belongs_to_word(line: str, start: int, dot: int, after: int) -> bool:
    """Whether the full stop at `dot` belongs to its word, given the text that follows at `after`."""
    found = _WORD_BEFORE.match(line[max(start, dot - _WORD_LOOK_BACK) : dot][::-1])
    if not found:
        return False
    word = found.group()[::-1]
    opens = opens_with(line, after, _STARTERS)
    return _is_english_abbreviation(word, line, after, opens=opens) or is_abbreviation(
        word, line, dot, after, opens=opens
    )


def _is_english_abbreviation(word: str, line: str, after: int, *, opens: bool) -> bool:
    key = word.lower()
    if key in _NEVER_LAST:
        return True
    if key in _BEFORE_NUMBER and line[after].isdigit():
        return True
    initial = len(word) == 1 and word.isupper() and word != "I"
    return not opens and bool(key in _SOMETIMES_LAST or initial or _DOTTED.fullmatch(word))
