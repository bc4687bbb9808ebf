"""Lines of a PDF to blocks: paragraphs, list items and table rows.

Prefers to leave lines apart over joining what does not belong together: a quote that stops early is better than one
that never was a sentence. Knows nothing of headings.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.parsing.pdf_page import BULLET, Line, PageContent
from ingest.parsing.pdf_tables import Table, parts
from ingest.parsing.rows import looks_like_header

ENUMERATOR = re.compile(
    r"(?:\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\d{1,2}(?:\.\d{1,2}){1,4}|§\s?\d+)\s+(?=\S)"
)
LEADER = re.compile(r"\s*(?:\.\s?){5,}\s*")  # the dots of a table of contents
_TERMINATED = re.compile(r"[.!?:;。！？][\"'”’»)\]]*$")
_MID_SENTENCE = re.compile(
    r"(?:\b(?:section|clause|article|of|the|and|or|to|in|no|fig|table|see|than|by|for)\.?|[,(])$", re.IGNORECASE
)
_SAME_WIDTH = 5.0  # points by which a table's columns may differ from one page to the next
_COLUMN_POINTS = 40


@dataclass(slots=True)
class Block:
    """Lines that belong together, or a table row (`cells`). `heading` is a level, 0 for none."""

    lines: list[Line]
    cells: list[str] | None = None
    heading: int = 0

    @property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @property
    def style(self) -> tuple[float, bool]:
        """Size in points, to the half, and whether all of it is bold."""
        return round(self.lines[0].size * 2) / 2, all(line.bold for line in self.lines)


def is_item(text: str) -> bool:
    return BULLET.match(text) is not None or ENUMERATOR.match(text) is not None


def blocks_of(pages: Sequence[PageContent]) -> list[Block]:
    """The blocks of a document in reading order."""
    blocks: list[Block] = []
    tables = _Tables(blocks)
    join = _Join(pages)
    spaced = _writes_spaces(pages)
    for page in pages:
        for part in parts(page, spaced=spaced):
            if isinstance(part, Table) and tables.add(part):
                continue
            for line in part.lines if isinstance(part, Table) else [part]:
                if blocks and blocks[-1].cells is None and join(blocks[-1].lines, line):
                    blocks[-1].lines.append(line)
                else:
                    blocks.append(Block([line], [run.text for run in line.runs] if len(line.runs) > 1 else None))
            tables.interrupted()
    return blocks


def _writes_spaces(pages: Sequence[PageContent]) -> bool:
    """Whether lines that break between words end in a space, as Word writes them; then a line that ends without one
    breaks inside a word."""
    full = [line.runs[-1] for page in pages for line in page.lines if line.text[-1].isalpha() and len(line.text) > 25]
    return sum(run.spaced for run in full) > 0.7 * len(full)


class _Tables:
    """Writes tables as blocks, and remembers the last one: it may go on in the next column or on the next page."""

    def __init__(self, blocks: list[Block]) -> None:
        self._blocks = blocks
        self._header: list[str] = []
        self._widths: tuple[float, ...] = ()

    def interrupted(self) -> None:
        """Text has come that is no table."""
        self._widths = ()

    def add(self, table: Table) -> bool:
        """False if it is no table but a box around text."""
        goes_on = len(table.widths) == len(self._widths) and all(
            abs(one - other) < _SAME_WIDTH for one, other in zip(table.widths, self._widths, strict=True)
        )
        if not goes_on:
            # A single row in rules, above which no table ends, is a box too.
            if (len(table.rows) < 2 and table.ruled) or max(sum(1 for cell in row if cell) for row in table.rows) < 2:
                return False
            # Without rules around it the first row is a header only if it looks different.
            is_header = looks_like_header(table.rows) and (table.ruled or table.bold_header)
            self._header = table.rows[0] if is_header else []
        for number, row in enumerate(table.rows):
            last = self._blocks[-1].cells if self._blocks else None
            if goes_on and row == self._header:
                continue
            if goes_on and number == 0 and not row[0] and last is not None and len(last) == len(row):
                # The page ended in the middle of a row.
                self._blocks[-1].cells = [f"{above} {below}".strip() for above, below in zip(last, row, strict=True)]
            else:
                labels = [] if number == 0 and not goes_on else self._header
                self._blocks.append(Block([table.lines[0]], cells=_labelled(labels, row)))
        self._widths = table.widths if table.ruled else ()
        return True


def _labelled(header: Sequence[str], row: list[str]) -> list[str]:
    if not header:
        return row
    return [f"{name.rstrip(':')}: {cell}" if name and cell else cell for name, cell in zip(header, row, strict=True)]


class _Join:
    """Decides whether a line continues the lines before it, from their type, distance and width."""

    def __init__(self, pages: Sequence[PageContent]) -> None:
        self._pitch: dict[tuple[int, int, int], float] = {}
        self._right: dict[tuple[int, int], float] = {}
        sizes: Counter[int] = Counter()
        for page in pages:
            drops: dict[tuple[int, int], list[float]] = {}
            for above, below in pairwise(page.lines):
                drop = above.last_baseline - below.baseline
                if abs(above.size - below.size) < 0.5 and 0.8 * below.size < drop < 3 * below.size:
                    drops.setdefault((round(below.size), round(below.left / _COLUMN_POINTS)), []).append(drop)
            for place, found in drops.items():
                self._pitch[page.number, *place] = sorted(found)[len(found) // 5]
            for line in page.lines:
                key = (page.number, round(line.left / _COLUMN_POINTS))
                self._right[key] = max(self._right.get(key, 0.0), line.right)
                sizes[round(line.size)] += len(line.text)
        self._body_size = sizes.most_common(1)[0][0] if sizes else 10

    def __call__(self, before: list[Line], line: Line) -> bool:
        last = before[-1]
        if len(line.runs) > 1 or len(last.runs) > 1 or abs(last.size - line.size) > 0.12 * max(last.size, line.size):
            return False
        if last.code or LEADER.search(last.text):
            return False
        if last.bold != line.bold and not (len(before) > 1 or last.page != line.page):
            return False
        if BULLET.match(line.text) or (ENUMERATOR.match(line.text) and not _MID_SENTENCE.search(last.text)):
            return False
        drop = last.last_baseline - line.baseline
        if last.page == line.page and drop > -0.5 * line.size and line.left < last.right + 200:
            return self._follows(before, line, drop)
        return self._goes_on_elsewhere(last, line)

    def _follows(self, before: list[Line], line: Line, drop: float) -> bool:
        last = before[-1]
        first = _first_of_column(before)
        if drop < 0.4 * line.size:
            return line.left >= last.left
        place = round(line.size), round(line.left / _COLUMN_POINTS)
        pitch = self._pitch.get((line.page, *place), 1.3 * line.size)
        if drop > 1.25 * pitch + 0.5 or line.left > last.right or line.right < first.left:
            return False
        ended = _TERMINATED.search(last.text) is not None
        if (last.bold and line.bold) or line.size > 1.1 * self._body_size:
            # A heading on several lines.
            return drop < 1.5 * line.size and not ended
        shorter = (self._column_right(last) - last.right) / max(1.0, self._column_right(last) - first.left)
        indented = line.left - first.left > 0.8 * line.size and not is_item(before[0].text)
        if ended:
            return shorter < 0.2 and not indented
        return shorter < 0.45 or line.text[0].islower()

    def _goes_on_elsewhere(self, last: Line, line: Line) -> bool:
        """Whether a sentence runs on in the next column or on the next page."""
        if last.bold or _TERMINATED.search(last.text) or line.page > last.page + 1:
            return False
        if line.text[0].islower() or last.text.endswith(","):
            return True
        full = self._column_right(last) - last.right < 0.12 * (self._column_right(last) - last.left)
        return full and len(last.text) > 25 and not line.bold and line.text[0].isalnum()

    def _column_right(self, line: Line) -> float:
        place = round(line.left / _COLUMN_POINTS)
        return max(self._right.get((line.page, place + step), 0.0) for step in (-1, 0, 1))


def _first_of_column(lines: list[Line]) -> Line:
    """The first of the last lines that stand under each other: a paragraph may have begun in another column."""
    first = lines[-1]
    for line in reversed(lines[-200:-1]):
        if line.page != first.page or line.baseline < first.baseline:
            break
        first = line
    return first
