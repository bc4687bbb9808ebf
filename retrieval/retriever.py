"""The whole read path of a query: embed -> hybrid search as principal -> registry check -> cut.

Knows nothing of HTTP, SQL or answers. A search reads one snapshot: the registry's time, and the embedder and the index
that were in use then. The registry is asked for the candidates as of that time: a document whose new version is swapped
in meanwhile appears as it was, whole (docs/decisions/0003-reads-during-a-swap.md).
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from retrieval.embedding import Embedder
from retrieval.index import ChunkIndex
from retrieval.types import NO_FILTERS, Candidate, DocumentView, Hit, Principal, SearchFilters

DEPTH = 100


class Registry(Protocol):
    """What the read path asks of the database. Implemented by `services/db/registry.py` and, for tests, in memory."""

    def readable(
        self, document_ids: Collection[str], principal: Principal, *, at: datetime, as_of: datetime | None
    ) -> Mapping[str, DocumentView]:
        """The documents among `document_ids` that exist, are not deleted and may be read by `principal` now.

        Each with the version that was the active one at `at`, and only documents in force at `as_of` (None: now,
        leaving out what is no longer, or not yet, in force).
        """
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one search reads: versions that were active at `at`, in the index whose vectors `embedder` makes."""

    at: datetime
    embedder: Embedder
    index: ChunkIndex


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Hits, best first, and the embedder that found them, for whoever compares texts with them.

    With the milliseconds that each step took and how many candidates the registry dropped.
    """

    hits: tuple[Hit, ...]
    embedder: Embedder
    timings_ms: Mapping[str, float]
    dropped: int


class Retriever:
    """Finds what a principal may read about a query."""

    def __init__(self, snapshot: Callable[[], Snapshot], registry: Registry) -> None:
        self._snapshot = snapshot
        self._registry = registry

    def retrieve(
        self, query: str, principal: Principal, *, filters: SearchFilters = NO_FILTERS, top_k: int = 8
    ) -> Retrieved:
        """Return at most `top_k` hits for `query`.

        Raises InvalidFilterError, ForbiddenError (no grants) or IndexUnavailableError.
        """
        began = time.perf_counter()
        now = self._snapshot()
        embedding = now.embedder.embed_query(query)
        embedded = time.perf_counter()
        candidates = now.index.search(embedding, principal, filters=filters, depth=max(DEPTH, top_k))
        searched = time.perf_counter()
        ids = {candidate.document_id for candidate in candidates}
        views = self._registry.readable(ids, principal, at=now.at, as_of=filters.as_of)
        kept = [candidate for candidate in candidates if _is_active(candidate, views)]
        hits = tuple(_hit(rank, candidate, views) for rank, candidate in enumerate(kept[:top_k], start=1))
        done = time.perf_counter()
        timings = {"embed": embedded - began, "search": searched - embedded, "check": done - searched}
        dropped = len(candidates) - len(kept)
        return Retrieved(hits, now.embedder, {step: 1000 * taken for step, taken in timings.items()}, dropped)


def _is_active(candidate: Candidate, views: Mapping[str, DocumentView]) -> bool:
    view = views.get(candidate.document_id)
    return view is not None and view.version == candidate.version


def _hit(rank: int, candidate: Candidate, views: Mapping[str, DocumentView]) -> Hit:
    return Hit(
        rank=rank,
        score=candidate.score,
        document=views[candidate.document_id],
        chunk=candidate.chunk,
        dense_score=candidate.dense_score,
        sparse_score=candidate.sparse_score,
        dense_rank=candidate.dense_rank,
        sparse_rank=candidate.sparse_rank,
        fused_rank=rank,
    )
