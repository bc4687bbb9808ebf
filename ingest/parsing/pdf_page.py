"""One PDF page as lines with their place and type.

Talks to pdfium. Asks for a line's first and last characters only, not for all of them: 1 to 3 ms a page. Knows nothing
of paragraphs or headings.
"""

import ctypes
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.parsing.pdf_drawings import Box, Grid, grids_of, read_drawings, visible

_GAP_EMS = 1.6  # a wider gap inside a line divides columns; justified text stays under 1.2
_TINY_POINTS = 1.5
_NEARLY_WHITE = 245
_BOLD_WEIGHT = 600
_MONOSPACED_NAME = re.compile(r"courier|mono|consolas|menlo|typewriter|cmtt|lmtt", re.IGNORECASE)
_BOLD_NAME = re.compile(r"bold|black|heavy|demi|sfbx|cmbx|-bd\b", re.IGNORECASE)
BULLET = re.compile(r"[•●○◦▪■□▶►➢➤✓✔–—*-]\s+(?=\S)|[\uf0b7\uf0a7\uf0d8\uf0fc●•○◦▪]\s*")
# What stands before an item, with space behind it that divides no columns.
_LABEL = re.compile(r"[^\w\s]|o|\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[A-Za-z]|[ivxIVX]{1,5})[.)]?")


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line without wide gaps. Points from the page's lower left corner."""

    text: str
    left: float
    right: float
    spaced: bool = False  # whether white space follows, as most programs write it where a line breaks between words


@dataclass(frozen=True, slots=True)
class Line:
    """A line as pdfium groups it. Where pdfium has joined a hyphenated word, marked by U+FFFE, it ends a line lower
    than it begins, so it has two baselines."""

    page: int
    runs: tuple[Run, ...]
    left: float
    right: float
    baseline: float
    last_baseline: float
    size: float
    bold: bool
    code: bool  # set in a type of fixed width, where line breaks carry meaning

    @property
    def text(self) -> str:
        return " ".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True)
class PageContent:
    """`height` in points; `images` says whether the page shows any. `hidden` are the words that nobody can see."""

    number: int
    height: float
    lines: tuple[Line, ...]
    grids: tuple[Grid, ...]
    images: bool
    hidden: str = ""


def read_page(page: pypdfium2.PdfPage, number: int) -> PageContent:
    """The visible text of a page, `number` from 1."""
    box = page.get_bbox()
    drawn = read_drawings(page)
    grids = grids_of(drawn)
    textpage = page.get_textpage()
    try:
        reader = _Reader(textpage, number, box, grids, scanned=drawn.images)
        found = list(reader.lines())
    finally:
        textpage.close()
    lines = [one.line for one in found]
    hidden = reader.hidden
    if drawn.may_hide or any(one.pale for one in found):
        lines = visible(page, lines, box)
        seen = {id(line) for line in lines}
        hidden += [one.line.text for one in found if id(one.line) not in seen]
    return PageContent(number, box[3] - box[1], tuple(lines), grids, drawn.images, " ".join(hidden))


@dataclass(frozen=True, slots=True)
class _Extent:
    left: float
    right: float
    size: float
    baseline: float


@dataclass(slots=True)
class _Found:
    line: Line
    pale: bool


