"""The read path without a server: the real retriever over Qdrant's in-memory index and a registry of dictionaries.

`WordModel` stands in for the dense model where a test needs no meaning, only words: equal words, equal directions.
"""

import hashlib
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from qdrant_client import QdrantClient

from ingest.pipeline import embedded_text
from retrieval.dense import Vectors
from retrieval.embedding import Embedder
from retrieval.index import ChunkIndex
from retrieval.prefixes import NO_PREFIXES
from retrieval.retriever import Retriever, Snapshot
from retrieval.terms import terms
from retrieval.types import EVERYONE, Chunk, DocumentView, IndexedChunk, Principal

ASKER = Principal(user_id="u1", email="ada@larkmoor.example", grants=frozenset({EVERYONE, "user:ada@larkmoor.example"}))
BATCH = 256


class WordModel:
    """A dense model without weights: the sum of a fixed random direction for each term, normalised."""

    dimension = 256
    max_tokens = 256
    prefixes = NO_PREFIXES

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Vectors:
        total = np.zeros(self.dimension, dtype=np.float32)
        for term in terms(text):
            seed = int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "big")
            total += np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        return total / (float(np.linalg.norm(total)) or 1.0)

    def count_tokens(self, text: str) -> int:
        return len(text.split())


class MemoryRegistry:
    """Documents that everybody named in their grants may read, all in force."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[DocumentView, frozenset[str]]] = {}

    def readable(
        self, document_ids: Collection[str], principal: Principal, *, at: datetime, as_of: datetime | None
    ) -> Mapping[str, DocumentView]:
        known = {i: self.documents[i] for i in document_ids if i in self.documents}
        return {i: view for i, (view, grants) in known.items() if grants & principal.grants}


def retriever_over(
    documents: Iterable[tuple[DocumentView, Sequence[Chunk]]],
    embedder: Embedder,
    *,
    grants: Mapping[str, Collection[str]] | None = None,
) -> Retriever:
    """The real retriever over `documents`; everyone may read those that `grants` does not name."""
    index = ChunkIndex(QdrantClient(":memory:"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect in the local Qdrant")
        index.prepare(embedder.dimension)
    registry = MemoryRegistry()
    pending: list[tuple[DocumentView, Chunk]] = []
    for view, chunks in documents:
        allowed = frozenset((grants or {}).get(view.document_id, {EVERYONE}))
        registry.documents[view.document_id] = (view, allowed)
        pending.extend((view, chunk) for chunk in chunks)
    for start in range(0, len(pending), BATCH):
        batch = pending[start : start + BATCH]
        vectors = embedder.embed_documents([embedded_text(view.title, chunk) for view, chunk in batch])
        index.upsert(
            [
                IndexedChunk(
                    document_id=view.document_id,
                    version=view.version,
                    chunk=chunk,
                    embedding=vector,
                    grants=tuple(sorted(registry.documents[view.document_id][1])),
                    data_source=view.data_source,
                    media_type=view.media_type,
                    modified_at=view.modified_at,
                )
                for (view, chunk), vector in zip(batch, vectors, strict=True)
            ]
        )
    return Retriever(lambda: Snapshot(datetime.now(UTC), embedder, index), registry)


def document(text: str, *, title: str = "", name: str = "", document_id: str = "") -> tuple[DocumentView, list[Chunk]]:
    """A document of one chunk."""
    identity = document_id or name or title or hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    view = DocumentView(identity, 1, title or identity, None, "tests", name or identity, "text/plain", None)
    return view, [Chunk(number=0, text=text, start=0, end=len(text))]
