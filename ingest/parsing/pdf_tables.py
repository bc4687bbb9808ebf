"""Tables on PDF pages: by the rules drawn around their cells, or by cells that stand side by side in several rows.

Knows nothing of paragraphs or headings.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ingest.parsing.pdf_drawings import Grid
from ingest.parsing.pdf_page import Line, PageContent, Run

_LONG_WORD = 8


@dataclass(frozen=True, slots=True)
class Table:
    """Texts by row and column, the columns' widths in points, and the lines it is made of."""

    rows: list[list[str]]
    widths: tuple[float, ...]
    lines: list[Line]
    ruled: bool = True
    bold_header: bool = False  # whether the first row is bold and the second is not


@dataclass(slots=True)
class _Ruled:
    grid: Grid
    cells: dict[tuple[int, int], list[tuple[Line, Run]]] = field(default_factory=dict)


Part = Line | Table


def parts(page: PageContent, *, spaced: bool) -> list[Part]:
    """The page's lines in reading order; those of a table come as the table, where its first line stands.

    `spaced` says whether this document writes a space where a line breaks between words.
    """
    ruled = [_Ruled(grid) for grid in page.grids]
    order: list[Line | _Ruled] = []
    for line in page.lines:
        outside: list[Run] = []
        for run in line.runs:
            x, y = (run.left + run.right) / 2, line.baseline + line.size * 0.3
            table = next((table for table in ruled if table.grid.cell(x, y)), None)
            if table is None:
                outside.append(run)
                continue
            if not table.cells:
                order.append(table)
            # A heading over several columns stands over their middle, but begins in the first.
            cell = table.grid.cell(max(run.left + 1, table.grid.xs[0]), y) or (0, 0)
            table.cells.setdefault(cell, []).append((line, run))
        if outside:
            order.append(line if len(outside) == len(line.runs) else _only(line, outside))
    found = [_finished(part, spaced=spaced) if isinstance(part, _Ruled) else part for part in order]
    return _with_unruled(found, spaced=spaced)


def _only(line: Line, runs: Sequence[Run]) -> Line:
    return replace(line, runs=tuple(runs), left=runs[0].left, right=runs[-1].right)


def _finished(table: _Ruled, *, spaced: bool) -> Table:
    columns = range(len(table.grid.xs) - 1)
    rows = [
        [cell_text(table.cells.get((row, column), ()), spaced=spaced) for column in columns]
        for row in range(len(table.grid.ys) - 1)
    ]
    widths = tuple(table.grid.xs[column + 1] - table.grid.xs[column] for column in columns)
    lines = list(dict.fromkeys(line for runs in table.cells.values() for line, _ in runs))
    full = [index for index, row in enumerate(rows) if any(row)]
    by_row = [[line for (row, _), runs in table.cells.items() if row == index for line, _ in runs] for index in full]
    return Table([rows[index] for index in full], widths, lines, bold_header=_is_bold_header(by_row))


def _is_bold_header(rows: Sequence[Sequence[Line]]) -> bool:
    return len(rows) > 1 and all(line.bold for line in rows[0]) and not all(line.bold for line in rows[1])


def cell_text(runs: Iterable[tuple[Line, Run]], *, spaced: bool) -> str:
    """A cell's lines as one: without a space where a narrow column has broken a word."""
    ordered = sorted(runs, key=lambda placed: (-round(placed[0].baseline), placed[1].left))
    widest = max((run.right for _, run in ordered), default=0.0)
    text = ""
    for index, (line, run) in enumerate(ordered):
        text += run.text
        if index + 1 == len(ordered):
            break
        next_line, following = ordered[index + 1]
        if spaced:
            broken = not run.spaced and run.text[-1].islower() and following.text[0].islower()
        else:
            full = widest - run.right < line.size * 0.8 and len(run.text) >= _LONG_WORD
            broken = full and " " not in run.text and " " not in following.text
        text += "" if broken and next_line is not line else " "
    return text


