"""Rows of tables in pictures: Tesseract often reads a table column by column, which leaves cells without their row.

Columns of short lines that stand at the same heights are put together again; columns of prose are not. Knows nothing of
how a row becomes text.
"""

from collections.abc import Iterator, Sequence
from statistics import median

from ingest.parsing.ocr import RecognisedLine, Word

# A cell has few words; a line of prose in a column has seven to twelve.
_CELL_WORDS, _USUAL_WORDS = 9, 5
_SHORT_EMS = 30.0
_SAME_HEIGHT_EMS = 0.6
_PARTNERS = 0.6  # of the lines of the shorter column, those that have one beside them
_RULES = frozenset({"|", "||", "¦", "!", "[", "]"})  # what the lines between cells are taken for


def in_rows(lines: Sequence[RecognisedLine]) -> list[RecognisedLine]:
    """`lines` in reading order, those of a table's columns as lines of whole rows."""
    result: list[RecognisedLine] = []
    for column in _columns(lines):
        tail = _count_short(reversed(result))
        head = _count_short(column)
        above, below = result[len(result) - tail :], column[:head]
        spanned = [line for line in above if _spans(below, line)]
        if spanned and above[-len(spanned) :] == spanned and _side_by_side(spanned, below):
            result = [*result[: len(result) - len(spanned)], *_rows([*spanned, *below]), *column[head:]]
        else:
            result += column
    return result


def _columns(lines: Sequence[RecognisedLine]) -> Iterator[list[RecognisedLine]]:
    """The lines divided where reading goes back up the page. What a rule was taken for goes."""
    column: list[RecognisedLine] = []
    for whole in lines:
        words = tuple(word for word in whole.words if word.text not in _RULES)
        if not words:
            continue
        line = RecognisedLine(words, whole.baseline, whole.size)
        if column and line.baseline < column[-1].baseline - _SAME_HEIGHT_EMS * line.size:
            yield column
            column = []
        column.append(line)
    if column:
        yield column


def _count_short(lines: Iterator[RecognisedLine] | Sequence[RecognisedLine]) -> int:
    count = 0
    for line in lines:
        # A row that has been put together is as wide as the table, but its gaps are too.
        extent = max(run[-1].right - run[0].left for run in _runs(line))
        if _widest(line) > _CELL_WORDS or extent > _SHORT_EMS * line.size:
            break
        count += 1
    return count


def _widest(line: RecognisedLine) -> int:
    return max(map(len, _runs(line)))


def _runs(line: RecognisedLine) -> list[list[Word]]:
    runs: list[list[Word]] = []
    for word in line.words:
        if runs and word.left - runs[-1][-1].right <= line.size:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _spans(lines: Sequence[RecognisedLine], line: RecognisedLine) -> bool:
    """Whether `line` is at a height between the first and the last of `lines`, or a row above or below them."""
    if not lines:
        return False
    room = 3 * line.size
    return lines[0].baseline - room <= line.baseline <= lines[-1].baseline + room


def _side_by_side(left: Sequence[RecognisedLine], right: Sequence[RecognisedLine]) -> bool:
    if max(median(map(_widest, side)) for side in (left, right)) > _USUAL_WORDS:
        return False
    shorter, longer = sorted((left, right), key=len)
    heights = [line.baseline for line in longer]
    paired = sum(1 for line in shorter if _nearest(heights, line.baseline) <= _SAME_HEIGHT_EMS * line.size)
    return paired >= max(1, _PARTNERS * len(shorter))


def _nearest(heights: Sequence[float], height: float) -> float:
    return min(abs(height - other) for other in heights)


def _rows(lines: Sequence[RecognisedLine]) -> list[RecognisedLine]:
    """The lines by height, those at the same height as one."""
    rows: list[list[RecognisedLine]] = []
    for line in sorted(lines, key=lambda line: line.baseline):
        if rows and line.baseline - rows[-1][0].baseline <= _SAME_HEIGHT_EMS * line.size:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [
        RecognisedLine(
            tuple(sorted((word for line in row for word in line.words), key=lambda word: word.left)),
            median(line.baseline for line in row),
            median(line.size for line in row),
        )
        for row in rows
    ]
