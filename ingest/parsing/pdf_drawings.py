"""What is drawn on a PDF page beside text: rules around tables, images, and whatever may hide a text from the reader.

Talks to pdfium. Knows nothing of words.
"""

import ctypes
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import pypdfium2
import pypdfium2.raw as pdfium

Box = tuple[float, float, float, float]  # left, bottom, right, top in points

_MAX_OBJECTS = 20_000
_MAX_RULES = 400
_RULE_POINTS = 3.0
_COVER_POINTS = 4.0
_RENDER_PIXELS = 2_000_000
_CONTRAST = 20  # of 255 between a line's lightest and darkest pixel


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line: `at` its y (or x), from `start` to `end` in the other direction."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Drawings:
    """`may_hide` says whether something is painted over text, or text is clipped away: a look at the page decides."""

    horizontal: tuple[Rule, ...]
    vertical: tuple[Rule, ...]
    images: bool
    may_hide: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """A ruled table: the x of its column edges from the left, the y of its row edges from the top."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """(row, column) of a point, None outside."""
        if not (self.xs[0] <= x <= self.xs[-1] and self.ys[-1] <= y <= self.ys[0]):
            return None
        column = sum(1 for edge in self.xs[1:-1] if x >= edge)
        row = sum(1 for edge in self.ys[1:-1] if y <= edge)
        return row, column


class Placed(Protocol):
    """A line of text with its place on the page, in points."""

    @property
    def left(self) -> float: ...
    @property
    def right(self) -> float: ...
    @property
    def baseline(self) -> float: ...
    @property
    def last_baseline(self) -> float: ...
    @property
    def size(self) -> float: ...


Line = TypeVar("Line", bound=Placed)


def read_drawings(page: pypdfium2.PdfPage) -> Drawings:
    """The page's drawings, in the order in which they are painted; forms inside the page are not looked into."""
    horizontal: list[Rule] = []
    vertical: list[Rule] = []
    images = text = may_hide = False
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    for index in range(min(pdfium.FPDFPage_CountObjects(page), _MAX_OBJECTS)):
        drawing = pdfium.FPDFPage_GetObject(page, index)
        kind = pdfium.FPDFPageObj_GetType(drawing)
        bounds = _bounds(drawing)
        if bounds is None:
            continue
        left, bottom, right, top = bounds
        width, height = right - left, top - bottom
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            text = True
            may_hide = may_hide or _is_clipped(drawing, bounds)
        elif kind != pdfium.FPDF_PAGEOBJ_PATH:
            images = images or kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM)
            may_hide = may_hide or text or kind == pdfium.FPDF_PAGEOBJ_FORM
        elif height <= _RULE_POINTS < width:
            horizontal.append(Rule((top + bottom) / 2, left, right))
        elif width <= _RULE_POINTS < height:
            vertical.append(Rule((left + right) / 2, bottom, top))
        elif pdfium.FPDFPath_GetDrawMode(drawing, fill, stroke):
            if stroke.value:
                horizontal += [Rule(bottom, left, right), Rule(top, left, right)]
                vertical += [Rule(left, bottom, top), Rule(right, bottom, top)]
            may_hide = may_hide or (text and bool(fill.value) and min(width, height) > _COVER_POINTS)
    return Drawings(tuple(horizontal), tuple(vertical), images, may_hide)


def visible(page: pypdfium2.PdfPage, lines: Sequence[Line], box: Box) -> list[Line]:
    """The lines that can be seen: the page is drawn, and what does not stand out from its background is not there for
    readers. White text does on a coloured bar, and does not on white paper."""
    if page.get_rotation() != 0:
        return list(lines)
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(1.5, math.sqrt(_RENDER_PIXELS / max(1.0, width * height)))
    picture = page.render(scale=scale, grayscale=True, may_draw_forms=False)
    pixels = bytes(picture.buffer)
    seen = []
    for line in lines:
        x0 = max(0, int((line.left - box[0]) * scale))
        x1 = min(picture.width, int((line.right - box[0]) * scale) + 1)
        y0 = max(0, int((box[3] - line.baseline - line.size * 0.8) * scale))
        y1 = min(picture.height, int((box[3] - line.last_baseline) * scale) + 2)
        rows = [pixels[y * picture.stride + x0 : y * picture.stride + x1] for y in range(y0, y1)]
        shades = [shade for row in rows if row for shade in (min(row), max(row))]
        if shades and max(shades) - min(shades) >= _CONTRAST:
            seen.append(line)
    return seen