@dataclass(slots=True)
class _Cell:
    """Consecutive lines that stand under each other: a cell of a table without rules, if that is what it is."""

    lines: list[Line]
    whole: Line | None = None  # the line with gaps that this is the first part of

    @property
    def left(self) -> float:
        return min(line.left for line in self.lines)

    @property
    def right(self) -> float:
        return max(line.right for line in self.lines)

    @property
    def top(self) -> float:
        return self.lines[0].baseline

    @property
    def bottom(self) -> float:
        return self.lines[-1].last_baseline


def _with_unruled(found: list[Part], *, spaced: bool) -> list[Part]:
    """`found` with the tables that have no rules: rows of cells side by side, two or more with columns alike."""
    result: list[Part] = []
    rows: list[list[_Cell]] = []

    def flush() -> None:
        if len(rows) >= 2 and _columns(rows):
            result.append(_unruled(rows, spaced=spaced))
        else:
            result.extend(line for row in rows for line in _as_lines(row))
        rows.clear()

    for row in _rows(found):
        if isinstance(row, Table) or len(row) < 2:
            flush()
            result += [row] if isinstance(row, Table) else _as_lines(row)
        else:
            rows.append(row)
            if len(rows) > 1 and not _columns(rows):
                last = rows.pop()
                flush()
                rows.append(last)
    flush()
    return result


def _as_lines(row: list[_Cell]) -> list[Line]:
    """A row that is in no table, as the lines it came from."""
    whole = row[0].whole
    if whole is None:
        return [line for cell in row for line in cell.lines]
    parts = len(whole.runs)
    return [
        whole,
        *(line for cell in row[:parts] for line in cell.lines[1:]),
        *(line for cell in row[parts:] for line in cell.lines),
    ]


def _rows(found: list[Part]) -> list[list[_Cell] | Table]:
    """Cells in rows: a cell belongs to the row whose height it shares, to the right of the cell before it."""
    rows: list[list[_Cell] | Table] = []
    for part in found:
        if isinstance(part, Table):
            rows.append(part)
            continue
        row = rows[-1] if rows and not isinstance(rows[-1], Table) else None
        if row is None or len(part.runs) > 1:
            cells = [_Cell([_only(part, [run])]) for run in part.runs]
            cells[0].whole = part if len(cells) > 1 else None
            rows.append(cells)
            continue
        last = row[-1].lines[-1]
        drop = last.last_baseline - part.baseline
        under = part.left < row[-1].right and part.right > row[-1].left
        if under and 0.5 * part.size < drop < 1.6 * part.size:
            row[-1].lines.append(part)
        elif (
            part.left > row[-1].right + 0.3 * part.size
            and row[0].bottom - 0.5 * part.size <= part.baseline <= row[0].top + 3 * part.size
            and drop < 0.5 * part.size
        ):
            row.append(_Cell([part]))
        else:
            rows.append([_Cell([part])])
    return rows


def _columns(rows: list[list[_Cell]]) -> list[tuple[float, float]]:
    """The columns' (left, right) if the rows fit into common ones, else nothing. A row may lack cells."""
    columns: list[tuple[float, float]] = []
    for cell in sorted((cell for row in rows for cell in row), key=lambda cell: cell.left):
        if columns and cell.left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], cell.right))
        else:
            columns.append((cell.left, cell.right))
    widest = max(len(row) for row in rows)
    if len(columns) != widest or any(upper[0].bottom < lower[0].top for upper, lower in pairwise(rows)):
        return []
    return columns


def _unruled(rows: list[list[_Cell]], *, spaced: bool) -> Table:
    columns = _columns(rows)
    texts = []
    for row in rows:
        cells = [""] * len(columns)
        for cell in row:
            place = next(index for index, (_, right) in enumerate(columns) if cell.left < right)
            cells[place] = cell_text([(line, line.runs[0]) for line in cell.lines], spaced=spaced)
        texts.append(cells)
    widths = tuple(right - left for left, right in columns)
    return Table(
        texts,
        widths,
        [line for row in rows for cell in row for line in cell.lines],
        ruled=False,
        bold_header=_is_bold_header([[line for cell in row for line in cell.lines] for row in rows]),
    )
