"""Fusion of two ranked lists into one: reciprocal ranks, stated here and nowhere else.

Knows nothing of Qdrant or principals. We fuse in our own process rather than in the engine because the dense cosine and
the BM25 score of each hit are evidence that answering and `explain` need, and the engine's fusion throws them away
(docs/decisions/0001-fusion.md).
"""

from collections.abc import Mapping, Sequence

# Cormack, Clarke and Büttcher, SIGIR 2009. Qdrant's own default is 2.
RRF_K = 60


def reciprocal_rank_fusion(rankings: Sequence[Sequence[str]], *, k: int = RRF_K) -> Mapping[str, float]:
    """Return id -> score, best first; each ranking holds ids, best first. Ties go to the id that sorts first."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, point in enumerate(ranking, start=1):
            scores[point] = scores.get(point, 0.0) + 1.0 / (k + rank)
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))
