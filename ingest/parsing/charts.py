"""Charts of Office documents as tables: categories down, series across, with the numbers that the chart was drawn from.

Knows nothing of the document around the chart.
"""

from ingest.parsing.archive import Element, child, local
from ingest.parsing.document import TextBuilder, one_line
from ingest.parsing.rows import add_table

_MAX_POINTS = 1000


def add_chart(out: TextBuilder, root: Element) -> None:
    """Writes a chart part (its root element) to `out`: its title, then a row for each category."""
    title = next(root.iter("{*}title"), None)
    if title is not None:
        out.paragraph("".join(text.text or "" for text in title.iter("{*}t")))
    series = [element for element in root.iter("{*}ser") if local(element) == "ser"]
    names = ["", *(_series_name(one, number) for number, one in enumerate(series, 1))]
    values = [_points(child(one, "val") if child(one, "val") is not None else child(one, "yVal")) for one in series]
    first = series[0] if series else None
    labels = _points(child(first, "cat") if child(first, "cat") is not None else child(first, "xVal")) if series else {}
    places = sorted(set(labels).union(*values))[:_MAX_POINTS]
    rows = [[labels.get(place, str(place + 1)), *(points.get(place, "") for points in values)] for place in places]
    if rows:
        add_table(out, rows, header=names)


def _series_name(series: Element, number: int) -> str:
    name = child(series, "tx")
    words = one_line(" ".join(value.text or "" for value in name.iter("{*}v"))) if name is not None else ""
    return words or f"Series {number}"


def _points(values: Element | None) -> dict[int, str]:
    """Point number -> cached value, as the chart shows it."""
    if values is None:
        return {}
    found: dict[int, str] = {}
    for point in values.iter("{*}pt"):
        value = child(point, "v")
        if value is not None and value.text and (point.get("idx") or "").isdigit():
            found.setdefault(int(point.get("idx")), value.text)
    return found
