"""Plain text and light markup (Markdown, reStructuredText, AsciiDoc, Org): the text stays as it was written.

What a reader sees as a quote is then what the author typed. Two things change: the line breaks inside hard-wrapped
paragraphs become spaces, so that a sentence is contiguous, and comments, which no reader would see, become blanks.
Where nothing is indented both keep the length, so that offsets are those of the file. Knows nothing of other formats.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ingest.parsing.document import (
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    ParsedDocument,
    no_text,
    one_line,
    title_of,
    too_much_text,
)
from ingest.parsing.markdown_comments import FENCE, without_comments
from ingest.parsing.media_types import ASCIIDOC, MARKDOWN, ORG, RST
from retrieval.types import Heading

_FRONT_MATTER = re.compile(r"\A---\n(?P<fields>(?:.*\n){0,100}?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(?P<title>[^\n]*?)[\"']?[ \t]*$", re.MULTILINE)
_STARTS_BLOCK = re.compile(r"\s*(?:[-*+•●▪–>|#]|\d{1,3}[.)]\s|[a-z][.)]\s|[=~`:.^_-]{3,}\s*$|[\w .-]{1,30}:\s)")
_ENDS_BLOCK = re.compile(r"(?:  |\\|\||:)$|^\s*(?:#|\||>)|^\s*[=~`^_-]{3,}$")
_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_])\1{2,}\s*")
_INLINE_MARKUP = re.compile(r"!?\[([^\]\n]{0,300})\]\([^)\n]{0,500}\)|[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")

# What opens a heading; its length is the level.
_MARKED = {
    MARKDOWN: re.compile(r" {0,3}(#{1,6})[ \t]+(?=\S)"),
    ASCIIDOC: re.compile(r"(={1,6})[ \t]+(?=\S)"),
    ORG: re.compile(r"(\*{1,8})[ \t]+(?=\S)"),
}
_NUMBERED = re.compile(r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})\.?[ \t]+(?P<title>[^\W\d].{0,90})$")
# A longer line is no heading, and the patterns here are only tried on short ones.
_HEADING_MAX = 300

_WRAP_MIN, _WRAP_MAX = 50, 130


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str
    code: bool

    @property
    def blank(self) -> bool:
        return not self.text.strip()


def parse_plain(text: str, media_type: str) -> ParsedDocument:
    """`text` (already normalised) with its headings. Raises DocumentError `no_text`, `parse_limit`."""
    if not text.strip():
        raise no_text()
    if len(text) > MAX_TEXT_CHARS:
        raise too_much_text()
    title = None
    body = hidden = 0
    if media_type == MARKDOWN:
        text, hidden = without_comments(text)
        if not text.strip():
            raise no_text(hidden)
        if front := _FRONT_MATTER.match(text):
            found = _FRONT_TITLE.search(front.group("fields"))
            title = found.group("title") if found else None
            body = front.end()
    lines = list(_lines(text, body))
    text, headings = _unwrapped(text, lines, tuple(_headings(lines, media_type)))
    return ParsedDocument(text, (), headings, title_of(title, headings), media_type, hidden)


def _lines(text: str, body: int) -> Iterator[_Line]:
    position = body
    fence: str | None = None
    for line in text[body:].split("\n"):
        mark = FENCE.match(line)
        if fence:
            yield _Line(position, line, code=True)
            if mark and mark.group(1)[0] == fence[0] and len(mark.group(1)) >= len(fence):
                fence = None
        elif mark:
            fence = mark.group(1)
            yield _Line(position, line, code=True)
        else:
            yield _Line(position, line, code=False)
        position += len(line) + 1


def _headings(lines: list[_Line], media_type: str) -> Iterator[Heading]:
    marked = _MARKED.get(media_type)
    underlines: list[str] = []
    titled = 0
    first = next((index for index, line in enumerate(lines) if not line.blank), 0)
    for index, line in enumerate(lines):
        if line.code or line.blank or len(line.text) > _HEADING_MAX:
            continue
        found = marked.match(line.text) if marked else None
        if found:
            yield _heading(line, len(found.group(1)), found.end(), _end_of_title(line.text))
        elif level := _underlined(lines, index, media_type, underlines):
            indent = len(line.text) - len(line.text.lstrip())
            yield _heading(line, level, indent, len(line.text.rstrip()))
        elif not marked and (level := _standing_alone(lines, index)):
            numbered = _NUMBERED.match(line.text.strip()) is not None
            titled = titled or int(index == first and not numbered)
            # Below a title all other headings are one level deeper.
            deeper = titled if numbered or index != first else 0
            yield _heading(line, level + deeper, len(line.text) - len(line.text.lstrip()), len(line.text.rstrip()))


def _end_of_title(line: str) -> int:
    """Where the words end: Markdown allows closing marks (`## Title ##`)."""
    words = line.rstrip()
    unmarked = words.rstrip("#")
    return len(unmarked.rstrip()) if unmarked.strip() and unmarked[-1].isspace() else len(words)


def _heading(line: _Line, level: int, start: int, end: int) -> Heading:
    words = one_line(_INLINE_MARKUP.sub(r"\1", line.text[start:end])) or line.text[start:end]
    return Heading(level, words[:MAX_TITLE_CHARS], line.start + start, line.start + end)


def _underlined(lines: list[_Line], index: int, media_type: str, underlines: list[str]) -> int:
    """The level of a heading whose next line underlines it, 0 if it is none. In reStructuredText the order in which
    the marks appear gives the level; elsewhere `=` is 1 and `-` is 2."""
    if index + 1 >= len(lines) or lines[index + 1].code:
        return 0
    if index and not lines[index - 1].blank and not _UNDERLINE.fullmatch(lines[index - 1].text):
        return 0
    title, mark = lines[index].text.strip(), _UNDERLINE.fullmatch(lines[index + 1].text)
    if not mark or len(title) > 120 or not any(character.isalnum() for character in title):
        return 0
    character = mark.group(1)
    if media_type == RST:
        if len(mark.group().strip()) < len(title):
            return 0
        if character not in underlines:
            underlines.append(character)
        return underlines.index(character) + 1
    return {"=": 1, "-": 2}.get(character, 0)


def _standing_alone(lines: list[_Line], index: int) -> int:
    """The level of a line of plain text that reads as a heading, 0 if it does not: short, after a blank line, and
    numbered, in capitals, or above an indented block."""
    text = lines[index].text.strip()
    if len(text) > 90 or text[-1] in ".,;:!?" or (index and not lines[index - 1].blank):
        return 0
    below = lines[index + 1] if index + 1 < len(lines) else None
    following = next((line.text.strip() for line in lines[index + 1 : index + 5] if not line.blank), "")
    capitals = sum(1 for character in text if character.isalpha()) >= 4 and text.isupper()
    if below is not None and not below.blank:
        if capitals and not any(line.text.strip() for line in lines[:index]):
            return 1  # the first line of all
        hangs = _indent(below) >= _indent(lines[index]) + 2 and not _STARTS_BLOCK.match(below.text)
        return 2 if hangs and _indent(lines[index]) == 0 else 0
    if numbered := _NUMBERED.match(text):
        # "1. Open the door", blank line, "2. Go in" is a list.
        return 0 if _NUMBERED.match(following) else numbered.group("number").count(".") + 1
    return 1 if capitals and following and not following.isupper() else 0


def _indent(line: _Line) -> int:
    return len(line.text) - len(line.text.lstrip())


def _unwrapped(text: str, lines: list[_Line], headings: tuple[Heading, ...]) -> tuple[str, tuple[Heading, ...]]:
    """`text` with the line breaks inside hard-wrapped paragraphs, and the indentation behind them, made one space."""
    titles = {text.rfind("\n", 0, heading.start) + 1 for heading in headings}
    joins: list[tuple[int, int]] = []
    block: list[_Line] = []
    for line in [*lines, _Line(len(text), "", code=False)]:
        if line.blank or line.code or line.start in titles:
            joins += _joins(block)
            block = []
        else:
            block.append(line)
    pieces, position, lost = [], 0, 0
    moved = deque(headings)
    result: list[Heading] = []
    for start, end in [*joins, (len(text), len(text))]:
        while moved and moved[0].start < start:
            heading = moved.popleft()
            result.append(replace(heading, start=heading.start - lost, end=heading.end - lost))
        pieces += [text[position:start], " " if end > start else ""]
        lost += end - start - 1
        position = end
    return "".join(pieces), tuple(result)


def _joins(block: list[_Line]) -> list[tuple[int, int]]:
    """The spans in `block` from the end of a line to the first word of the next, where a text editor broke the line:
    the next word would not have fitted."""
    width = max((len(line.text.rstrip()) for line in block), default=0)
    if len(block) < 2 or not _WRAP_MIN <= width <= _WRAP_MAX:
        return []
    joins, continues = [], False
    least = min(map(_indent, block))
    # With a hanging indent, what stands at the margin is the next item.
    hanging = _indent(block[0]) == least and any(_indent(line) > least for line in block)
    for line, following in pairwise(block):
        word = following.text.split(maxsplit=1)[0]
        if _ENDS_BLOCK.search(line.text) or _STARTS_BLOCK.match(following.text) or " | " in line.text:
            continue
        if hanging and _indent(following) == least:
            continue
        if (_indent(following) < _indent(line) and line is not block[0]) or len(line.text.rstrip()) + 1 + len(
            word
        ) <= width:
            continue
        joins.append((line.start + len(line.text.rstrip()), following.start + _indent(following)))
        continues = continues or word[0].islower() or not word[0].isascii()
    # Log lines and verses are of like length too, but none of them starts in the middle of a sentence.
    return joins if continues else []
