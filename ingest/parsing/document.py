"""The parsed document, and the builder that every format's parser writes into.

The builder owns the two things that must be the same everywhere: how text is normalised, and how offsets are counted.
Its output has one convention that chunking relies on: a blank line divides paragraphs, a single line break divides the
items of a list, the rows of a table or the lines of code. Knows nothing of file formats.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.errors import DocumentError
from retrieval.types import Heading, Page

MAX_TEXT_CHARS = 20_000_000

_BULLETS = dict.fromkeys(map(ord, "\uf0b7\uf0a7\uf0d8\uf0fc\uf076\uf06e\uf071"), "•")
_SPACES = dict.fromkeys(
    map(ord, "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"), " "
)
# No reader sees these, and a model would: bidi overrides and the tag block have both been used to smuggle instructions.
_INVISIBLE = dict.fromkeys(
    [
        *map(ord, "\u00ad\u180e\u200b\u2060\ufeff"),
        *range(0x202A, 0x202F),
        *range(0x2061, 0x2070),
        *range(0xFFF9, 0xFFFC),
        *range(0xE0000, 0xE0080),
    ]
)
_CONTROL = dict.fromkeys([*(c for c in range(0x20) if c not in (0x09, 0x0A)), *range(0x7F, 0xA0)])
_CHARACTERS = {**_BULLETS, **_SPACES, **_INVISIBLE, **_CONTROL}
_LINE_BREAK = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_NOT_CHARACTERS = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_MANY_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document version as text. Pages tile the text in order; headings ascend and lie on text of their own.

    `text` is NFC, has `\\n` as its only line break and no control characters. `title` is what the document calls
    itself, None where it does not. `media_type` is what the content was found to be.
    """

    text: str
    pages: tuple[Page, ...]
    headings: tuple[Heading, ...]
    title: str | None
    media_type: str


def normalised(text: str) -> str:
    """`text` as NFC with `\\n` line breaks, plain spaces and without characters that nobody can see."""
    text = _LINE_BREAK.sub("\n", text)
    text = _NOT_CHARACTERS.sub("\ufffd", text) if not text.isascii() else text
    return unicodedata.normalize("NFC", text.translate(_CHARACTERS))


def one_line(text: str) -> str:
    """`text` normalised, each run of white space made one space."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())  # most cells and words: ten times as fast
    return " ".join(normalised(text).split())


class TextBuilder:
    """Collects blocks in reading order and counts their offsets.

    Raises DocumentError `parse_limit` as soon as the text grows over `MAX_TEXT_CHARS`.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._last_was_line = False
        self._page_starts: list[tuple[int, int]] = []
        self._headings: list[Heading] = []

    def page(self, number: int) -> None:
        """Starts a page: blocks that follow are on it. Numbers ascend."""
        self._page_starts.append((number, self._length))

    def heading(self, level: int, text: str) -> None:
        title = one_line(text)
        if title:
            start = self._append(title, as_line=False)
            self._headings.append(Heading(max(1, min(level, 9)), title, start, start + len(title)))

    def paragraph(self, text: str, breaks: Sequence[tuple[int, int]] = ()) -> None:
        """A paragraph on one line. `breaks` are (page number, offset) where a page starts inside `text`, which then
        has to be one line already."""
        self._block(text, as_line=False, breaks=breaks)

    def line(self, text: str, breaks: Sequence[tuple[int, int]] = ()) -> None:
        """A list item or a table row: one line, next to its neighbours. `breaks` as for a paragraph."""
        self._block(text, as_line=True, breaks=breaks)

    def row(self, cells: Sequence[str]) -> None:
        """A table row: the cells that are not empty, divided by ` | `."""
        self.line(" | ".join(cell for cell in (one_line(cell).replace(" | ", " / ") for cell in cells) if cell))

    def verbatim(self, text: str) -> None:
        """Lines whose breaks and indentation carry meaning, such as code."""
        text = _MANY_BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in normalised(text).split("\n")))
        text = text.strip("\n")
        if text:
            self._append(text, as_line=False)

    def gap(self) -> None:
        """Ends a run of lines, so that two tables or lists that follow each other stay apart."""
        self._last_was_line = False

    def build(self, media_type: str, title: str | None = None) -> ParsedDocument:
        """The document; raises DocumentError `no_text` if nothing was added. Without a `title` of its own a document is
        called what its first heading says, if that is where it begins or is the only one of the highest level."""
        text = "".join(self._pieces)
        if not text:
            raise DocumentError("The file contains no text.", code="no_text")
        return ParsedDocument(
            text=text,
            pages=_tiled(self._page_starts, len(text)),
            headings=tuple(self._headings),
            title=title_of(title, self._headings),
            media_type=media_type,
        )

    def _block(self, text: str, *, as_line: bool, breaks: Sequence[tuple[int, int]]) -> None:
        text = text if breaks else one_line(text)
        if text:
            start = self._append(text, as_line=as_line)
            self._page_starts += [(number, start + offset) for number, offset in breaks]

    def _append(self, text: str, *, as_line: bool) -> int:
        if self._pieces:
            separator = "\n" if as_line and self._last_was_line else "\n\n"
            self._pieces.append(separator)
            self._move_pages_that_start_here(len(separator))
            self._length += len(separator)
        start = self._length
        self._pieces.append(text)
        self._length += len(text)
        self._last_was_line = as_line
        if self._length > MAX_TEXT_CHARS:
            raise DocumentError(f"The file holds more than {MAX_TEXT_CHARS:,} characters of text.", code="parse_limit")
        return start

    def _move_pages_that_start_here(self, by: int) -> None:
        # A page starts at its first character, not at the blank line before it.
        for index in range(len(self._page_starts) - 1, -1, -1):
            number, start = self._page_starts[index]
            if start < self._length:
                return
            self._page_starts[index] = (number, start + by)


# What programs write where nobody gave a title.
_PLACEHOLDER = re.compile(
    r"(?:microsoft (?:word|powerpoint|excel)\b.*|(?:powerpoint )?presentation\d*|document\d*|untitled.*|\(?anonymous\)?"
    r"|unspecified|(?:new )?title|slide \d+|.*\.(?:docx?|pptx?|xlsx?|pdf|indd|qxd|tex|dvi))",
    re.IGNORECASE,
)


def title_of(given: str | None, headings: Sequence[Heading]) -> str | None:
    """The title: the one `given` by the file, if somebody wrote it, or the heading that is one."""
    words = one_line(given or "")[:300]
    if words and not _PLACEHOLDER.fullmatch(words):
        return words
    top = [heading for heading in headings if heading.level == 1]
    if top and top[0] is headings[0] and (top[0].start == 0 or (len(top) == 1 and top[0].start < 1000)):
        return top[0].title
    return None


def _tiled(starts: Sequence[tuple[int, int]], length: int) -> tuple[Page, ...]:
    bounds = [min(start, length) for _, start in starts] + [length]
    if starts:
        bounds[0] = 0
    return tuple(Page(number, bounds[i], bounds[i + 1]) for i, (number, _) in enumerate(starts))
