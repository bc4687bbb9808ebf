"""Two generations asked the same questions: is the new one worse than chance explains? Knows nothing of how it is made.

The decision is by nDCG@10, paired by question: worse is a mean difference below zero by more than two standard errors.
With few questions that only finds large losses; the table shows everything that was measured.
"""

import asyncio
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.answering import Answerer
from retrieval.evaluation import Question, Scores, ndcg_by_question
from retrieval.reranking import Reranker
from retrieval.retriever import Retriever, Snapshot
from retrieval.types import Hit
from services.db.registry import SqlRegistry
from services.engine import Engine
from services.scoring import score

ERRORS = 2.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference` is the mean of new minus old nDCG@10 with its standard error; None where no question measures it."""

    before: Scores
    after: Scores
    difference: float | None
    standard_error: float | None

    @property
    def worse(self) -> bool:
        """Whether the new one is worse beyond noise."""
        if self.difference is None or self.standard_error is None:
            return False
        return self.difference < -ERRORS * self.standard_error

    def as_json(self) -> dict[str, Any]:
        """Everything, with the decision."""
        return {
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "difference": _rounded(self.difference),
            "standard_error": _rounded(self.standard_error),
            "worse": self.worse,
        }


def compare(
    questions: Sequence[Question],
    before: Engine,
    after: Engine,
    registry: SqlRegistry,
    *,
    reranker: Reranker,
    progress: Callable[[int, int], None],
) -> Comparison:
    """Ask both, by the production code without a language model, as the principals that the questions name."""
    total = 2 * len(questions)
    scores, found = _scored(
        questions, before, registry, reranker=reranker, progress=lambda done, _: progress(done, total)
    )
    new_scores, new_found = _scored(
        questions, after, registry, reranker=reranker, progress=lambda done, _: progress(len(questions) + done, total)
    )
    old, new = ndcg_by_question(questions, found), ndcg_by_question(questions, new_found)
    return Comparison(scores, new_scores, *paired([new[name] - old[name] for name in old]))


def paired(differences: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and its standard error."""
    if not differences:
        return None, None
    spread = statistics.stdev(differences) if len(differences) > 1 else 0.0
    return statistics.fmean(differences), spread / len(differences) ** 0.5


def _scored(
    questions: Sequence[Question],
    engine: Engine,
    registry: SqlRegistry,
    *,
    reranker: Reranker,
    progress: Callable[[int, int], None],
) -> tuple[Scores, Sequence[Sequence[Hit]]]:
    retriever = Retriever(
        lambda: Snapshot(registry.clock(), engine.embedder, engine.index), registry, reranker=reranker
    )
    scored = asyncio.run(score(questions, retriever, Answerer(retriever), progress))
    return scored.scores, scored.found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