def grids_of(drawings: Drawings) -> tuple[Grid, ...]:
    """The tables that rules are drawn around: at least two columns and two rows, or a row of at least three columns,
    which may be the last of a table on the page before."""
    rows, columns = _merged(drawings.horizontal), _merged(drawings.vertical)
    if len(rows) + len(columns) > _MAX_RULES:
        return ()
    found = []
    for group_rows, group_columns in _connected(rows, columns):
        xs = _edges([rule.at for rule in group_columns] + [x for rule in group_rows for x in (rule.start, rule.end)])
        ys = _edges([rule.at for rule in group_rows] + [y for rule in group_columns for y in (rule.start, rule.end)])
        if group_columns and ((len(xs) >= 3 and len(ys) >= 3) or (len(xs) >= 4 and len(ys) == 2)):
            found.append(Grid(tuple(xs), tuple(reversed(ys))))
    return tuple(found)


def _bounds(drawing: pdfium.FPDF_PAGEOBJECT) -> Box | None:
    values = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(drawing, *values):
        return None
    left, bottom, right, top = (value.value for value in values)
    return left, bottom, right, top


def _is_clipped(drawing: pdfium.FPDF_PAGEOBJECT, bounds: Box) -> bool:
    """Whether most of a text lies outside of the area that may be painted."""
    clip = pdfium.FPDFPageObj_GetClipPath(drawing)
    left, bottom, right, top = bounds
    x, y = ctypes.c_float(), ctypes.c_float()
    for path in range(max(0, pdfium.FPDFClipPath_CountPaths(clip)) if clip else 0):
        segments = range(min(pdfium.FPDFClipPath_CountPathSegments(clip, path), 50))
        points = [
            (x.value, y.value)
            for segment in segments
            if pdfium.FPDFPathSegment_GetPoint(pdfium.FPDFClipPath_GetPathSegment(clip, path, segment), x, y)
        ]
        if points:
            xs, ys = [point[0] for point in points], [point[1] for point in points]
            shown = max(0.0, min(right, max(xs)) - max(left, min(xs))) * max(
                0.0, min(top, max(ys)) - max(bottom, min(ys))
            )
            if shown < 0.5 * (right - left) * (top - bottom):
                return True
    return False


def _merged(rules: Sequence[Rule]) -> list[Rule]:
    """Rules on one line that touch, as one: programs draw a border cell by cell."""
    merged: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: (round(rule.at / _RULE_POINTS), rule.start)):
        last = merged[-1] if merged else None
        if last and abs(last.at - rule.at) <= _RULE_POINTS and rule.start <= last.end + 2 * _RULE_POINTS:
            merged[-1] = Rule(last.at, last.start, max(last.end, rule.end))
        else:
            merged.append(rule)
    return merged


def _connected(rows: list[Rule], columns: list[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Groups of rules that cross or touch: each is one table or box."""
    parent = list(range(len(rows) + len(columns)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    slack = 2 * _RULE_POINTS
    for i, row in enumerate(rows):
        for j, column in enumerate(columns, len(rows)):
            crosses = row.start - slack <= column.at <= row.end + slack
            if crosses and column.start - slack <= row.at <= column.end + slack:
                parent[root(i)] = root(j)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for index, rule in enumerate([*rows, *columns]):
        groups.setdefault(root(index), ([], []))[0 if index < len(rows) else 1].append(rule)
    yield from groups.values()


def _edges(values: list[float]) -> list[float]:
    """Ascending, with values that mean the same edge as one."""
    edges: list[float] = []
    for value in sorted(values):
        if not edges or value - edges[-1] > 2 * _RULE_POINTS:
            edges.append(value)
    return edges
