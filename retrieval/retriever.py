"""The whole read path of a query: embed -> hybrid search as principal -> registry check -> fuse -> rerank -> cut.

Knows nothing of HTTP, SQL or answers. A search reads one snapshot: the registry's time, and the embedder and the index
that were in use then. The registry is asked for the candidates as of that time: a document whose new version is swapped
in meanwhile appears as it was, whole (docs/decisions/0003-reads-during-a-swap.md).
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from retrieval.embedding import Embedder
from retrieval.fusion import fused
from retrieval.index import ChunkIndex
from retrieval.reranking import Reranker, SignalReranker
from retrieval.spelling import corrected
from retrieval.succession import newest_first
from retrieval.types import NO_FILTERS, Candidate, DocumentView, Hit, Principal, SearchFilters

DEPTH = 100
# Where so much of what was found is out of force or replaced that too little is left: once more, so much deeper.
DEEPER = 4


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

    `query` is what was searched: the asker's, or that with its misspelt words put right. With the milliseconds that
    each step took and how many candidates the registry dropped.
    """

    query: str
    hits: tuple[Hit, ...]
    embedder: Embedder
    timings_ms: Mapping[str, float]
    dropped: int


@dataclass(frozen=True, slots=True)
class Found:
    """What may be read of what the two searches brought, fused and best first, with the views of its documents.

    `query` is what was searched.
    """

    query: str
    candidates: tuple[Candidate, ...]
    views: Mapping[str, DocumentView]
    embedder: Embedder
    timings_ms: Mapping[str, float]
    dropped: int


class Retriever:
    """Finds what a principal may read about a query."""

    def __init__(
        self, snapshot: Callable[[], Snapshot], registry: Registry, *, reranker: Reranker | None = None
    ) -> None:
        self._snapshot = snapshot
        self._registry = registry
        self._reranker = reranker or SignalReranker()

    def retrieve(
        self, query: str, principal: Principal, *, filters: SearchFilters = NO_FILTERS, top_k: int = 8
    ) -> Retrieved:
        """Return at most `top_k` hits for `query`.

        Raises InvalidFilterError, ForbiddenError (no grants) or IndexUnavailableError.
        """
        found = self.find(query, principal, filters=filters, top_k=top_k)
        began = time.perf_counter()
        fused_ranks = {_key(candidate): rank for rank, candidate in enumerate(found.candidates, start=1)}
        titles = {document_id: view.title for document_id, view in found.views.items()}
        ranked = newest_first(
            self._reranker.rerank(found.query, found.candidates, titles)[:top_k],
            lambda candidate: found.views[candidate.document_id].superseded_by,
            lambda candidate: candidate.document_id,
        )
        hits = tuple(
            _hit(rank, candidate, found.views, fused_ranks[_key(candidate)])
            for rank, candidate in enumerate(ranked, start=1)
        )
        timings = {**found.timings_ms, "rerank": 1000 * (time.perf_counter() - began)}
        return Retrieved(found.query, hits, found.embedder, timings, found.dropped)

    def find(self, query: str, principal: Principal, *, filters: SearchFilters = NO_FILTERS, top_k: int = 8) -> Found:
        """The candidates that reranking begins with. Raises as `retrieve` does."""
        now, depth = self._snapshot(), max(DEPTH, top_k)
        found = self._searched(now, query, principal, filters, depth)
        if len(found.candidates) < top_k and len(found.candidates) + found.dropped >= depth:
            depth *= DEEPER
            found = self._searched(now, query, principal, filters, depth)
        texts = [candidate.chunk.headed(found.views[candidate.document_id].title) for candidate in found.candidates]
        repaired = corrected(query, texts) if texts else None
        if repaired is None:
            return found
        again = self._searched(now, repaired, principal, filters, depth)
        timings = {step: found.timings_ms[step] + took for step, took in again.timings_ms.items()}
        return replace(again, timings_ms=timings)

    def _searched(self, now: Snapshot, query: str, principal: Principal, filters: SearchFilters, depth: int) -> Found:
        began = time.perf_counter()
        embedding = now.embedder.embed_query(query)
        embedded = time.perf_counter()
        candidates = now.index.search(embedding, principal, filters=filters, depth=depth)
        searched = time.perf_counter()
        ids = {candidate.document_id for candidate in candidates}
        views = self._registry.readable(ids, principal, at=now.at, as_of=filters.as_of)
        kept = fused([candidate for candidate in candidates if _is_active(candidate, views)])
        done = time.perf_counter()
        timings = {"embed": embedded - began, "search": searched - embedded, "check": done - searched}
        return Found(
            query=query,
            candidates=tuple(kept),
            views=views,
            embedder=now.embedder,
            timings_ms={step: 1000 * taken for step, taken in timings.items()},
            dropped=len(candidates) - len(kept),
        )


def _key(candidate: Candidate) -> tuple[str, int]:
    return candidate.document_id, candidate.chunk.number


def _is_active(candidate: Candidate, views: Mapping[str, DocumentView]) -> bool:
    view = views.get(candidate.document_id)
    return view is not None and view.version == candidate.version


def _hit(rank: int, candidate: Candidate, views: Mapping[str, DocumentView], fused_rank: int) -> Hit:
    return Hit(
        rank=rank,
        score=candidate.score,
        document=views[candidate.document_id],
        chunk=candidate.chunk,
        dense_score=candidate.dense_score,
        sparse_score=candidate.sparse_score,
        dense_rank=candidate.dense_rank,
        sparse_rank=candidate.sparse_rank,
        fused_rank=fused_rank,
    )
