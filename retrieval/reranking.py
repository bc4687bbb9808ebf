"""The second stage: the first of the fused candidates in a new order, by what ties each to the query.

Knows nothing of principals or the index: what comes here may be read. The weights of the signals are a readable file,
made by `python -m tests.evaluation.train_ranking`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from retrieval.logistic import load_weights
from retrieval.signals import NAMES, signals
from retrieval.types import Candidate

# From below the fortieth fused candidate hardly anything comes back up (docs/experiments.md), and each costs 0.1 ms.
FIRST = 40
_MODEL = load_weights("ranking", NAMES)


class Reranker(Protocol):
    """Gives candidates, best first, their final scores and order."""

    def rerank(self, query: str, candidates: Sequence[Candidate], titles: Mapping[str, str]) -> Sequence[Candidate]: ...


class SignalReranker:
    """By the signals that the two searches brought: no model, no further look at the index."""

    def rerank(self, query: str, candidates: Sequence[Candidate], titles: Mapping[str, str]) -> list[Candidate]:
        """`titles` by document id. Scores are in [0, 1]: the chance, as trained, that a passage answers."""
        scores = _MODEL.probabilities(signals(query, candidates, titles, first=FIRST))
        return reordered(candidates, [float(score) for score in scores])


def reordered(candidates: Sequence[Candidate], scores: Sequence[float]) -> list[Candidate]:
    """The first candidates by these scores of theirs; the rest behind them in their order, with scores below."""
    scored = [candidate.scored(score) for candidate, score in zip(candidates, scores, strict=False)]
    scored.sort(key=lambda candidate: -candidate.score)
    rest = candidates[len(scores) :]
    if not rest or not scored:
        return scored
    last = scored[-1].score
    scale = last / (rest[0].score or 1.0)
    return scored + [candidate.scored(min(last, candidate.score * scale)) for candidate in rest]
