"""The parsed document, and the builder that every format's parser writes into.

The builder owns the two things that must be the same everywhere: how text is normalised, and how offsets are counted.
Its output has one convention that chunking relies on: a blank line divides paragraphs, a single line break divides the
items of a list, the rows of a table or the lines of code. Knows nothing of file formats.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from retrieval.errors import DocumentError
from retrieval.types import Heading, Page

MAX_TEXT_CHARS = 20_000_000
# A title is copied into every chunk below it: one as long as the file would make gigabytes.
MAX_TITLE_CHARS = 300
NOTHING_READ = "Nothing in the file could be read. "
_MAX_LEFT_OUT = 100
# A chunk is 200 tokens, about 800 characters.
_ROW_CHARS, _KEY_CHARS = 600, 80

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
# A letter has a few accents; a thousand make normalisation take minutes (UAX #15 allows 30, its stream-safe format).
_MARK = (
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_TOO_MANY_MARKS = re.compile(f"({_MARK}{{30}}){_MARK}+")
_NOT_CHARACTERS = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_MANY_BLANK_LINES = re.compile(r"\n{3,}")


class LeftOut(NamedTuple):
    """A part of a document that could not be read, by its name, and why, as a sentence."""

    part: str
    reason: str

    def __str__(self) -> str:
        return f"{self.part}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document version as text. Pages tile the text in order; headings ascend and lie on text of their own.

    `text` is NFC, has `\\n` as its only line break and no control characters. `title` is what the document calls
    itself, None where it does not. `media_type` is what the content was found to be. `hidden_chars` counts what was
    left out because no reader sees it, `left_out` names parts that could not be read, each with the reason.
    `recognised` are the spans whose words a machine has recognised in pictures.
    """

    text: str
    pages: tuple[Page, ...]
    headings: tuple[Heading, ...]
    title: str | None
    media_type: str
    hidden_chars: int = 0
    left_out: tuple[LeftOut, ...] = ()
    recognised: tuple[tuple[int, int], ...] = ()


