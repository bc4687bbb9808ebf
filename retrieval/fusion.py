"""Fusion of two searches into one order, stated here and nowhere else.

A candidate's place in a search says where its score lies between the lowest and the highest of that search; the fused
score is the mean of its two places. Unlike reciprocal ranks this keeps how far apart scores are (docs/experiments.md;
Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, TOIS 2023). Knows nothing of Qdrant or
principals. We fuse in our own process rather than in the engine because the cosine and the BM25 score of each hit are
evidence that answering and `explain` need, and the engine's fusion throws them away (docs/decisions/0001-fusion.md).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrieval.types import Candidate

Places = npt.NDArray[np.float64]


def places(candidates: Sequence[Candidate]) -> Places:
    """Shape (candidates, 2), in [0, 1]: the places in the dense and in the BM25 search, 0 where it missed one."""
    columns = [_between([c.dense_score for c in candidates]), _between([c.sparse_score for c in candidates])]
    return np.stack(columns, axis=1)


def fused(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their fused scores, best first; a tie goes to the chunk that sorts first by document."""
    if not candidates:
        return []
    scored = [
        candidate.scored(float(score))
        for candidate, score in zip(candidates, places(candidates).mean(axis=1), strict=True)
    ]
    return sorted(scored, key=lambda c: (-c.score, c.document_id, c.version, c.chunk.number))


def _between(scores: Sequence[float | None]) -> Places:
    known = [score for score in scores if score is not None]
    if not known:
        return np.zeros(len(scores))
    low, width = min(known), max(known) - min(known)
    return np.array([0.0 if s is None else (s - low) / width if width > 0 else 1.0 for s in scores])
