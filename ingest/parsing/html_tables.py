"""Tables of HTML as rows and columns, and which of them only arrange a page. Knows nothing of how rows are written."""

from ingest.parsing.archive import Element, local
from ingest.parsing.document import one_line
from ingest.parsing.html_visibility import BLOCKS, is_left_out


def is_layout(table: Element, rows: list[list[Element]]) -> bool:
    if table.get("role") in ("presentation", "none") or table.find(".//table") is not None:
        return True
    if max(map(len, rows), default=0) <= 1:
        return True
    longest = max((len(cell.text_content()) for row in rows for cell in row), default=0)
    return longest > 2000 or next(table.iter("h1", "h2", "h3"), None) is not None


def _cell_text(element: Element) -> str:
    """The words of a cell: blocks inside it are words apart, though no space stands between their tags."""
    pieces = [element.text or ""]
    for child in element:
        space = " " if local(child) in BLOCKS or local(child) == "br" else ""
        if not is_left_out(child, lenient=True):
            pieces += [space, _cell_text(child), space]
        pieces.append(child.tail or "")
    return "".join(pieces)


def grid_of(rows: list[list[Element]]) -> list[list[str]]:
    """The cells' texts by row and column. A cell that spans columns stands in the first, over rows in each."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column -> rows that a cell from above still covers, its text
    for row in rows:
        texts: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        cells = iter(row)
        while True:
            column = len(texts)
            if column in hanging:
                left, text = hanging[column]
                rows_left, width = left - 1, 1
            elif (cell := next(cells, None)) is not None:
                text = one_line(_cell_text(cell))
                rows_left, width = _span(cell, "rowspan") - 1, _span(cell, "colspan")
            elif column < max(hanging, default=-1):
                text, rows_left, width = "", 0, 1
            else:
                break
            texts += [text] + [""] * (width - 1)
            if rows_left:
                below[column] = (rows_left, text)
        grid.append(texts)
        hanging = below
    return grid


def _span(cell: Element, name: str) -> int:
    span = cell.get(name) or "1"
    return max(1, min(int(span), 100)) if span.isascii() and span.isdigit() and len(span) < 6 else 1
