"""PDF: the pages' text with paragraphs put together, headings, list items and tables.

A PDF knows where glyphs stand, not what they are, so everything here is inference: `pdf_page` reads the glyphs,
`pdf_tables` and `pdf_blocks` group them, `pdf_headings` ranks them. Knows nothing of other formats.
"""

import math
from collections.abc import Iterator, Sequence

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.parsing.document import LeftOut, ParsedDocument
from ingest.parsing.media_types import PDF
from ingest.parsing.ocr import Recogniser, missing
from ingest.parsing.original import Original
from ingest.parsing.pdf_headings import comparable
from ingest.parsing.pdf_page import PageContent, read_page
from ingest.parsing.pdf_text import document_of
from ingest.parsing.picture import page_of
from retrieval.errors import DocumentError

MAX_PAGES = 3000

# A scan may carry a stamp or page numbers as text.
_SCAN_CHARS_A_PAGE = 25
_SCAN_DPI = 300
_SCAN_PIXELS = 16_000_000
_POINTS_AN_INCH = 72


def parse_pdf(original: Original, recogniser: Recogniser) -> ParsedDocument:
    """Pages without text of their own are recognised where that is possible; the others never are.

    Raises DocumentError: `encrypted`, `corrupt`, `too_many_pages`, `needs_ocr` (a scan), `no_text`, `parse_limit`.
    """
    document = _opened(original)
    try:
        count = len(document)
        if count > MAX_PAGES:
            raise DocumentError(f"The PDF has {count:,} pages, more than {MAX_PAGES:,}.", code="too_many_pages")
        pages = list(_read(document, count))
        scanned = [page.number for page in pages if _is_scan(page)]
        if len(scanned) == count and not recogniser.available:
            raise DocumentError(
                f"The PDF has no text layer: its {count:,} page(s) are pictures, probably a scan. {missing()}",
                code="needs_ocr",
            )
        recognised = _recognise(document, pages, scanned, recogniser) if recogniser.available else []
        outline = _outline(document)
        title = document.get_metadata_value("Title")
    except pypdfium2.PdfiumError as error:
        raise DocumentError(f"The PDF is damaged: {error}.", code="corrupt") from error
    finally:
        document.close()
    if not any(page.lines for page in pages):
        raise DocumentError(_no_text(pages, scanned), code="no_text")
    return document_of(
        pages,
        media_type=PDF,
        outline=outline,
        title=title,
        recognised_pages=recognised,
        left_out=[] if recogniser.available else _unread(scanned),
    )


def _is_scan(page: PageContent) -> bool:
    return page.images and sum(len(line.text) for line in page.lines) < _SCAN_CHARS_A_PAGE


def _recognise(
    document: pypdfium2.PdfDocument, pages: list[PageContent], scanned: Sequence[int], recogniser: Recogniser
) -> list[int]:
    """Puts what Tesseract reads in the place of the `scanned` pages; the numbers of those where it reads something."""
    found = []
    for number in scanned:
        page = _recognised(document, number, recogniser)
        if page is not None:
            pages[number - 1] = page
            found.append(number)
    return found


def _recognised(document: pypdfium2.PdfDocument, number: int, recogniser: Recogniser) -> PageContent | None:
    page = document[number - 1]
    try:
        width, height = page.get_size()
        scale = min(_SCAN_DPI / _POINTS_AN_INCH, math.sqrt(_SCAN_PIXELS / max(1.0, width * height)))
        drawn = page.render(scale=scale, grayscale=True)
        rows = memoryview(drawn.buffer).cast("B")
        shades = b"".join(rows[y * drawn.stride : y * drawn.stride + drawn.width] for y in range(drawn.height))
        picture = b"P5 %d %d 255\n" % (drawn.width, drawn.height) + shades
    finally:
        page.close()
    found = recogniser.pages(picture)
    if not found or not found[0].lines:
        return None
    return page_of(found[0], number, points_a_pixel=1 / scale)


def _unread(pages: Sequence[int]) -> list[LeftOut]:
    if not pages:
        return []
    named = ", ".join(map(str, pages[:20])) + (" …" if len(pages) > 20 else "")
    return [LeftOut(f"Page(s) {named}", f"They are pictures, and were not read. {missing()}")]


def _opened(original: Original) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(original.source)
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


def _no_text(pages: Sequence[PageContent], scanned: Sequence[int]) -> str:
    if scanned:
        return f"No text could be recognised on the PDF's {len(pages):,} page(s), which are pictures."
    hidden = sum(len(page.hidden) for page in pages)
    if hidden:
        return f"The PDF's {len(pages):,} page(s) show no text: {hidden:,} characters are hidden from readers."
    return f"The PDF's {len(pages):,} page(s) contain no text."


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
