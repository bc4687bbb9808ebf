"""ChunkIndex: chunks with their vectors in Qdrant. The only file that imports qdrant_client.

Knows nothing of documents' metadata, of who is a member of what, or of which version is the active one: the registry is
the truth, this is an index. Every search carries an access filter, made from the principal by `retrieval/access.py`.
"""

import logging
import uuid
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import httpx
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from retrieval.access import AccessFilter, access_filter
from retrieval.errors import IndexRefusedError, IndexUnavailableError
from retrieval.types import Candidate, Chunk, Embedding, IndexedChunk, Principal, SearchFilters, SparseVector

DENSE = "dense"
SPARSE = "bm25"
NAMESPACE = uuid.UUID("6a1f5a52-7f1b-4a34-9c1e-0d9a3c0b7f11")
UPSERT_BATCH = 128
# A page of payloads is about 1 MB; one of vectors, as JSON, about as much.
SCAN_PAGE = 500
SCAN_PAGE_WITH_VECTORS = 100
TIMEOUT_SECONDS = 10
# Qdrant and the embedded server close a connection that was idle for 5 s, and a request sent at that moment is lost:
# ours is given up well before. Keeping it at all saves a handshake a call, which qdrant-client pays on loopback.
_CONNECTIONS = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=2.5)
# Of each dimension's values: what lies beyond is cut, so that one outlier does not coarsen all others.
QUANTILE = 0.99
# What a search brings of a payload.
_SHOWN = ["document_id", "version", "number", "text", "start", "end", "page", "heading_path"]
_TAKEN = itemgetter(*_SHOWN)
_KEYWORDS = ("document_id", "grants", "data_source", "media_type")
_INTEGERS = ("version", "generation")
# What a point's payload holds, but for `modified_at` and `embedded`, which may be absent: Qdrant keeps no null.
_FIELDS: Mapping[str, tuple[type, ...]] = {
    "document_id": (str,),
    "version": (int,),
    "number": (int,),
    "generation": (int,),
    "start": (int,),
    "end": (int,),
    "text": (str,),
    "page": (int, type(None)),
    "heading_path": (list,),
    "grants": (list,),
    "data_source": (str,),
    "media_type": (str,),
}
_TIMES = (int, float, type(None))
_ABSENT = object()
# What a server says of a request that it will never take: the points are at fault, not the server.
_REFUSALS = frozenset({400, 413, 422})
_NOT_IMPLEMENTED = 501
# A Qdrant server's graph misses what lies behind others' passages (docs/benchmarks.md, Graph). Up to so many KB of
# vectors that pass the filter are compared one by one; beyond that ACORN looks at neighbours' neighbours, and further.
EXACT_KB, HNSW_EF, ACORN_UP_TO = 100_000, 512, 1.0
_GRAPH = models.SearchParams(hnsw_ef=HNSW_EF, acorn=models.AcornSearchParams(enable=True, max_selectivity=ACORN_UP_TO))
# A server ranks what it found by bytes again by whole vectors only when it is told to, and then of so many times more.
OVERSAMPLING = 2.0
_RESCORED = models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
# Of one search, best first: id, score and payload of each point.
_Ranking = list[tuple[str, float, dict[str, Any]]]
_log = logging.getLogger(__name__)


