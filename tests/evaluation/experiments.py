"""What was tried to find more, each idea by itself: `python -m tests.evaluation.experiments [--only NAME]… [--report]`.

Over the public sets in memory (`offline.py`), with the kept weights where candidates are reranked. `--report` writes
the table into docs/experiments.md; what it taught us stands there beside it.
"""

import random
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.dense import DenseModel
from retrieval.fusion import fused, places
from retrieval.logistic import load_weights
from retrieval.reranking import FIRST, reordered
from retrieval.signals import NAMES, signals
from retrieval.sparse import Bm25, EnglishBm25
from retrieval.spelling import corrected
from retrieval.types import Candidate
from tests.evaluation.data_sets import arguments, bundled_model
from tests.evaluation.late_interaction import LateInteraction
from tests.evaluation.offline import SETS, Offline, candidates, dense_scores, figures, load, sparse_scores

Ranked = list[list[Candidate]]
Way = Callable[[Offline, Sequence[Sequence[Candidate]]], Ranked]
PAGE = Path(__file__).parents[2] / "docs" / "experiments.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
_MODEL = load_weights("ranking", NAMES)
# The one figure of each set that decides: of passages where its questions name passages.
_SHOWN = ("quote_recall", "ndcg_at_10")


def by(scores: Callable[[list[Candidate]], Sequence[float]]) -> Way:
    """Candidates in the order of these scores."""

    def rank(_: Offline, found: Sequence[Sequence[Candidate]]) -> Ranked:
        return [[c for _, c in _sorted(scores(list(some)), list(some))] for some in found]

    return rank


def weighted(sparse: float) -> Callable[[list[Candidate]], Sequence[float]]:
    """The places in the two searches, BM25's with this share."""
    return lambda some: (places(some) @ np.array([1 - sparse, sparse])).tolist()


def reciprocal(k: int) -> Callable[[list[Candidate]], Sequence[float]]:
    """Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009); Qdrant's own default is k = 2."""
    return lambda some: [sum(1 / (k + rank) for rank in (c.dense_rank, c.sparse_rank) if rank) for c in some]


def reranked(first: int = FIRST, *, without: str | None = None) -> Way:
    """The fused order reranked, `without` one signal: its weight is 0."""
    weights = np.array([0.0 if name == without else w for name, w in zip(NAMES, _MODEL.coefficients, strict=True)])

    def rank(data: Offline, found: Sequence[Sequence[Candidate]]) -> Ranked:
        titles, ranked = data.titles(), []
        for query, some in zip(data.queries, map(fused, found), strict=True):
            logits = signals(query, some, titles, first=first) @ weights + _MODEL.intercept
            ranked.append(reordered(some, (1 / (1 + np.exp(-logits))).tolist()))
        return ranked

    return rank


def interacting(first: int, share: float) -> Way:
    """The first of the reranked candidates by late interaction, in this share, and by their score: both from 0 to 1."""

    def rank(data: Offline, found: Sequence[Sequence[Candidate]]) -> Ranked:
        kept = reranked()(data, found)
        closeness = _late_interaction().scores(data, kept, first)
        return [
            reordered(some, _mixed([c.score for c in some[:first]], close, share))
            for some, close in zip(kept, closeness, strict=True)
        ]

    return rank


@cache
def _late_interaction() -> LateInteraction:
    return LateInteraction()


def _mixed(scores: Sequence[float], others: Sequence[float], share: float) -> list[float]:
    ours, theirs = (np.asarray(some, dtype=np.float64) for some in (scores, others))
    return list((1 - share) * _spread(ours) + share * _spread(theirs)) if len(ours) else []


