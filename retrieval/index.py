"""ChunkIndex: chunks with their vectors in Qdrant. The only file that imports qdrant_client.

Knows nothing of documents' metadata, of who is a member of what, or of which version is the active one: the registry is
the truth, this is an index. Every search carries an access filter, made from the principal by `retrieval/access.py`.
"""

import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException

from retrieval.access import AccessFilter, access_filter
from retrieval.errors import IndexUnavailableError
from retrieval.fusion import reciprocal_rank_fusion
from retrieval.types import Candidate, Chunk, Embedding, IndexedChunk, Principal, SearchFilters

DENSE = "dense"
SPARSE = "bm25"
NAMESPACE = uuid.UUID("6a1f5a52-7f1b-4a34-9c1e-0d9a3c0b7f11")
UPSERT_BATCH = 128
TIMEOUT_SECONDS = 10
_KEYWORDS = ("document_id", "grants", "data_source", "media_type")
_INTEGERS = ("version", "generation")


def connect(url: str, *, api_key: str | None = None, timeout: int = TIMEOUT_SECONDS) -> QdrantClient:
    """A client of the Qdrant server, or of the embedded one, at `url`; nothing is sent yet."""
    with warnings.catch_warnings():
        # The key over plain HTTP is meant: the server listens on loopback, or on a network of its own.
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        return QdrantClient(url=url, api_key=api_key, timeout=timeout, check_compatibility=False)