class _Reader:
    """Reads the characters of one page through buffers that are made once."""

    def __init__(
        self, textpage: pypdfium2.PdfTextPage, number: int, box: Box, grids: tuple[Grid, ...], *, scanned: bool
    ) -> None:
        self._text = textpage
        self._number = number
        self._box = box
        self._grids = grids
        self._scanned = scanned
        self.hidden: list[str] = []
        self._a, self._b, self._c, self._d = (ctypes.c_double() for _ in range(4))
        self._red, self._green, self._blue, self._alpha = (ctypes.c_uint() for _ in range(4))
        self._matrix = pdfium.FS_MATRIX()
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()

    def lines(self) -> Iterator[_Found]:
        found = list(self._all_lines())
        upright = [line for angle, line in found if angle == 0]
        # A page turned sideways is read, a stamp along the margin is not.
        yield from upright if len(upright) * 2 >= len(found) else (line for _, line in found)

    def _all_lines(self) -> Iterator[tuple[int, _Found]]:
        position = 0
        for text in self._text.get_text_range().split("\r\n"):
            start, position = position, position + len(text) + 2
            words = text.strip()
            if words:
                first = start + len(text) - len(text.lstrip())
                line = self._line(words, first, spaced=text[-1].isspace())
                if line is not None:
                    yield self._angle(self._char(first)), line

    def _line(self, words: str, first: int, *, spaced: bool) -> _Found | None:
        begin, middle, end = (self._char(first + at) for at in (0, len(words) // 2, len(words) - 1))
        size = sorted(self._size(index) for index in (begin, middle, end))[1]
        one, other = self._bounds(begin), self._bounds(end)
        # The first character of an Arabic line is its rightmost.
        left, right, bottom, top = min(one[0], other[0]), max(one[1], other[1]), one[2], other[3]
        x0, y0, x1, y1 = self._box
        off_page = right < x0 or left > x1 or top < y0 or bottom > y1
        # An invisible layer over a scan is its text; anywhere else it was put there not to be read.
        if off_page or size < _TINY_POINTS or (self._is_invisible(begin) and not self._scanned):
            self.hidden.append(words)
            return None
        baseline = self._baseline(begin)
        # A bullet has a font of its own.
        bullet = BULLET.match(words)
        begin = self._char(first + bullet.end()) if bullet and bullet.end() < len(words) else begin
        line = Line(
            page=self._number,
            runs=tuple(self._runs(words, first, _Extent(left, right, size, baseline), spaced=spaced)),
            left=left,
            right=right,
            baseline=baseline,
            last_baseline=self._baseline(end),
            size=size,
            bold=self._is_bold(begin) and self._is_bold(middle) and self._is_bold(end),
            code=_MONOSPACED_NAME.search(self._font(begin)) is not None,
        )
        return _Found(line, pale=self._is_pale(begin) or self._is_pale(end))

    def _runs(self, words: str, first: int, line: _Extent, *, spaced: bool) -> Iterator[Run]:
        """The line divided at gaps that are wide, and where it crosses a column of a ruled table."""
        edges = [edge for grid in self._grids if grid.ys[-1] <= line.baseline <= grid.ys[0] for edge in grid.xs]
        start, left = 0, line.left
        if edges or self._has_parts(self._char(first), self._char(first + len(words) - 1)):
            for match in re.finditer(r"\s+", words):
                before = self._bounds(self._char(first + match.start() - 1))[1]
                after = self._bounds(self._char(first + match.end()))[0]
                wide = after - before > _GAP_EMS * line.size and not _LABEL.fullmatch(words, start, match.start())
                if wide or any(before - 1 <= edge <= after + 1 for edge in edges):
                    yield Run(words[start : match.start()], left, before, spaced=True)
                    start, left = match.end(), after
        yield Run(words[start:], left, line.right, spaced=spaced)

    def _char(self, text_index: int) -> int:
        return int(pdfium.FPDFText_GetCharIndexFromTextIndex(self._text, text_index))

    def _has_parts(self, begin: int, end: int) -> bool:
        return bool(pdfium.FPDFText_CountRects(self._text, begin, end - begin + 1) > 1)

    def _bounds(self, index: int) -> tuple[float, float, float, float]:
        """(left, right, bottom, top) of a character."""
        if not pdfium.FPDFText_GetCharBox(self._text, index, self._a, self._b, self._c, self._d):
            return 0.0, 0.0, 0.0, 0.0
        return self._a.value, self._b.value, self._c.value, self._d.value

    def _baseline(self, index: int) -> float:
        pdfium.FPDFText_GetCharOrigin(self._text, index, self._a, self._b)
        return self._b.value

    def _size(self, index: int) -> float:
        size = float(pdfium.FPDFText_GetFontSize(self._text, index))
        if pdfium.FPDFText_GetMatrix(self._text, index, self._matrix):
            size *= math.hypot(self._matrix.c, self._matrix.d) or 1.0
        return size

    def _angle(self, index: int) -> int:
        """Rotation in quarter turns, 0 for upright."""
        angle: float = pdfium.FPDFText_GetCharAngle(self._text, index)
        return round(max(0.0, angle) / (math.pi / 2)) % 4

    def _is_bold(self, index: int) -> bool:
        heavy: bool = pdfium.FPDFText_GetFontWeight(self._text, index) >= _BOLD_WEIGHT
        return heavy or _BOLD_NAME.search(self._font(index)) is not None

    def _font(self, index: int) -> str:
        length = pdfium.FPDFText_GetFontInfo(self._text, index, self._name, len(self._name), self._flags)
        return self._name.raw[: max(0, min(length, len(self._name)) - 1)].decode("utf-8", "replace")

    def _is_invisible(self, index: int) -> bool:
        drawn = pdfium.FPDFText_GetTextObject(self._text, index)
        return bool(drawn) and pdfium.FPDFTextObj_GetTextRenderMode(drawn) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE

    def _is_pale(self, index: int) -> bool:
        if not pdfium.FPDFText_GetFillColor(self._text, index, self._red, self._green, self._blue, self._alpha):
            return False
        faint = self._alpha.value < 255 - _NEARLY_WHITE
        return faint or min(self._red.value, self._green.value, self._blue.value) >= _NEARLY_WHITE