def normalised(text: str) -> str:
    """`text` as NFC with `\\n` line breaks, plain spaces and without characters that nobody can see."""
    text = _LINE_BREAK.sub("\n", text)
    if not text.isascii():
        text = _TOO_MANY_MARKS.sub(r"\1", _NOT_CHARACTERS.sub("\ufffd", text))
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
        self._hidden_chars = 0
        self._left_out: list[LeftOut] = []
        self._recognised: list[tuple[int, int]] = []

    def page(self, number: int) -> None:
        """Starts a page: blocks that follow are on it. Numbers ascend."""
        self._page_starts.append((number, self._length))

    def heading(self, level: int, text: str) -> None:
        """A heading, whose text stays whole; its title has at most `MAX_TITLE_CHARS`."""
        words = one_line(text)
        if words:
            start = self._append(words, as_line=False)
            title = words[:MAX_TITLE_CHARS]
            self._headings.append(Heading(max(1, min(level, 9)), title, start, start + len(words)))

    def paragraph(self, text: str, breaks: Sequence[tuple[int, int]] = ()) -> None:
        """A paragraph on one line. `breaks` are (page number, offset) where a page starts inside `text`, which then
        has to be one line already."""
        self._block(text, as_line=False, breaks=breaks)

    def line(self, text: str, breaks: Sequence[tuple[int, int]] = ()) -> None:
        """A list item or a table row: one line, next to its neighbours. `breaks` as for a paragraph."""
        self._block(text, as_line=True, breaks=breaks)

    def row(self, cells: Sequence[str]) -> None:
        """A table row: the cells that are not empty, divided by ` | `. A row too long for a chunk goes on in lines that
        begin with its first cell, so that each says which row it is."""
        shown = [cell for cell in (one_line(cell).strip(" |").replace(" | ", " / ") for cell in cells) if cell]
        key = shown[0] if len(shown) > 1 and len(shown[0]) <= _KEY_CHARS else ""
        line = ""
        for cell in shown:
            if line not in ("", key) and key and len(line) + len(cell) > _ROW_CHARS:
                self.line(line)
                line = key
            line += f" | {cell}" if line else cell
        self.line(line)

    def verbatim(self, text: str) -> None:
        """Lines whose breaks and indentation carry meaning, such as code."""
        text = _MANY_BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in normalised(text).split("\n")))
        text = text.strip("\n")
        if text:
            self._append(text, as_line=False)

    def document(self, part: ParsedDocument, *, level: int) -> None:
        """A whole document that is a part of this one, its headings below `level`. Its pages are not kept."""
        lead = len(part.text) - len(part.text.lstrip())
        text = part.text.strip()
        start = self._append(text, as_line=False) - lead
        end = start + lead + len(text)
        for heading in part.headings:
            moved = replace(heading, start=heading.start + start, end=min(heading.end + start, end))
            self._headings.append(replace(moved, level=min(9, level + heading.level)))
        self._recognised += [(max(0, at) + start, min(to + start, end)) for at, to in part.recognised]
        self._hidden_chars += part.hidden_chars
        self._left_out += part.left_out

    def hide(self, text: str) -> None:
        """Counts text that no reader sees, and that is left out for that reason."""
        self._hidden_chars += len(one_line(text))

    def leave_out(self, part: str, reason: str) -> None:
        """Notes a part that could not be read, with the reason as a sentence."""
        if len(self._left_out) < _MAX_LEFT_OUT:
            self._left_out.append(LeftOut(one_line(part)[:300], one_line(reason)[:500]))

    def gap(self) -> None:
        """Ends a run of lines, so that two tables or lists that follow each other stay apart."""
        self._last_was_line = False

    def build(
        self, media_type: str, title: str | None = None, *, recognised_pages: Collection[int] = ()
    ) -> ParsedDocument:
        """The document; raises DocumentError `no_text` if nothing was added. Without a `title` of its own a document is
        called what its first heading says, if that is where it begins or is the only one of the highest level."""
        text = "".join(self._pieces)
        if not text:
            raise no_text(self._hidden_chars, self._left_out)
        pages = _tiled(self._page_starts, len(text))
        recognised = [(page.start, page.end) for page in pages if page.number in recognised_pages]
        return ParsedDocument(
            text=text,
            pages=pages,
            headings=tuple(self._headings),
            title=title_of(title, self._headings),
            media_type=media_type,
            hidden_chars=self._hidden_chars,
            left_out=tuple(self._left_out),
            recognised=tuple(recognised or self._recognised),
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
            raise too_much_text()
        return start

    def _move_pages_that_start_here(self, by: int) -> None:
        # A page starts at its first character, not at the blank line before it.
        for index in range(len(self._page_starts) - 1, -1, -1):
            number, start = self._page_starts[index]
            if start < self._length:
                return
            self._page_starts[index] = (number, start + by)


def too_much_text() -> DocumentError:
    return DocumentError(
        f"The file holds more than {MAX_TEXT_CHARS:,} characters of text. Divide it into smaller ones.",
        code="parse_limit",
    )


def no_text(hidden_chars: int = 0, left_out: Sequence[LeftOut] = ()) -> DocumentError:
    return DocumentError(_why_no_text(hidden_chars, left_out), code="no_text")


def _why_no_text(hidden_chars: int, left_out: Sequence[LeftOut]) -> str:
    if left_out:
        more = f" And {len(left_out) - 3} more." if len(left_out) > 3 else ""
        return f"{NOTHING_READ}{' '.join(map(str, left_out[:3]))}{more}"
    if hidden_chars:
        return f"The file shows no text: its {hidden_chars:,} characters are hidden from readers."
    return "The file contains no text."


# What programs write where nobody gave a title.
_PLACEHOLDER = re.compile(
    r"(?:microsoft (?:word|powerpoint|excel)\b.*|(?:powerpoint )?presentation\d*|document\d*|untitled.*|\(?anonymous\)?"
    r"|unspecified|(?:new )?title|slide \d+|.*\.(?:docx?|pptx?|xlsx?|pdf|indd|qxd|tex|dvi))",
    re.IGNORECASE,
)


def title_of(given: str | None, headings: Sequence[Heading]) -> str | None:
    """The title: the one `given` by the file, if somebody wrote it, or the heading that is one."""
    words = one_line(given or "")[:MAX_TITLE_CHARS]
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
