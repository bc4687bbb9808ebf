"""Spreadsheets and delimited text: every row a line with its column headings.

Knows nothing of formulas or charts: what a sheet shows is what counts.
"""

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from typing import Any

import python_calamine

from ingest.parsing.document import MAX_TEXT_CHARS, ParsedDocument, TextBuilder
from ingest.parsing.hidden_lines import HiddenLines, hidden_lines
from ingest.parsing.media_types import TSV, XLSX
from ingest.parsing.original import Original
from ingest.parsing.rows import add_table, looks_like_header
from retrieval.errors import DocumentError

_DEFAULT_NAMES = ("sheet", "tabelle", "feuil", "hoja", "foglio", "planilha", "лист", "工作表")
_DELIMITERS = ",;\t|"
_SNIFFED_LINES = 30
_MAX_MERGED = 20_000
_WORK_SHEET = python_calamine.SheetTypeEnum.WorkSheet

# The default of 128 KiB refuses files that open everywhere else.
csv.field_size_limit(MAX_TEXT_CHARS)

Rows = list[list[str]]


def parse_delimited(text: str, media_type: str) -> ParsedDocument:
    """CSV or TSV, already decoded. Raises DocumentError: `no_text`, `parse_limit`, `corrupt`."""
    delimiter = "\t" if media_type == TSV else _delimiter(text)
    out = TextBuilder()
    try:
        add_table(out, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise DocumentError(f"The table cannot be read: {error}.", code="corrupt") from error
    return out.build(media_type)


def parse_workbook(original: Original, media_type: str) -> ParsedDocument:
    """XLSX, XLSB, XLS and ODS; a sheet is a page. Hidden sheets, rows and columns are left out.

    Raises DocumentError: `encrypted`, `corrupt`, `no_text`, `parse_limit`.
    """
    out = TextBuilder()
    try:
        with original.open() as file, python_calamine.load_workbook(file) as workbook:
            sheets = [sheet for sheet in workbook.sheets_metadata if _is_visible(sheet)]
            for sheet in workbook.sheets_metadata:
                if sheet.visible != python_calamine.SheetVisibleEnum.Visible and sheet.typ == _WORK_SHEET:
                    _hide(out, workbook.get_sheet_by_name(sheet.name).to_python())
            hidden = hidden_lines(original) if media_type == XLSX else {}
            for number, sheet in enumerate(sheets, 1):
                out.page(number)
                if len(sheets) > 1 or not _is_default_name(sheet.name):
                    out.heading(2, sheet.name)
                found = workbook.get_sheet_by_name(sheet.name)
                start = found.start or (0, 0)
                whole = _filled_down(found.to_python(), start, found.merged_cell_ranges or ())
                rows = _shown_part(out, whole, start, hidden.get(sheet.name))
                for table in _tables([[_shown(cell) for cell in row] for row in rows]):
                    out.gap()
                    add_table(out, table.rows, header=table.header)
    except python_calamine.PasswordError as error:
        raise DocumentError("The workbook is protected by a password.", code="encrypted") from error
    except (python_calamine.CalamineError, OSError, ValueError, OverflowError) as error:
        raise DocumentError(f"The workbook is damaged: {str(error)[:200]}.", code="corrupt") from error
    return out.build(media_type)


def _hide(out: TextBuilder, rows: Sequence[Sequence[object]]) -> None:
    for row in rows:
        out.hide(" ".join(filter(None, map(_shown, row))))


Cell = tuple[int, int]


def _filled_down(rows: list[list[Any]], start: Cell, merged: Sequence[tuple[Cell, Cell]]) -> list[list[Any]]:
    """`rows` with the value of a cell that is merged over several rows in each of them."""
    for (top, left), (bottom, _) in merged[:_MAX_MERGED]:
        column, first = left - start[1], top - start[0]
        for row in rows[max(0, first + 1) : bottom - start[0] + 1]:
            if 0 <= first < len(rows) and 0 <= column < min(len(row), len(rows[first])):
                row[column] = rows[first][column]
    return rows


def _shown_part(
    out: TextBuilder, rows: list[list[Any]], start: tuple[int, int], hidden: HiddenLines | None
) -> list[list[Any]]:
    """`rows`, of which the first cell is at `start` of the sheet, without its hidden rows and columns."""
    if hidden is None:
        return rows
    top, left = start
    _hide(out, [row for number, row in enumerate(rows, top) if number in hidden.rows])
    kept = [row for number, row in enumerate(rows, top) if number not in hidden.rows]
    _hide(out, [[cell for column, cell in enumerate(row, left) if column in hidden.columns] for row in kept])
    return [[cell for column, cell in enumerate(row, left) if column not in hidden.columns] for row in kept]


def _is_visible(sheet: python_calamine.SheetMetadata) -> bool:
    return sheet.visible == python_calamine.SheetVisibleEnum.Visible and sheet.typ == _WORK_SHEET


def _is_default_name(name: str) -> bool:
    return name.lower().rstrip("0123456789 ") in _DEFAULT_NAMES


def _shown(cell: object) -> str:
    """A cell as people write it: no `.0` behind whole numbers, no midnight behind dates."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.10g}"
    if isinstance(cell, dt.datetime):
        midnight = cell.time() == dt.time()
        return cell.date().isoformat() if midnight else cell.isoformat(" ", timespec="seconds")
    return str(cell).strip()


class _Table:
    def __init__(self, rows: Rows, header: Sequence[str] | None) -> None:
        self.rows = rows
        self.header = header


def _tables(rows: Rows) -> Iterator[_Table]:
    """A sheet's tables: blocks between blank rows, and blocks side by side where each has a header of its own.

    A blank row inside a table does not cost the rows below it their header: it is carried on over the same columns.
    """
    header: Sequence[str] | None = None
    columns: set[int] = set()
    for block in _blocks(rows):
        parts = _side_by_side(block)
        if len(parts) > 1:
            header = None
            yield from (_Table(part, None) for part in parts)
            continue
        used = {index for row in block for index, cell in enumerate(row) if cell}
        if looks_like_header(block):
            header, columns = block[0], used
            yield _Table(block, None)
        elif header is not None and len(used) > 1 and used <= columns:
            yield _Table(block, header)
        else:
            header = None
            yield _Table(block, None)


def _blocks(rows: Rows) -> Iterator[Rows]:
    block: Rows = []
    for row in [*rows, []]:
        if any(row):
            block.append(row)
        elif block:
            yield block
            block = []


def _side_by_side(block: Rows) -> list[Rows]:
    width = max(map(len, block))
    blank = [not any(row[index] for row in block if index < len(row)) for index in range(width)]
    spans: list[tuple[int, int]] = []
    for index in range(width):
        if blank[index]:
            continue
        if spans and spans[-1][1] == index:
            spans[-1] = (spans[-1][0], index + 1)
        else:
            spans.append((index, index + 1))
    parts = [[row for row in (line[start:end] for line in block) if any(row)] for start, end in spans]
    return parts if len(parts) > 1 and all(looks_like_header(part) for part in parts) else [block]


def _delimiter(text: str) -> str:
    """The delimiter that divides the first lines most evenly; a comma where none does."""
    lines = [line for line in text[:20_000].splitlines()[:_SNIFFED_LINES] if line.strip()]

    def evenness(delimiter: str) -> tuple[int, int]:
        counts = sorted(len(row) for row in csv.reader(lines, delimiter=delimiter))
        middle = counts[len(counts) // 2] if counts else 1
        return (sum(1 for count in counts if count == middle) if middle > 1 else 0, middle)

    return max(_DELIMITERS, key=evenness)
