"""Blocks and rows in, the bytes of Word, PowerPoint and Excel files out.

Office files are zip archives that carry the time of writing in several places; `_frozen` sets them all to one date, so
that the same source always gives the same parts. Knows nothing of the company.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import docx
import pptx
from docx.document import Document
from docx.enum.text import WD_BREAK
from openpyxl import Workbook
from openpyxl.styles import Font
from pptx.presentation import Presentation
from pptx.slide import Slide
from pptx.util import Emu, Inches, Pt

from tests.corpus.blocks import Block, Heading, Item, Note, PageBreak, Paragraph, Run, Table, plain

WRITTEN_AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
_AUTHOR = "Larkmoor Instruments"


def word(blocks: Sequence[Block]) -> bytes:
    """A .docx of `blocks`, with Word's own heading, list and table styles."""
    document = docx.Document()
    for block in blocks:
        _add_to_document(document, block)
    properties = document.core_properties
    properties.title = next(block.text for block in blocks if isinstance(block, Heading))
    properties.author = properties.last_modified_by = _AUTHOR
    properties.created = properties.modified = WRITTEN_AT.replace(tzinfo=None)
    output = io.BytesIO()
    document.save(output)
    return _frozen(output.getvalue())


def _add_to_document(document: Document, block: Block) -> None:
    match block:
        case Heading(level=level, text=text):
            document.add_heading(text, level=level)
        case Paragraph(runs=runs):
            _add_runs(document, runs, style=None)
        case Item(runs=runs, number=number):
            _add_runs(document, runs, style="List Bullet" if number is None else "List Number")
        case Table(rows=rows):
            table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
            for cells, row in zip(rows, table.rows, strict=True):
                for text, cell in zip(cells, row.cells, strict=True):
                    cell.text = text
        case PageBreak():
            document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
        case Note():
            pass


def _add_runs(document: Document, runs: tuple[Run, ...], *, style: str | None) -> None:
    paragraph = document.add_paragraph(style=style)
    for text, bold in runs:
        paragraph.add_run(text).bold = bold or None


def slides(blocks: Sequence[Block]) -> bytes:
    """A .pptx with one slide for each first-level heading; notes become speaker notes."""
    deck = pptx.Presentation()
    for number, (title, content) in enumerate(_by_slide(blocks)):
        _add_slide(deck, title, content, layout=0 if number == 0 else 1)
    properties = deck.core_properties
    properties.title = next(block.text for block in blocks if isinstance(block, Heading))
    properties.author = properties.last_modified_by = _AUTHOR
    properties.created = properties.modified = WRITTEN_AT.replace(tzinfo=None)
    output = io.BytesIO()
    deck.save(output)
    return _frozen(output.getvalue())


def _by_slide(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    starts = [number for number, block in enumerate(blocks) if isinstance(block, Heading)]
    for start, end in zip(starts, [*starts[1:], len(blocks)], strict=True):
        heading = blocks[start]
        assert isinstance(heading, Heading)
        yield heading.text, list(blocks[start + 1 : end])


def _add_slide(deck: Presentation, title: str, content: Sequence[Block], *, layout: int) -> None:
    tables = [block for block in content if isinstance(block, Table)]
    slide = deck.slides.add_slide(deck.slide_layouts[5 if tables else layout])
    assert slide.shapes.title is not None
    slide.shapes.title.text_frame.text = title
    lines = [plain(block.runs) for block in content if isinstance(block, Paragraph | Item)]
    if lines:
        slide.placeholders[1].text_frame.text = "\n".join(lines)
    for table in tables:
        _add_table(slide, table)
    notes = " ".join(block.text for block in content if isinstance(block, Note))
    frame = slide.notes_slide.notes_text_frame
    assert frame is not None
    frame.text = notes


def _add_table(slide: Slide, table: Table) -> None:
    height = Emu(Inches(0.45) * len(table.rows))
    shape = slide.shapes.add_table(len(table.rows), len(table.rows[0]), Inches(0.5), Inches(1.6), Inches(9), height)
    for number, cells in enumerate(table.rows):
        for column, text in enumerate(cells):
            frame = shape.table.cell(number, column).text_frame
            frame.text = text
            frame.paragraphs[0].font.size = Pt(16)


def workbook(sheets: Mapping[str, Sequence[Sequence[str]]], *, title: str) -> bytes:
    """An .xlsx with one sheet for each name; cells that read as numbers become numbers."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([_cell(text) for text in row])
        sheet.freeze_panes = "A2"
        sheet.column_dimensions["B"].width = 60
        for cell in sheet[1]:
            cell.font = Font(bold=True)
    book.properties.title = title
    book.properties.creator = _AUTHOR
    book.properties.created = WRITTEN_AT.replace(tzinfo=None)
    output = io.BytesIO()
    book.save(output)
    return _frozen(output.getvalue())


def _cell(text: str) -> str | int | None:
    if not text:
        return None
    return int(text) if re.fullmatch(r"\d+", text) else text


def _frozen(archive: bytes) -> bytes:
    """The same archive dated `WRITTEN_AT`: every member, and the core properties, where openpyxl puts the clock."""
    stamp = WRITTEN_AT.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    output = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(output, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            member = zipfile.ZipInfo(name, date_time=WRITTEN_AT.timetuple()[:6])
            member.external_attr = 0o600 << 16
            new.writestr(member, content, zipfile.ZIP_DEFLATED)
    return output.getvalue()
