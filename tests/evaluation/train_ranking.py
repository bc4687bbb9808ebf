"""Train and judge the ranking of candidates: `python -m tests.evaluation.train_ranking [--write]`.

The first candidates of every question of the public sets, with their signals. The weights make it likely that some
relevant candidate of a question comes first (a softmax over its candidates; Cao et al., ICML 2007), with a prior
towards equal weights, so that no one set's habits win. Printed are figures of each set by weights that have not seen
it, beside the fused order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from retrieval.evaluation import Question
from retrieval.fusion import fused
from retrieval.reranking import FIRST, reordered
from retrieval.signals import NAMES, signals
from retrieval.types import Candidate
from tests.evaluation.data_sets import arguments, bundled_model
from tests.evaluation.fitting import Array, fit, write_weights
from tests.evaluation.offline import SETS, Offline, candidates, dense_scores, figures, load, sparse_scores

# Every signal weighs this much, in units of its spread, before a question was seen, and it is held there this strongly.
PRIOR, STRENGTH = 0.5, 0.1
# A chunk that holds less of the passage asked for is no answer.
PART = 0.25


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's candidates in the fused order, and of the first ones: shape (FIRST, signals), and 1 if relevant."""

    found: list[Candidate]
    signals: Array
    relevant: Array


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--write", action="store_true", help="write retrieval/weights/ranking.json")
    options = parser.parse_args()
    model, kept = bundled_model(options.models), options.models.parent / "vectors"
    sets = {name: load(name, options.data, model, kept) for name in SETS}
    judged = {name: judge(data) for name, data in sets.items()}
    for name, own in judged.items():
        weights = trained([questions for other, questions in judged.items() if other != name])
        show(name, "fused", figures(sets[name], [question.found for question in own]))
        show(name, "by the weights of the other sets", figures(sets[name], [ranked(q, weights) for q in own]))
    beta = calibrated(trained(list(judged.values())), list(judged.values()))
    print(dict(zip([*NAMES, "intercept"], np.round(beta, 2).tolist(), strict=True)))
    if options.write:
        made_by = "python -m tests.evaluation.train_ranking --write"
        write_weights("ranking", NAMES, beta, made_by=made_by, trained_on=", ".join(SETS))


def show(name: str, what: str, measured: dict[str, float]) -> None:
    """A line of figures."""
    print(f"{name:12} {what:34}" + "  ".join(f"{figure} {value:.3f}" for figure, value in measured.items()))


def judge(data: Offline) -> list[Judged]:
    """Search for each question of a set."""
    titles, judged = data.titles(), []
    some = candidates(data, dense_scores(data), sparse_scores(data))
    for question, query, found in zip(data.questions, data.queries, map(fused, some), strict=True):
        rows = signals(query, found, titles, first=FIRST)
        relevant = np.array([float(_is_relevant(question, candidate)) for candidate in found[:FIRST]])
        judged.append(Judged(found, rows, relevant))
    return judged


def ranked(question: Judged, weights: Array) -> list[Candidate]:
    """The candidates as these weights order them."""
    scores = 1 / (1 + np.exp(-(question.signals @ weights - 10.0)))
    return reordered(question.found, scores.tolist())


def trained(sets: Sequence[Sequence[Judged]]) -> Array:
    """Weights of the signals; every set counts alike, whatever its size."""
    spread = np.concatenate([question.signals for questions in sets for question in questions]).std(axis=0) + 1e-9
    useful = [
        [replace(q, signals=q.signals / spread) for q in questions if q.relevant.any() and not q.relevant.all()]
        for questions in sets
    ]

    def loss(weights: Array) -> tuple[float, Array]:
        off = weights - PRIOR
        total, slope = STRENGTH * float(off @ off) / 2, STRENGTH * off
        for questions in useful:
            for question in questions:
                missed, pull = _missed(question, weights)
                total += missed / len(questions) / len(useful)
                slope = slope + pull / len(questions) / len(useful)
        return total, slope

    weights: Array = minimize(loss, np.full(len(NAMES), PRIOR), jac=True, method="L-BFGS-B").x / spread
    return weights


def calibrated(weights: Array, sets: Sequence[Sequence[Judged]]) -> Array:
    """The same order as a probability that a candidate is relevant, the intercept last."""
    logits = np.concatenate([question.signals @ weights for questions in sets for question in questions])
    labels = np.concatenate([question.relevant for questions in sets for question in questions])
    scale, intercept = fit(logits[:, None], labels, strength=1e-6, balanced=False)
    beta: Array = np.r_[weights * scale, intercept]
    return beta


def _missed(question: Judged, weights: Array) -> tuple[float, Array]:
    """Minus the log of the chance that a relevant candidate comes first, and its slope."""
    logits = question.signals @ weights
    chances = softmax(logits)
    among_relevant = np.where(question.relevant > 0, chances, 0.0)
    among_relevant /= among_relevant.sum()
    missed = float(logsumexp(logits) - logsumexp(logits[question.relevant > 0]))
    pull: Array = question.signals.T @ (chances - among_relevant)
    return missed, pull


def _is_relevant(question: Question, candidate: Candidate) -> bool:
    if not question.quotes:
        return candidate.document_id in question.expected
    own = [quote for quote in question.quotes if quote.document == candidate.document_id]
    start, end = candidate.chunk.start, candidate.chunk.end
    held = sum(max(0, min(end, quote.end) - max(start, quote.start)) for quote in own)
    return held > PART * sum(quote.end - quote.start for quote in question.quotes)


if __name__ == "__main__":
    main()