def connect(url: str, *, api_key: str | None = None, timeout: int = TIMEOUT_SECONDS) -> QdrantClient:
    """A client of the Qdrant server, or of the embedded one, at `url`; nothing is sent yet."""
    with warnings.catch_warnings():
        # The key over plain HTTP is meant: the server listens on loopback, or on a network of its own.
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        return QdrantClient(url=url, api_key=api_key, timeout=timeout, check_compatibility=False, limits=_CONNECTIONS)


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A point as the index holds it, which may be anything: the auditor looks. Vectors only where they were asked for;
    the sparse one as (indices, values).
    """

    id: str | int
    payload: dict[str, Any]
    dense: list[float] | None = None
    sparse: tuple[list[int], list[float]] | None = None


class ChunkIndex:
    """Upsert, search and delete chunks of one generation, which lie in the collection `<name>-<generation>`.

    The alias `<name>` is for others who look at the index: `show_as_current` moves it. Every method raises
    IndexUnavailableError when the server is down or slow, IndexRefusedError where it will never take what was sent.
    """

    def __init__(
        self, client: QdrantClient, *, name: str = "chunks", generation: int = 1, quantized: bool = False
    ) -> None:
        """With `quantized`, a collection that `prepare` makes holds a byte a dimension in memory, the rest on disk."""
        self._client = client
        self._quantized = quantized
        self._dense_search = _GRAPH.model_copy(update={"quantization": _RESCORED}) if quantized else _GRAPH
        self._alias = name
        self._collection = f"{name}-{generation}"
        self.generation = generation

    def prepare(self, dimension: int) -> None:
        """Create the collection and its payload indexes where they do not exist, and the alias where there is none."""
        name = self._collection
        with _unavailable():
            if not self._client.collection_exists(name):
                self._client.create_collection(
                    name,
                    vectors_config={DENSE: _dense_params(dimension, quantized=self._quantized)},
                    sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                )
            for field in _KEYWORDS:
                self._client.create_payload_index(name, field, models.PayloadSchemaType.KEYWORD, wait=True)
            for field in _INTEGERS:
                self._client.create_payload_index(name, field, models.PayloadSchemaType.INTEGER, wait=True)
            self._client.create_payload_index(name, "modified_at", models.PayloadSchemaType.FLOAT, wait=True)
        if self._alias not in self._aliases():
            self.show_as_current()

    def show_as_current(self) -> None:
        """Let the alias stand for this generation, in one step: there is no moment without one."""
        if self._aliases().get(self._alias) == self._collection:
            return
        create = models.CreateAlias(collection_name=self._collection, alias_name=self._alias)
        changes: list[models.CreateAliasOperation | models.DeleteAliasOperation] = [
            models.CreateAliasOperation(create_alias=create)
        ]
        if self._alias in self._aliases():
            changes.insert(0, models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=self._alias)))
        with _unavailable():
            self._client.update_collection_aliases(changes)

    def drop(self) -> None:
        """Delete the collection, where there is one, with all its chunks."""
        with _unavailable():
            self._client.delete_collection(self._collection)

    def _aliases(self) -> dict[str, str]:
        with _unavailable():
            return {alias.alias_name: alias.collection_name for alias in self._client.get_aliases().aliases}

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks durably. Ids depend on document, version, number and generation only: repeats do no harm."""
        points = [self._point(chunk) for chunk in chunks]
        with _unavailable():
            for start in range(0, len(points), UPSERT_BATCH):
                self._client.upsert(self._collection, points[start : start + UPSERT_BATCH], wait=True)

    def search(self, query: Embedding, principal: Principal, *, filters: SearchFilters, depth: int) -> list[Candidate]:
        """Return the candidates of a dense and a BM25 search, `depth` deep each, those of the first one before others.

        Raises ForbiddenError for a principal without grants, InvalidFilterError for contradictory filters.
        """
        access = access_filter(principal, filters)
        allowed = _compiled(access)
        sparse = models.SparseVector(indices=list(query.sparse.indices), values=list(query.sparse.values))
        requests = [_request(list(query.dense), DENSE, allowed, depth, params=self._dense_search)]
        if query.sparse.indices:
            # A word's rarity is counted over what the principal may read. Counted over all, it would tell of the rest.
            readable = models.Filter(must=[_any_of("grants", access.grants)])
            rarity = models.SearchParams(idf=models.IdfCorpusParams(corpus=readable))
            requests.append(_request(sparse, SPARSE, allowed, depth, params=rarity))
        with _unavailable():
            rankings = self._rankings(requests)
        return _joined(rankings)

    def _rankings(self, requests: list[models.QueryRequest]) -> list[_Ranking]:
        try:
            rest = self._client.http.client
        except NotImplementedError:  # the engine in memory, which unit tests search in
            answers = self._client.query_batch_points(self._collection, requests)
            return [[(str(p.id), p.score, p.payload or {}) for p in answer.points] for answer in answers]
        # The same call without `query_batch_points`, which copies the vectors and makes a model of each of 200 points.
        answer = rest.request(
            type_=dict[str, Any],
            method="POST",
            url="/collections/{collection_name}/points/query/batch",
            path_params={"collection_name": self._collection},
            headers={"Content-Type": "application/json"},
            content=models.QueryRequestBatch(searches=requests).model_dump_json(exclude_unset=True, exclude_none=True),
        )
        return _read(answer, len(requests))

    def count(self, document_id: str, version: int) -> int:
        """How many chunks of this document version the index holds, exactly."""
        with _unavailable():
            return self._client.count(self._collection, _of(document_id, version=version), exact=True).count

    def counts(self, versions: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """How many chunks of each of these document versions the index holds, exactly, in one call for the lot.

        Meant for small documents: what is counted is listed.
        """
        found = dict.fromkeys(versions, 0)
        either = models.Filter(should=[_of(document_id, version=version) for document_id, version in versions])
        for page in self._scroll(either if versions else None, fields=("document_id", "version"), vectors=False):
            for point in page:
                found[point.payload["document_id"], point.payload["version"]] += 1
        return found

    def embedded(self, document_id: str, version: int) -> dict[str, str]:
        """The point of each embedded text that this document version holds, by the text's `embedded_hash`."""
        pages = self._scroll(_of(document_id, version=version), fields=("embedded",), vectors=False)
        return {str(point.payload["embedded"]): str(point.id) for page in pages for point in page if point.payload}

    def embeddings(self, ids: Sequence[str]) -> dict[str, Embedding]:
        """The vectors of these points, of those that are there."""
        found: dict[str, Embedding] = {}
        for start in range(0, len(ids), SCAN_PAGE_WITH_VECTORS):
            wanted = list(ids[start : start + SCAN_PAGE_WITH_VECTORS])
            with _unavailable():
                records = self._client.retrieve(self._collection, wanted, with_payload=False, with_vectors=True)
            for point in map(_stored, records):
                if point.dense is not None:
                    indices, values = point.sparse or ([], [])
                    found[str(point.id)] = Embedding(tuple(point.dense), SparseVector(tuple(indices), tuple(values)))
        return found

    def total(self) -> int:
        """How many chunks the index holds, of all versions."""
        with _unavailable():
            return self._client.count(self._collection, exact=True).count

    def engine(self) -> str:
        """What serves the index and its version, in its own words."""
        with _unavailable():
            said = self._client.info()
        return f"{said.title} {said.version}"

    def is_prepared(self) -> bool:
        """Whether `prepare` was called on this index since its data was last lost."""
        with _unavailable():
            return self._client.collection_exists(self._collection)

    def scan(
        self, document_ids: Sequence[str] | None = None, *, fields: Sequence[str] | None = None, vectors: bool = False
    ) -> Iterator[list[StoredPoint]]:
        """Every point, or those of some documents, page by page in the order of their ids.

        `fields` are the payload fields to bring, None: all. What is written meanwhile may or may not be among them.
        """
        chosen = None if document_ids is None else models.Filter(must=[_any_of("document_id", document_ids)])
        yield from self._scroll(chosen, fields=fields, vectors=vectors)

    def _scroll(
        self, chosen: models.Filter | None, *, fields: Sequence[str] | None, vectors: bool
    ) -> Iterator[list[StoredPoint]]:
        offset: Any = None
        while True:
            with _unavailable():
                records, offset = self._client.scroll(
                    self._collection,
                    scroll_filter=chosen,
                    limit=SCAN_PAGE_WITH_VECTORS if vectors else SCAN_PAGE,
                    offset=offset,
                    with_payload=True if fields is None else list(fields),
                    with_vectors=vectors,
                )
            yield [_stored(record) for record in records]
            if offset is None:
                return

    def write(self, points: Sequence[StoredPoint]) -> None:
        """Write points as `scan` gave them, vectors included."""
        structs = [_struct(point) for point in points]
        with _unavailable():
            for start in range(0, len(structs), UPSERT_BATCH):
                self._client.upsert(self._collection, structs[start : start + UPSERT_BATCH], wait=True)

    def delete_points(self, ids: Sequence[str | int]) -> None:
        """Delete points by their ids."""
        with _unavailable():
            for start in range(0, len(ids), SCAN_PAGE):
                selector = models.PointIdsList(points=list(ids[start : start + SCAN_PAGE]))
                self._client.delete(self._collection, selector, wait=True)

    def delete(self, document_id: str, version: int | None = None) -> None:
        """Delete a version's chunks, or all of a document's where `version` is None."""
        with _unavailable():
            selector = models.FilterSelector(filter=_of(document_id, version=version))
            self._client.delete(self._collection, selector, wait=True)

    def set_metadata(self, document_id: str, *, grants: Sequence[str], modified_at: datetime | None) -> None:
        """Replace what searches filter on in every chunk of a document, without embedding anything again."""
        payload = {"grants": list(grants), "modified_at": _epoch(modified_at)}
        with _unavailable():
            self._client.set_payload(self._collection, payload, _of(document_id), wait=True)

    def _point(self, indexed: IndexedChunk) -> models.PointStruct:
        chunk = indexed.chunk
        name = point_id(indexed.document_id, indexed.version, chunk.number, self.generation)
        sparse = indexed.embedding.sparse
        payload: dict[str, Any] = {
            "document_id": indexed.document_id,
            "version": indexed.version,
            "number": chunk.number,
            "generation": self.generation,
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
        if indexed.embedded_hash is not None:
            payload["embedded"] = indexed.embedded_hash
        vectors: dict[str, Any] = {
            DENSE: list(indexed.embedding.dense),
            SPARSE: models.SparseVector(indices=list(sparse.indices), values=list(sparse.values)),
        }
        return models.PointStruct(id=name, vector=vectors, payload=payload)


def point_id(document_id: str, version: int, number: int, generation: int) -> str:
    """The id of a chunk's point: never a hash of its text, so that a repeat overwrites."""
    return str(uuid.uuid5(NAMESPACE, f"{document_id}/{version}/{number}/{generation}"))


def is_well_formed(payload: Mapping[str, Any], fields: Collection[str] = tuple(_FIELDS)) -> bool:
    """Whether each of these fields is there, with a value of its kind. Without a loop: asked of 200 points a search."""
    values = [payload.get(name, _ABSENT) for name in fields]
    return (
        all(map(isinstance, values, map(_FIELDS.__getitem__, fields)))
        and bool not in map(type, values)
        and isinstance(payload.get("modified_at"), _TIMES)
    )


def _stored(record: models.Record) -> StoredPoint:
    vectors = record.vector if isinstance(record.vector, dict) else {}
    dense, sparse = vectors.get(DENSE), vectors.get(SPARSE)
    return StoredPoint(
        id=record.id if isinstance(record.id, int) else str(record.id),
        payload=dict(record.payload or {}),
        dense=[float(value) for value in dense] if isinstance(dense, list) else None,  # type: ignore[arg-type]
        sparse=(sparse.indices, sparse.values) if isinstance(sparse, models.SparseVector) else None,
    )


def _struct(point: StoredPoint) -> models.PointStruct:
    vectors: dict[str, Any] = {DENSE: point.dense or []}
    if point.sparse is not None:
        vectors[SPARSE] = models.SparseVector(indices=point.sparse[0], values=point.sparse[1])
    return models.PointStruct(id=point.id, vector=vectors, payload=point.payload)


def _dense_params(dimension: int, *, quantized: bool) -> models.VectorParams:
    graph = models.HnswConfigDiff(full_scan_threshold=EXACT_KB)
    whole = models.VectorParams(size=dimension, distance=models.Distance.COSINE, hnsw_config=graph)
    if not quantized:
        return whole
    scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=QUANTILE, always_ram=True)
    return whole.model_copy(update={"on_disk": True, "quantization_config": models.ScalarQuantization(scalar=scalar)})


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code == _NOT_IMPLEMENTED:
            raise IndexRefusedError(f"The search index cannot do this: {error.content.decode()[:500]}") from error
        if error.status_code in _REFUSALS:
            raise IndexRefusedError("The search index does not take these passages.") from error
        raise IndexUnavailableError("The search index does not answer. It is tried again by itself.") from error
    except (ApiException, ResponseHandlingException, httpx.HTTPError, OSError) as error:
        raise IndexUnavailableError("The search index does not answer. It is tried again by itself.") from error


def _request(
    vector: list[float] | models.SparseVector,
    using: str,
    allowed: models.Filter,
    depth: int,
    *,
    params: models.SearchParams | None = None,
) -> models.QueryRequest:
    return models.QueryRequest(
        query=vector, using=using, filter=allowed, params=params, limit=depth, with_payload=_SHOWN
    )


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


def _read(answer: dict[str, Any], asked: int) -> list[_Ranking]:
    try:
        rankings = [
            [(str(point["id"]), float(point["score"]), dict(point.get("payload") or {})) for point in found["points"]]
            for found in answer["result"]
        ]
        if len(rankings) != asked:
            raise ValueError(f"{len(rankings)} answers to {asked} searches")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResponseHandlingException(error) from error
    return rankings


def _joined(rankings: Sequence[_Ranking]) -> list[Candidate]:
    """`rankings` is dense, then BM25 where the query has a known word. A point that is not well-formed, garbled on a
    disk or written by somebody else, is left out: audits find it.
    """
    payloads = {name: payload for ranking in rankings for name, _, payload in ranking}
    for name in [name for name, payload in payloads.items() if not is_well_formed(payload, _SHOWN)]:
        _log.warning("point %s of the index is malformed and left out; the next audit has it written again", name)
        del payloads[name]
    places = [{name: (rank, score) for rank, (name, score, _) in enumerate(r, start=1)} for r in rankings]
    dense, sparse = places[0], places[1] if len(places) > 1 else {}
    nowhere = (None, None)
    return [
        _candidate(payload, dense.get(name, nowhere), sparse.get(name, nowhere)) for name, payload in payloads.items()
    ]


def _candidate(
    payload: dict[str, Any],
    dense: tuple[int | None, float | None],
    sparse: tuple[int | None, float | None],
) -> Candidate:
    """By position, as a search makes some 200 of them."""
    document_id, version, number, text, start, end, page, headings = _TAKEN(payload)
    chunk = Chunk(number, text, start, end, page, tuple(headings))
    return Candidate(document_id, version, chunk, 0.0, dense[0], sparse[0], dense[1], sparse[1])
