"""Pictures: recognised lines as lines of a page, so that what is inferred for PDF (paragraphs, headings, tables) is
inferred for scans too.

Knows nothing of Tesseract's own output.
"""

from collections.abc import Sequence
from statistics import median

from ingest.parsing.document import ParsedDocument
from ingest.parsing.ocr import RecognisedLine, RecognisedPage, Recogniser
from ingest.parsing.original import Original
from ingest.parsing.pdf_page import Line, PageContent, Run
from ingest.parsing.pdf_text import document_of
from ingest.parsing.recognised_rows import in_rows
from retrieval.errors import DocumentError

# Pictures seldom say how large they are meant to be: a page of text is taken to be set in this many points.
_TYPE_POINTS = 11.0
_GAP_EMS = 2.0
# Type is measured by its pixels: what differs less is the same size.
_SAME_SIZE = 0.18


def parse_picture(original: Original, media_type: str, recogniser: Recogniser) -> ParsedDocument:
    """Raises DocumentError: `needs_ocr`, `no_text`, `corrupt`, `parse_limit`."""
    found = recogniser.pages(original.read())
    pages = [page_of(page, number) for number, page in enumerate(found, 1)]
    if not any(page.lines for page in pages):
        raise DocumentError("No text could be recognised in the picture.", code="no_text")
    numbers = {page.number for page in pages}
    return document_of(pages, media_type=media_type, recognised_pages=numbers)


def page_of(page: RecognisedPage, number: int, *, points_a_pixel: float | None = None) -> PageContent:
    """A recognised page as if it had been set in type."""
    sizes = [line.size for line in page.lines for _ in line.words]
    usual = median(sizes) if sizes else _TYPE_POINTS
    scale = points_a_pixel or _TYPE_POINTS / max(1.0, usual)
    lines = tuple(_line(line, number, page.height, scale, usual) for line in in_rows(page.lines))
    return PageContent(number, page.height * scale, lines, (), images=True)


def _line(line: RecognisedLine, number: int, height: float, scale: float, usual: float) -> Line:
    size = usual if abs(line.size - usual) < _SAME_SIZE * usual else line.size
    baseline = (height - line.baseline) * scale
    runs = _runs(line, scale, size)
    return Line(
        page=number,
        runs=tuple(runs),
        left=runs[0].left,
        right=runs[-1].right,
        baseline=baseline,
        last_baseline=baseline,
        size=round(size * scale * 2) / 2,
        bold=False,
        code=False,
    )


def _runs(line: RecognisedLine, scale: float, size: float) -> Sequence[Run]:
    """The words put together, divided where the gap is one between columns."""
    runs: list[Run] = []
    for word in line.words:
        if runs and word.left - runs[-1].right / scale <= _GAP_EMS * size:
            runs[-1] = Run(f"{runs[-1].text} {word.text}", runs[-1].left, word.right * scale, spaced=True)
        else:
            runs.append(Run(word.text, word.left * scale, word.right * scale, spaced=True))
    return runs