class ChunkIndex:
    """Upsert, search and delete chunks of one generation, behind an alias that a later generation can take over.

    Every method raises IndexUnavailableError when the server is down, slow or refuses.
    """

    def __init__(self, client: QdrantClient, *, alias: str = "chunks", generation: int = 1) -> None:
        self._client = client
        self._alias = alias
        self._generation = generation

    def prepare(self, dimension: int) -> None:
        """Create the collection, its payload indexes and the alias where they do not exist yet."""
        name = f"{self._alias}-{self._generation}"
        with _unavailable():
            if not self._client.collection_exists(name):
                self._client.create_collection(
                    name,
                    vectors_config={DENSE: models.VectorParams(size=dimension, distance=models.Distance.COSINE)},
                    sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                )
            for field in _KEYWORDS:
                self._client.create_payload_index(name, field, models.PayloadSchemaType.KEYWORD, wait=True)
            for field in _INTEGERS:
                self._client.create_payload_index(name, field, models.PayloadSchemaType.INTEGER, wait=True)
            self._client.create_payload_index(name, "modified_at", models.PayloadSchemaType.FLOAT, wait=True)
            if self._alias not in {alias.alias_name for alias in self._client.get_aliases().aliases}:
                create = models.CreateAlias(collection_name=name, alias_name=self._alias)
                self._client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks durably. Ids depend on document, version, number and generation only: repeats do no harm."""
        points = [self._point(chunk) for chunk in chunks]
        with _unavailable():
            for start in range(0, len(points), UPSERT_BATCH):
                self._client.upsert(self._alias, points[start : start + UPSERT_BATCH], wait=True)

    def search(self, query: Embedding, principal: Principal, *, filters: SearchFilters, depth: int) -> list[Candidate]:
        """Return the fused candidates of a dense and a BM25 search, `depth` deep each, best first.

        Raises ForbiddenError for a principal without grants, InvalidFilterError for contradictory filters.
        """
        allowed = _compiled(access_filter(principal, filters))
        sparse = models.SparseVector(indices=list(query.sparse.indices), values=list(query.sparse.values))
        requests = [_request(list(query.dense), DENSE, allowed, depth)]
        if query.sparse.indices:
            requests.append(_request(sparse, SPARSE, allowed, depth))
        with _unavailable():
            answers = self._client.query_batch_points(self._alias, requests)
        return _fused([answer.points for answer in answers])

    def count(self, document_id: str, version: int) -> int:
        """How many chunks of this document version the index holds, exactly."""
        with _unavailable():
            return self._client.count(self._alias, _of(document_id, version=version), exact=True).count

    def total(self) -> int:
        """How many chunks the index holds, of all versions."""
        with _unavailable():
            return self._client.count(self._alias, exact=True).count

    def delete(self, document_id: str, version: int | None = None) -> None:
        """Delete a version's chunks, or all of a document's where `version` is None."""
        with _unavailable():
            selector = models.FilterSelector(filter=_of(document_id, version=version))
            self._client.delete(self._alias, selector, wait=True)

    def set_metadata(self, document_id: str, *, grants: Sequence[str], modified_at: datetime | None) -> None:
        """Replace what searches filter on in every chunk of a document, without embedding anything again."""
        payload = {"grants": list(grants), "modified_at": _epoch(modified_at)}
        with _unavailable():
            self._client.set_payload(self._alias, payload, _of(document_id), wait=True)

    def _point(self, indexed: IndexedChunk) -> models.PointStruct:
        chunk, key = indexed.chunk, f"{indexed.document_id}/{indexed.version}/{indexed.chunk.number}/{self._generation}"
        sparse = indexed.embedding.sparse
        payload: dict[str, Any] = {
            "document_id": indexed.document_id,
            "version": indexed.version,
            "number": chunk.number,
            "generation": self._generation,
            "start": chunk.start,
            "end": chunk.end,
            "text": chunk.text,
            "page": chunk.page,
            "heading_path": list(chunk.heading_path),
            "grants": list(indexed.grants),
            "data_source": indexed.data_source,
            "media_type": indexed.media_type,
            "modified_at": _epoch(indexed.modified_at),
        }
        vectors: dict[str, Any] = {
            DENSE: list(indexed.embedding.dense),
            SPARSE: models.SparseVector(indices=list(sparse.indices), values=list(sparse.values)),
        }
        return models.PointStruct(id=str(uuid.uuid5(NAMESPACE, key)), vector=vectors, payload=payload)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (ApiException, ResponseHandlingException, httpx.HTTPError, OSError) as error:
        raise IndexUnavailableError("The search index does not answer. It is tried again by itself.") from error


def _request(
    vector: list[float] | models.SparseVector, using: str, allowed: models.Filter, depth: int
) -> models.QueryRequest:
    return models.QueryRequest(query=vector, using=using, filter=allowed, limit=depth, with_payload=True)


def _compiled(allowed: AccessFilter) -> models.Filter:
    """One positive condition on grants, always; whatever the asker narrowed is AND-ed."""
    must: list[models.Condition] = [_any_of("grants", allowed.grants)]
    for field, values in (
        ("data_source", allowed.data_sources),
        ("document_id", allowed.document_ids),
        ("media_type", allowed.media_types),
    ):
        if values:
            must.append(_any_of(field, values))
    if allowed.modified_after or allowed.modified_before:
        between = models.Range(gte=_epoch(allowed.modified_after), lte=_epoch(allowed.modified_before))
        must.append(models.FieldCondition(key="modified_at", range=between))
    return models.Filter(must=must)


def _any_of(field: str, values: Sequence[str]) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))


def _of(document_id: str, *, version: int | None = None) -> models.Filter:
    must: list[models.Condition] = [_any_of("document_id", [document_id])]
    if version is not None:
        must.append(models.FieldCondition(key="version", match=models.MatchValue(value=version)))
    return models.Filter(must=must)


def _epoch(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _fused(rankings: Sequence[Sequence[models.ScoredPoint]]) -> list[Candidate]:
    """`rankings` is dense, then BM25 where the query has a known word."""
    points = {str(point.id): point for ranking in rankings for point in ranking}
    places = [{str(point.id): (rank, point.score) for rank, point in enumerate(r, start=1)} for r in rankings]
    fused = reciprocal_rank_fusion([[str(point.id) for point in ranking] for ranking in rankings])
    dense, sparse = places[0], places[1] if len(places) > 1 else {}
    nowhere = (None, None)
    return [
        _candidate(points[point].payload or {}, score, dense.get(point, nowhere), sparse.get(point, nowhere))
        for point, score in fused.items()
    ]


def _candidate(
    payload: dict[str, Any],
    score: float,
    dense: tuple[int | None, float | None],
    sparse: tuple[int | None, float | None],
) -> Candidate:
    chunk = Chunk(
        number=payload["number"],
        text=payload["text"],
        start=payload["start"],
        end=payload["end"],
        page=payload["page"],
        heading_path=tuple(payload["heading_path"]),
    )
    return Candidate(
        document_id=payload["document_id"],
        version=payload["version"],
        chunk=chunk,
        score=score,
        dense_rank=dense[0],
        sparse_rank=sparse[0],
        dense_score=dense[1],
        sparse_score=sparse[1],
    )
