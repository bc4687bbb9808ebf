"""Answers made of verbatim sentences: which ones, in which order.

Knows nothing of models or events. A logistic model over plain signals (`weights/sentences.json`, made by
tests/evaluation/clapnq_sentences.py --fit) says how likely each unit belongs to the answer; of these one to four are
kept, as many as make the expected F1 highest. Lists and table rows come whole, because a unit is one.
"""

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrieval.conflicts import disagreements, newest
from retrieval.evidence import Evidence, answer_type
from retrieval.logistic import Logistic, load_weights
from retrieval.reading import Reading

MAX_SENTENCES = 4
# Two units this near say the same thing.
SAME_COSINE = 0.93
SAME_OVERLAP = 0.85
# A unit this much farther from the question than the nearest one is left out, whatever the expected F1: it costs .006
# there and spares the reader filler. Less is let through where a date, an amount, a person or a place is asked for.
FARTHEST = 0.4
FARTHEST_FACT = 0.35
# A row that shares less of the question's words than this part of what the likeliest row of its table does is not asked
# for: "London" in the question leaves the other places out.
SHARE_OF_ROW = 0.7
# A unit right below a heading, or an answer right below its question, is at least this near where that one is.
SHARE_OF_HEAD = 0.85

Rows = npt.NDArray[np.float64]
SIGNALS = ("cosine", "below_best", "before", "after", "hit", "length", "refers_back", "referred_to")
_MODEL = load_weights("sentences", SIGNALS)

_REFERS_BACK = re.compile(
    r"\W*(?:it|its|he|his|she|her|they|their|this|these|those|such|that|however|also|both|another|other|for example|"
    r"thus|therefore|then|later|in addition|as such)\b",
    re.IGNORECASE,
)


def select(reading: Reading, evidence: Evidence) -> list[int]:
    """Choose one to MAX_SENTENCES units that answer the question: their indices, in the order in which they are read.

    Where two documents disagree, the newer one speaks. Empty only where there is nothing but headings.
    """
    signals = unit_signals(reading, evidence)
    chosen = choose(reading, signals, probabilities(reading, signals, _MODEL))
    return newest(chosen, disagreements(reading, chosen))


def probabilities(reading: Reading, signals: Rows, model: Logistic) -> Rows:
    """How likely each unit belongs to the answer, shape (n,); 0 for what only announces what follows."""
    return np.where([unit.heads for unit in reading.units], 0.0, model.probabilities(signals))


def choose(reading: Reading, signals: Rows, likely: Rows) -> list[int]:
    """Indices of the units to show, in reading order: no near repeats, as many as make the expected F1 highest."""
    distinct: list[int] = []
    for i in map(int, np.argsort(-likely, kind="stable")):
        if likely[i] == 0.0 or len(distinct) == MAX_SENTENCES:
            break
        if not any(_same(reading, i, j) or _other_row(reading, i, j) for j in distinct):
            distinct.append(i)
    if not distinct:
        return []
    count = _best_count([float(likely[i]) for i in distinct], float(likely.sum()))
    cosines = signals[:, SIGNALS.index("cosine")]
    farthest = FARTHEST if answer_type(reading.question) == "other" else FARTHEST_FACT
    limit = max(float(cosines[i]) for i in distinct) - farthest
    return _reading_order(reading, [i for i in distinct[:count] if i == distinct[0] or cosines[i] >= limit])


def unit_signals(reading: Reading, evidence: Evidence) -> Rows:
    """Return the signals of each unit, shape (n, len(SIGNALS)). Also what the training script reads.

    cosine: to the question. below_best: how far below the best of its hit. before, after: cosines of its neighbours.
    hit: how far its hit's evidence lies below the best hit's. length: log of its terms. refers_back: the cosine of the
    unit before where this one begins with "it" or the like. referred_to: the cosine of the one after where that does.
    """
    best = max(evidence.logits, default=0.0)
    cosines = _cosines(reading)
    nearest: dict[int, float] = {}
    for unit, cosine in zip(reading.units, cosines, strict=True):
        nearest[unit.hit] = max(nearest.get(unit.hit, -1.0), cosine)
    rows = []
    for i, unit in enumerate(reading.units):
        before, after = _neighbour(reading, i, -1), _neighbour(reading, i, +1)
        back = _REFERS_BACK.match(unit.text) is not None
        forth = after is not None and _REFERS_BACK.match(reading.units[after].text) is not None
        cosine_before = cosines[before] if before is not None else 0.0
        cosine_after = cosines[after] if after is not None else 0.0
        rows.append(
            (
                cosines[i],
                cosines[i] - nearest[unit.hit],
                cosine_before,
                cosine_after,
                evidence.logits[unit.hit] - best,
                min(math.log1p(len(unit.terms)), 3.5),
                cosine_before if back else 0.0,
                cosine_after if forth else 0.0,
            )
        )
    return np.array(rows, dtype=np.float64).reshape(-1, len(SIGNALS))


def _cosines(reading: Reading) -> list[float]:
    """Cosine of each unit to the question; what stands right below a heading or a question shares in its nearness."""
    own = [float(cosine) for cosine in reading.cosines]
    for i, unit in enumerate(reading.units[:-1]):
        below = reading.units[i + 1]
        if unit.heads and not below.heads and below.hit == unit.hit:
            own[i + 1] = max(own[i + 1], SHARE_OF_HEAD * own[i])
    return own


def _neighbour(reading: Reading, i: int, step: int) -> int | None:
    j = i + step
    return j if 0 <= j < len(reading.units) and reading.units[j].hit == reading.units[i].hit else None


def _same(reading: Reading, i: int, j: int) -> bool:
    """Whether two units say the same; never where a number differs, as in "Heron 2 ..." beside "Heron 3 ..."."""
    one, other = reading.units[i].terms, reading.units[j].terms
    if _numbers(one) != _numbers(other):
        return False
    overlap = len(one & other) / max(1, len(one | other))
    return overlap >= SAME_OVERLAP or float(reading.vectors[i] @ reading.vectors[j]) >= SAME_COSINE


def _other_row(reading: Reading, i: int, j: int) -> bool:
    """Whether i is a row of the table that has row j, but not one that the question is about as much."""
    one, other = reading.units[i], reading.units[j]
    rows = " | " in one.text and " | " in other.text and one.hit == other.hit
    return rows and one.overlap < SHARE_OF_ROW * other.overlap


def _numbers(terms: frozenset[str]) -> set[str]:
    return {term for term in terms if any(letter.isdigit() for letter in term)}


def _best_count(likely: Sequence[float], total: float) -> int:
    """How many of the units, best first, to take for the highest expected F1."""
    expected = [2 * sum(likely[:count]) / (count + total) for count in range(1, len(likely) + 1)]
    return 1 + expected.index(max(expected))


def _reading_order(reading: Reading, chosen: Sequence[int]) -> list[int]:
    """The hit with the likeliest unit first; within a hit as the document has it."""
    hits = [reading.units[i].hit for i in chosen]
    return sorted(chosen, key=lambda i: (hits.index(reading.units[i].hit), reading.units[i].start))
