"""PDF: the pages' text with paragraphs put together, headings, list items and tables.

A PDF knows where glyphs stand, not what they are, so everything here is inference: `pdf_page` reads the glyphs,
`pdf_tables` and `pdf_blocks` group them, `pdf_headings` ranks them. Knows nothing of other formats.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.parsing.detection import PDF
from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.pdf_blocks import LEADER, Block, blocks_of, is_item
from ingest.parsing.pdf_headings import comparable, mark_headings, title_of
from ingest.parsing.pdf_page import BULLET, Line, PageContent, read_page
from retrieval.errors import DocumentError

MAX_PAGES = 3000

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


# A scan may carry a stamp or page numbers as text.
_SCAN_CHARS_A_PAGE = 10


def parse_pdf(path: Path) -> ParsedDocument:
    """Raises DocumentError: `encrypted`, `corrupt`, `too_many_pages`, `no_text` (a scan), `parse_limit`."""
    document = _opened(path)
    try:
        count = len(document)
        if count > MAX_PAGES:
            raise DocumentError(f"The PDF has {count:,} pages, more than {MAX_PAGES:,}.", code="too_many_pages")
        pages = list(_read(document, count))
        outline = _outline(document)
        title = document.get_metadata_value("Title")
    except pypdfium2.PdfiumError as error:
        raise DocumentError(f"The PDF is damaged: {error}.", code="corrupt") from error
    finally:
        document.close()
    characters = sum(len(line.text) for page in pages for line in page.lines)
    if characters < _SCAN_CHARS_A_PAGE * len(pages) and (characters == 0 or any(page.images for page in pages)):
        raise DocumentError(_no_text(pages), code="no_text")
    blocks = blocks_of(_without_furniture(pages))
    mark_headings(blocks, outline)
    return _written(blocks, count, title)


def _opened(path: Path) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD or "assword" in str(error):
            raise DocumentError(
                "The PDF is protected by a password. Save it without the password and upload it again.",
                code="encrypted",
            ) from error
        raise DocumentError("The PDF is damaged and cannot be opened.", code="corrupt") from error


def _read(document: pypdfium2.PdfDocument, count: int) -> Iterator[PageContent]:
    """The pages that can be read; a page that pdfium cannot load is empty, unless none can."""
    broken = 0
    for index in range(count):
        try:
            page = document[index]
        except pypdfium2.PdfiumError:
            broken += 1
            if broken == count:
                raise
            yield PageContent(index + 1, 0.0, (), (), images=False)
            continue
        try:
            yield read_page(page, index + 1)
        finally:
            page.close()


def _no_text(pages: Sequence[PageContent]) -> str:
    if any(page.images for page in pages):
        return (
            f"The PDF has no text layer: its {len(pages)} page(s) are pictures, probably a scan. Text in pictures "
            "cannot be read, because no text recognition (OCR) is installed. Upload a version with selectable text."
        )
    return f"The PDF's {len(pages)} page(s) contain no text."


def _outline(document: pypdfium2.PdfDocument) -> dict[tuple[int, str], int]:
    """Bookmarks: (page, words) -> level."""
    found: dict[tuple[int, str], int] = {}
    try:
        for number, bookmark in enumerate(document.get_toc(max_depth=6)):
            destination = bookmark.get_dest()
            index = destination.get_index() if destination is not None else None
            if index is not None:
                found.setdefault((index + 1, comparable(bookmark.get_title())), bookmark.level + 1)
            if number > 5000:
                break
    except (pypdfium2.PdfiumError, UnicodeDecodeError):
        return {}
    return found


def _without_furniture(pages: list[PageContent]) -> list[PageContent]:
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

    return [
        PageContent(
            page.number,
            page.height,
            tuple(line for line in page.lines if not is_furniture(line)),
            page.grids,
            page.images,
        )
        for page in pages
    ]


def _written(blocks: Sequence[Block], pages: int, title: str | None) -> ParsedDocument:
    out = TextBuilder()
    words = frozenset(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", " ".join(block.text for block in blocks).lower()))
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
    return out.build(PDF, title or " ".join(_heading_text(block, words) for block in title_of(blocks)))


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