def _spread(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    width = float(np.ptp(scores)) or 1.0
    return np.asarray((scores - scores.min()) / width)


def fed_back(data: Offline, found: Sequence[Sequence[Candidate]]) -> Ranked:
    """Pseudo-relevance feedback: the query's vector moved towards its first three fused candidates (Rocchio)."""
    vectors = {(v.document_id, c.number): row for row, (v, c) in enumerate(zip(data.views, data.chunks, strict=True))}
    moved = data.query_dense.copy()
    for row, some in enumerate(map(fused, found)):
        leading = [data.dense[vectors[c.document_id, c.chunk.number]] for c in some[:3]]
        moved[row] += np.mean(leading, axis=0)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    return rank_asked(replace(data, query_dense=moved))


WAYS: Mapping[str, Way] = {
    "dense alone": by(lambda some: [c.dense_score or 0.0 for c in some]),
    "BM25 alone": by(lambda some: [c.sparse_score or 0.0 for c in some]),
    "reciprocal ranks, k = 60": by(reciprocal(60)),
    "reciprocal ranks, k = 2": by(reciprocal(2)),
    "places, BM25 .3": by(weighted(0.3)),
    "places, equal (kept)": by(weighted(0.5)),
    "places, BM25 .7": by(weighted(0.7)),
    "reranked (kept)": reranked(),
    "reranked, the first 15": reranked(15),
    "reranked, the first 100": reranked(100),
    **{f"reranked without {name}": reranked(without=name) for name in NAMES},
    "reranked after feedback": fed_back,
    "the first 10 by late interaction alone": interacting(10, 1.0),
    "the first 10 by both, late interaction .2": interacting(10, 0.2),
    "the first 10 by both, late interaction .5": interacting(10, 0.5),
}
_Row = tuple[str, list[str]]


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--only", action="append", choices=SETS, help="only this set; may be repeated")
    parser.add_argument("--report", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args()
    names = options.only or list(SETS)
    model, kept = bundled_model(options.models), options.models.parent / "vectors"
    columns = [column(load(name, options.data, model, kept), model) for name in names]
    lines = [f"| tried | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    lines += [f"| {row} | {' | '.join(f'{some[row]:.3f}' for some in columns)} |" for row in columns[0]]
    print("\n".join(lines))
    if options.report:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text("\n".join([before + BEGIN, *lines, END + after.rstrip("\n"), ""]), encoding="utf-8")


def column(data: Offline, model: DenseModel) -> dict[str, float]:
    """The deciding figure of one set for everything that was tried."""
    dense, sparse = dense_scores(data), sparse_scores(data)
    found = candidates(data, dense, sparse)
    measured = {way: decisive(data, rank(data, found)) for way, rank in WAYS.items()}
    measured["BM25 alone, analysis of the first recipe"] = decisive(
        data, by(lambda some: [c.sparse_score or 0.0 for c in some])(
            data, candidates(data, dense, sparse_scores(data, EnglishBm25()))
        )
    )  # fmt: skip
    bare = replace(data, texts=[part.text for part in data.chunks])
    measured["reranked, title and headings not in BM25"] = decisive(
        data, reranked()(data, candidates(data, dense, sparse_scores(bare, Bm25())))
    )
    slips = random.Random(0)
    misspelt = asked(data, model, [with_a_slip(query, slips) for query in data.queries])
    measured["a slip in every query, as it is"], measured["a slip in every query, put right (kept)"] = (
        decisive(data, rank_asked(misspelt)), decisive(data, rank_asked(put_right(misspelt, model))),
    )  # fmt: skip
    return measured


def asked(data: Offline, model: DenseModel, queries: list[str]) -> Offline:
    """The set with other words for its questions."""
    return replace(data, queries=queries, query_dense=model.encode(queries))


def put_right(data: Offline, model: DenseModel) -> Offline:
    """With the words of the candidates, as the retriever does."""
    titles = data.titles()
    texts = [
        [candidate.chunk.headed(titles[candidate.document_id]) for candidate in some]
        for some in candidates(data, dense_scores(data), sparse_scores(data))
    ]
    return asked(
        data, model, [corrected(query, some) or query for query, some in zip(data.queries, texts, strict=True)]
    )


def rank_asked(data: Offline) -> Ranked:
    """Its queries searched for afresh, and reranked."""
    return reranked()(data, candidates(data, dense_scores(data), sparse_scores(data)))


def decisive(data: Offline, ranked: Ranked) -> float:
    """Quote recall over five hits, or nDCG at 10."""
    measured = figures(data, ranked)
    return next(measured[name] for name in _SHOWN if name in measured)


def with_a_slip(query: str, slips: random.Random) -> str:
    """One letter of one long word lost, doubled, changed or swapped."""
    words = list(re.finditer(r"[a-zA-Z]{6,}", query))
    if not words:
        return query
    word = slips.choice(words)
    at = word.start() + slips.randrange(1, len(word.group()) - 1)
    letter = slips.choice(string.ascii_lowercase)
    return slips.choice(
        [
            query[:at] + query[at + 1 :],
            query[:at] + letter + query[at:],
            query[:at] + letter + query[at + 1 :],
            query[:at] + query[at + 1] + query[at] + query[at + 2 :],
        ]
    )


def _sorted(scores: Sequence[float], some: list[Candidate]) -> list[tuple[float, Candidate]]:
    return sorted(zip(scores, some, strict=True), key=lambda pair: -pair[0])


if __name__ == "__main__":
    main()
