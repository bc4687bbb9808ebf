"""Tables as lines of text that make sense alone: each row carries its column headings.

A chunk, a quote and an embedding see single rows, never the whole table: "Name: Ada | Days: 25" can be found and
understood, "Ada | 25" cannot. Knows nothing of where tables come from.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from ingest.parsing.document import TextBuilder, one_line

_HEADER_CELL_MAX = 60
_LOOK_AHEAD = 100  # rows that decide about the header; the others are written as they come


def add_table(
    out: TextBuilder, rows: Iterable[Sequence[str]], header: Sequence[str] | None = None, *, after_header: bool = False
) -> None:
    """Writes `rows` to `out`, a line each. `header` are column headings from elsewhere, `after_header` if they are
    written already; without them the first row is taken as the header if it looks like one."""
    filled = (row for row in ([one_line(cell) for cell in row] for row in rows) if any(row))
    first = list(islice(filled, _LOOK_AHEAD))
    if not after_header:
        out.gap()
    if header is None:
        # A title across the table stands above its header.
        while len(first) > 1 and _filled(first[0]) == 1 and max(map(_filled, first[1:])) > 1:
            out.line(next(cell for cell in first.pop(0) if cell))
        if looks_like_header(first):
            header, first = first[0], first[1:]
            out.row(header)
    for row in chain(first, filled):
        out.row(labelled(header, row) if header is not None else row)
    out.gap()


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of `rows` names the columns: short words without numbers, distinct, in all columns that the
    next rows use (the corner may be empty)."""
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    first = rows[0]
    used = {index for row in rows[1:50] for index, cell in enumerate(row) if cell}
    named = {index for index, cell in enumerate(first) if cell}
    if len(named) < 2 or len((used - named) - {0}) > len(used) // 4:
        return False
    cells = [cell for cell in first if cell]
    if any(len(cell) > _HEADER_CELL_MAX for cell in cells) or sum(map(_is_number, cells)) > len(cells) // 5:
        return False
    if any(cell in (":", "-", "–") for cell in cells) or (len(cells) == 2 and first[0].endswith(":")):
        return False  # a form: "Name: | Ada"
    for index in named:
        # A number above numbers is the first of them.
        below = [row[index] for row in rows[1:8] if index < len(row) and row[index]]
        if _is_number(first[index]) and below and all(map(_is_number, below)):
            return False
    return len(set(cells)) > len(cells) // 2 or len(cells) <= 2


def labelled(header: Sequence[str], row: Sequence[str]) -> list[str]:
    """The cells of `row`, each behind its column's heading."""
    cells = []
    for index, cell in enumerate(row):
        label = header[index].rstrip(":") if index < len(header) else ""
        cells.append(f"{label}: {cell}" if cell and label and label != cell else cell)
    return cells


def _filled(row: Sequence[str]) -> int:
    return sum(1 for cell in row if cell)


def _is_number(cell: str) -> bool:
    """A figure, perhaps with sign, currency or unit; years and words with numbers ("Q3", "Header 1") name columns."""
    digits = sum(1 for character in cell if character.isdigit())
    year = cell.isdigit() and len(cell) == 4 and cell[:2] in ("19", "20")
    return digits * 2 > len(cell) and not cell[0].isalpha() and not year
