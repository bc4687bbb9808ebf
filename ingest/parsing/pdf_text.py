"""Pages of lines to a document: running headers go, words divided at line ends are put together, blocks are written.

Knows nothing of where the lines come from: a PDF's own text, or text recognition.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ingest.parsing.document import LeftOut, ParsedDocument, TextBuilder, one_line
from ingest.parsing.pdf_blocks import LEADER, Block, blocks_of, is_item
from ingest.parsing.pdf_headings import mark_headings, title_of
from ingest.parsing.pdf_page import BULLET, Line, PageContent

_HYPHENATED = re.compile(r"([^\W\d_]+)\ufffe\s*([^\W\d_]+)")
_DIVIDED = re.compile(r"([^\W\d_]{2,40})-$")
_PAGE_NUMBER = re.compile(
    r"(?:page|seite|p\.)?\s*[-–—]?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*[-–—]?(?:\s*(?:of|/|von)\s*\d{1,4})?", re.IGNORECASE
)
# Compounds whose hyphen is not the typesetter's.
_KEEPS_HYPHEN = frozenset(
    {"self", "non", "well", "long", "short", "high", "low", "part", "full", "half", "cross", "ex", "all", "anti"}
    | {"co", "multi", "third", "first", "second", "end", "real", "state", "decision", "year", "day", "on", "up"}
)
_KEEPS_HYPHEN_BEFORE = frozenset(
    {"based", "related", "wide", "specific", "free", "term", "level", "party", "friendly", "driven", "oriented", "led"}
    | {"owned", "paid", "approved", "up", "out", "off", "in", "on", "site", "life", "time", "being", "specified"}
)
_MARGIN = 0.08  # headers and footers stand in this share of the page's height


def document_of(
    pages: Sequence[PageContent],
    *,
    media_type: str,
    outline: Mapping[tuple[int, str], int] | None = None,
    title: str | None = None,
    recognised_pages: Collection[int] = (),
    left_out: Sequence[LeftOut] = (),
) -> ParsedDocument:
    """The document that `pages` are. `outline` are bookmarks: (page, comparable words) to level.

    Raises DocumentError: `no_text`, `parse_limit`.
    """
    blocks = blocks_of(_without_furniture(pages))
    if blocks:
        mark_headings(blocks, outline or {})
    words = frozenset(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", " ".join(block.text for block in blocks).lower()))
    out = TextBuilder()
    for page in pages:
        out.hide(page.hidden)
    for part in left_out:
        out.leave_out(*part)
    _write(out, blocks, len(pages), words)
    given = title or " ".join(_heading_text(block, words) for block in title_of(blocks))
    return out.build(media_type, given, recognised_pages=recognised_pages)


def _without_furniture(pages: Sequence[PageContent]) -> list[PageContent]:
    """The pages without running headers, footers and page numbers."""
    seen: Counter[tuple[str, int]] = Counter()
    keys: dict[Line, tuple[str, int]] = {}
    for page in pages:
        for line in page.lines:
            if page.height and not _MARGIN < line.baseline / page.height < 1 - _MARGIN:
                keys[line] = (re.sub(r"\d+", "#", line.text), round(line.baseline / 6))
        seen.update({keys[line] for line in page.lines if line in keys})
    often = max(2, len(pages) // 3)

    def is_furniture(line: Line) -> bool:
        key = keys.get(line)
        if key is None or len(pages) < 2:
            return False
        return seen[key] >= often or _PAGE_NUMBER.fullmatch(line.text.strip()) is not None

    return [replace(page, lines=tuple(line for line in page.lines if not is_furniture(line))) for page in pages]


def _write(out: TextBuilder, blocks: Sequence[Block], pages: int, words: frozenset[str]) -> None:
    reached = 0
    for block in blocks:
        page = block.lines[0].page
        for number in range(reached + 1, page + 1):
            out.page(number)
        reached = max(reached, page)
        if block.cells is not None:
            out.row([_unhyphenated(cell, words) for cell in block.cells])
        elif block.heading:
            out.heading(block.heading, _heading_text(block, words))
        else:
            text, breaks = _paragraph(block.lines, words)
            reached = max([reached, *(number for number, _ in breaks)])
            if LEADER.search(text):
                out.line(LEADER.sub(" … ", text) if not breaks else text, breaks)
            elif block.lines[0].code:
                out.line(text, breaks)
            elif is_item(text):
                out.line(BULLET.sub("• ", text, count=1) if not breaks and BULLET.match(text) else text, breaks)
            else:
                out.paragraph(text, breaks)
    for number in range(reached + 1, pages + 1):
        out.page(number)


def _heading_text(block: Block, words: frozenset[str]) -> str:
    return _unhyphenated(BULLET.sub("", block.text, count=1), words)


def _paragraph(lines: Sequence[Line], words: frozenset[str]) -> tuple[str, list[tuple[int, int]]]:
    """The lines as one, and where in it a new page begins as (page number, offset)."""
    text = ""
    breaks = []
    for index, line in enumerate(lines):
        following = lines[index + 1].text if index + 1 < len(lines) else ""
        piece = one_line(_unhyphenated(line.text, words))
        if index and line.page != lines[index - 1].page:
            breaks.append((line.page, len(text)))
        text += piece
        divided = _DIVIDED.search(piece) if following[:1].islower() else None
        if divided is None:
            # Chinese and Japanese have no spaces to lose at the end of a line.
            text += " " if following and not (_is_han(piece[-1:]) and _is_han(following[0])) else ""
        elif not _hyphen_stays(divided.group(1), following.split(maxsplit=1)[0], words):
            text = text[:-1]
    return text, breaks


def _is_han(character: str) -> bool:
    return "\u3001" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"


def _unhyphenated(text: str, words: frozenset[str]) -> str:
    """`text` with the words put together that pdfium found divided at the end of a line."""

    def put_together(match: re.Match[str]) -> str:
        left, right = match.groups()
        return f"{left}-{right}" if _hyphen_stays(left, right, words) else f"{left}{right}"

    return _HYPHENATED.sub(put_together, text).replace("\ufffe", "-") if "\ufffe" in text else text


def _hyphen_stays(left: str, right: str, words: frozenset[str]) -> bool:
    """Whether the hyphen between two halves is the author's, judged by the `words` of the whole document."""
    left, right = left.lower(), re.sub(r"[\W\d_].*", "", right)
    if f"{left}{right.lower()}" in words:
        return False
    return (
        f"{left}-{right.lower()}" in words
        or left in _KEEPS_HYPHEN
        or right in _KEEPS_HYPHEN_BEFORE
        or right[:1].isupper()
    )
