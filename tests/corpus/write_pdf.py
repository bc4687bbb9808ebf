"""Blocks in, the bytes of a PDF out: A4, a running head, page numbers, an outline.

The same blocks always give the same bytes: no clock, no random id, and no compression, so that a change of zlib changes
nothing. Knows nothing of the company.
"""

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, SimpleDocTemplate, Spacer
from reportlab.platypus import PageBreak as NewPage
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Grid
from reportlab.platypus.tables import TableStyle

from tests.corpus.blocks import Block, Heading, Item, Note, PageBreak, Paragraph, Run, Table, plain

_STYLES = getSampleStyleSheet()
_BODY = ParagraphStyle("Body", parent=_STYLES["BodyText"], fontSize=10, leading=13.5, spaceAfter=5)
_CELL = ParagraphStyle("Cell", parent=_BODY, fontSize=9, leading=11, spaceAfter=0)
_HEADER_CELL = ParagraphStyle("HeaderCell", parent=_CELL, fontName="Helvetica-Bold")
_TEXT_WIDTH = A4[0] - 50 * mm


class _HeadingText(Text):
    def __init__(self, title: str, level: int) -> None:
        super().__init__(escape(title), _STYLES[f"Heading{level}"])
        self.title = title
        self.level = level


class _Document(SimpleDocTemplate):
    """Adds an outline entry for each heading, as word processors do."""

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 (reportlab's name)
        if isinstance(flowable, _HeadingText):
            key = f"heading-{self.page}-{flowable.title}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.title, key, level=flowable.level - 1)


def pdf(blocks: Sequence[Block], *, running_head: str) -> bytes:
    """A PDF of `blocks`; its title is the first heading."""
    title = next(block.text for block in blocks if isinstance(block, Heading))
    output = io.BytesIO()
    document = _Document(
        output,
        pagesize=A4,
        leftMargin=25 * mm,
        rightMargin=25 * mm,
        topMargin=28 * mm,
        bottomMargin=24 * mm,
        title=title,
        author="Larkmoor Instruments",
        subject=running_head,
        creator="Larkmoor Instruments",
        invariant=1,
        pageCompression=0,
    )

    def furniture(canvas: Canvas, built: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(25 * mm, A4[1] - 16 * mm, running_head)
        canvas.drawRightString(A4[0] - 25 * mm, 14 * mm, f"Page {built.page}")

    document.build([_flowable(block) for block in blocks], onFirstPage=furniture, onLaterPages=furniture)
    return output.getvalue()


def _flowable(block: Block) -> Flowable:
    match block:
        case Heading(level=level, text=text):
            return _HeadingText(text, level)
        case Paragraph(runs=runs):
            return Text(_markup(runs), _BODY)
        case Item(runs=runs, number=number):
            bullet = "•" if number is None else f"{number}."
            return Text(_markup(runs), ParagraphStyle("Item", parent=_BODY, leftIndent=14), bulletText=bullet)
        case Table(rows=rows):
            return _grid(rows)
        case PageBreak():
            return NewPage()
        case Note():
            return Spacer(0, 0)


def _grid(rows: Sequence[Sequence[str]]) -> Flowable:
    longest = [max(len(row[column]) for row in rows) + 4 for column in range(len(rows[0]))]
    widths = [_TEXT_WIDTH * length / sum(longest) for length in longest]
    header, *body = rows
    cells = [[Text(escape(cell), _HEADER_CELL) for cell in header]]
    cells += [[Text(escape(cell), _CELL) for cell in row] for row in body]
    grid = Grid(cells, colWidths=widths, repeatRows=1, spaceBefore=4, spaceAfter=8)
    grid.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    return grid


def _markup(runs: tuple[Run, ...]) -> str:
    if not any(bold for _, bold in runs):
        return escape(plain(runs))
    return "".join(f"<b>{escape(text)}</b>" if bold else escape(text) for text, bold in runs)
