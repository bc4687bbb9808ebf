"""The whole read path of a query: embed -> hybrid search as principal -> registry check -> cut.

Knows nothing of HTTP, SQL or answers. The registry is asked for its clock before the search and for the candidates
after it, as of that clock: a document whose new version is swapped in between appears as it was, whole
(docs/decisions/0003-reads-during-a-swap.md).
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from retrieval.embedding import Embedder
from retrieval.index import ChunkIndex
from retrieval.types import NO_FILTERS, Candidate, DocumentView, Hit, Principal, SearchFilters

DEPTH = 100


class Registry(Protocol):
    """What the read path asks of the database. Implemented by `services/db/registry.py` and, for tests, in memory."""

    def clock(self) -> datetime:
        """The database's time, now."""
        ...

    def readable(
        self, document_ids: Collection[str], principal: Principal, *, at: datetime, as_of: datetime | None
    ) -> Mapping[str, DocumentView]:
        """The documents among `document_ids` that exist, are not deleted and may be read by `principal` now.

        Each with the version that was the active one at `at`, and only documents in force at `as_of` (None: now,
        leaving out what is no longer, or not yet, in force).
        """
        ...


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Hits, best first, with the milliseconds that each step took and how many candidates the registry dropped."""

    hits: tuple[Hit, ...]
    timings_ms: Mapping[str, float]
    dropped: int


class Retriever:
    """Finds what a principal may read about a query."""

    def __init__(self, index: ChunkIndex, embedder: Embedder, registry: Registry) -> None:
        self._index = index
        self._embedder = embedder
        self._registry = registry

    def retrieve(
        self, query: str, principal: Principal, *, filters: SearchFilters = NO_FILTERS, top_k: int = 8
    ) -> Retrieved:
        """Return at most `top_k` hits for `query`.

        Raises InvalidFilterError, ForbiddenError (no grants) or IndexUnavailableError.
        """
        began = time.perf_counter()
        at = self._registry.clock()
        embedding = self._embedder.embed_query(query)
        embedded = time.perf_counter()
        candidates = self._index.search(embedding, principal, filters=filters, depth=max(DEPTH, top_k))
        searched = time.perf_counter()
        ids = {candidate.document_id for candidate in candidates}
        views = self._registry.readable(ids, principal, at=at, as_of=filters.as_of)
        kept = [candidate for candidate in candidates if _is_active(candidate, views)]
        hits = tuple(_hit(rank, candidate, views) for rank, candidate in enumerate(kept[:top_k], start=1))
        done = time.perf_counter()
        timings = {"embed": embedded - began, "search": searched - embedded, "check": done - searched}
        return Retrieved(hits, {step: 1000 * taken for step, taken in timings.items()}, len(candidates) - len(kept))


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
    )
