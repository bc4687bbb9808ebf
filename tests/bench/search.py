"""How long a search takes as the retriever makes it, how that grows, and what it misses behind an access filter.

For each number of chunks a real embedded index server and a real registry are filled: dense vectors around centres,
words that are Zipf-distributed, ten chunks a document, and documents that groups may read in fixed shares. The query's
vector lies near a centre too, but the real model is run for it, so that its time counts. "Bare" is that model and the
engine's two queries in a process of its own, without HTTP, registry or fusion.
"""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from qdrant_client import models

from retrieval.dense import DenseModel, Vectors, load_dense_model
from retrieval.embedding import Embedder
from retrieval.index import ChunkIndex
from retrieval.prefixes import NO_PREFIXES
from retrieval.retriever import DEPTH, Retrieved, Retriever, Snapshot
from retrieval.types import Chunk, IndexedChunk, Principal
from services.db.accounts import Accounts
from services.db.database import Database
from services.db.migrate import migrate
from services.db.models import Document, DocumentGrant, Version
from services.db.registry import SqlRegistry
from services.embedded.index.catalogue import Catalogue
from services.embedded.index.queries import query_request
from tests.bench.peers import LangChain, LlamaIndex
from tests.bench.running import MODEL
from tests.bench.usage import resident_mib
from tests.integration.index_process import IndexProcess

SIZES = (1_000, 10_000, 100_000)
ALIAS = "chunks"
# Of all documents, in percent: who is in the group of this name may read so many.
SHARES = (50.0, 20.0, 4.0, 1.0, 0.01)
CHUNKS, CENTRES, SPREAD, WORDS = 10, 64, 0.8, 60
SEARCHES, RECALLS, SEARCHERS, EACH = 100, 20, 50, 4
TOP = 10
PAGE = 1280
SETTLE_S = 4.0  # the server tidies up once nothing has been asked for a while


class ClusteredModel:
    """Vectors around a few centres, the same for the same text. With `real` that model is run as well, for its time."""

    prefixes = NO_PREFIXES

    def __init__(self, dimension: int, max_tokens: int, real: DenseModel | None = None) -> None:
        self.dimension, self.max_tokens = dimension, max_tokens
        self._centres = np.random.default_rng(0).standard_normal((CENTRES, dimension)).astype(np.float32)
        self._real = real

    def encode(self, texts: Sequence[str]) -> Vectors:
        if self._real is not None:
            self._real.encode(texts)
        return np.stack([self._vector(int(text.split()[1])) for text in texts])

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def _vector(self, number: int) -> Vectors:
        chance = np.random.default_rng(number)
        noise = SPREAD * chance.standard_normal(self.dimension).astype(np.float32)
        vector = self._centres[chance.integers(CENTRES)] + noise
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


@dataclass(frozen=True)
class Filled:
    """What was filled: every vector, each chunk's (document, number), and which documents each share may read."""

    vectors: Vectors
    places: list[tuple[str, int]]
    allowed: dict[float, frozenset[str]]


def measure(sizes: Sequence[int] = SIZES) -> Iterator[tuple[str, str]]:
    """(what, figure) of each size, and how index memory grows with it."""
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as scratch:
        model = load_dense_model(str(MODEL), Path(scratch) / "model")
        for size in sizes:
            yield from _of_size(size, Path(scratch) / str(size), model)


def _of_size(size: int, folder: Path, model: DenseModel) -> Iterator[tuple[str, str]]:
    what = f"{size:,} chunks: "
    asking = Embedder(ClusteredModel(model.dimension, model.max_tokens, model), model_name="asking")
    database = Database(f"sqlite:///{folder / 'db.sqlite3'}")
    migrate(database)
    with IndexProcess(folder / "index") as server, closing(server.client()) as client:
        index = ChunkIndex(client)
        index.prepare(model.dimension)
        empty = resident_mib(server.pid)
        filled = _fill(size, database, index, Embedder(ClusteredModel(model.dimension, 256), model_name="filling"))
        time.sleep(SETTLE_S)
        yield f"{what}index memory", _memory(resident_mib(server.pid) - empty, size)
        retriever = Retriever(lambda: Snapshot(datetime.now(UTC), asking, index), SqlRegistry(database))

        def search(number: int, share: float = 20.0, top_k: int = TOP) -> Retrieved:
            return retriever.retrieve(query(number), principal(share), top_k=top_k)

        for number in range(10):
            search(-number - 1)
        times, others = _in_turn(search, _peers(server.url))
        yield f"{what}search behind an access filter, p50, p95", _p50_p95(times)
        for name, taken in others.items():
            yield f"{what}the same by {name}, its dense search alone, p50, p95", _p50_p95(taken)
        yield f"{what}{SEARCHERS} searchers at once", _crowd(search)
        for share in SHARES:
            found = _recall(filled, share, partial(search, share=share, top_k=2 * DEPTH))
            readable = len(filled.allowed[share]) * CHUNKS
            yield f"{what}recall@{TOP} of the dense search where {readable:,} are readable", f"{found:.3f}"
        server.stop()
    bare = _bare(folder / "index", asking)
    yield f"{what}bare engine and embedding, p50, p95", _p50_p95(bare)
    yield f"{what}search by bare engine and embedding, p50", f"{median(times) / median(bare):.2f} times"
    database.dispose()


def _peers(index_url: str) -> dict[str, Callable[[str], int]]:
    """Their retrievers over the same chunks, behind the same filter."""
    grants = models.MatchAny(any=sorted(principal(20.0).grants))
    allowed = models.Filter(must=[models.FieldCondition(key="grants", match=grants)])
    kinds: dict[str, type[LlamaIndex | LangChain]] = {
        "LlamaIndex's retriever": LlamaIndex,
        "LangChain's retriever": LangChain,
    }
    return {name: kind(MODEL, index_url).retriever(ALIAS, allowed, TOP) for name, kind in kinds.items()}


def _in_turn(
    search: Callable[[int], object], peers: dict[str, Callable[[str], int]]
) -> tuple[list[float], dict[str, list[float]]]:
    """Seconds of each search, ours and the peers' in turn, so that whatever else the machine does hits all alike."""
    times: list[float] = []
    others: dict[str, list[float]] = {name: [] for name in peers}
    for number in range(SEARCHES):
        times.append(_seconds(partial(search, number)))
        for name, peer in peers.items():
            others[name].append(_seconds(partial(peer, query(number))))
    return times, others


def query(number: int) -> str:
    """Some words of which three are frequent; the number says near which centre it lies."""
    chance = np.random.default_rng(10**9 + number)
    return f"question {10**9 + number} w1 w2 w3 " + " ".join(f"w{word}" for word in chance.zipf(1.3, 4) % 30_000)


def principal(share: float) -> Principal:
    return Principal("asker", "asker@example.com", frozenset({f"group:of-{share:g}"}))


def _fill(size: int, database: Database, index: ChunkIndex, embedder: Embedder) -> Filled:
    documents = max(1, size // CHUNKS)
    order = np.random.default_rng(1).permutation(documents)
    names = [str(uuid.UUID(int=number)) for number in range(documents)]
    readable = {share: {names[n] for n in order[: max(1, round(documents * share / 100))]} for share in SHARES}
    grants = {name: [f"group:of-{share:g}" for share in SHARES if name in readable[share]] for name in names}
    _register(database, names, grants)
    vectors = np.empty((documents * CHUNKS, embedder.dimension), dtype=np.float32)
    places = [(names[number // CHUNKS], number % CHUNKS) for number in range(documents * CHUNKS)]
    for start in range(0, len(places), PAGE):
        page = range(start, min(start + PAGE, len(places)))
        texts = [_text(number) for number in page]
        embedded = embedder.embed_documents(texts)
        vectors[start : start + len(page)] = [one.dense for one in embedded]
        index.upsert(
            [
                IndexedChunk(
                    document_id=places[number][0],
                    version=1,
                    chunk=Chunk(number=places[number][1], text=text, start=0, end=len(text)),
                    embedding=one,
                    grants=(*grants[places[number][0]], "user:owner@example.com"),
                    data_source="bench",
                    media_type="text/plain",
                    modified_at=None,
                )
                for number, text, one in zip(page, texts, embedded, strict=True)
            ]
        )
    return Filled(vectors, places, {share: frozenset(allowed) for share, allowed in readable.items()})


def _text(number: int) -> str:
    words = np.random.default_rng(2 * 10**9 + number).zipf(1.3, WORDS) % 30_000
    return f"chunk {number} " + " ".join(f"w{word}" for word in words)


def _register(database: Database, names: Sequence[str], grants: dict[str, list[str]]) -> None:
    owner = Accounts(database).create("owner@example.com", name="Owner", groups=[], is_admin=True).user.id
    now = datetime.now(UTC)
    said: dict[str, Any] = {
        "data_source": "bench",
        "owner_id": owner,
        "media_type": "text/plain",
        "active_version": 1,
        "latest_version": 1,
        "metadata_revision": 0,
        "job_id": "none",
        "created_at": now,
        "ready_at": now,
    }
    version: dict[str, Any] = {"number": 1, "sha256": "0" * 64, "size": 1, "file_name": "f", "created_at": now}
    with database.write() as session:
        session.add_all(Document(id=name, external_id=name, title=f"Document {name}", **said) for name in names)
        session.flush()
        session.add_all(Version(document_id=name, activated_at=now, **version) for name in names)
        session.add_all(
            DocumentGrant(document_id=name, grant_name=grant)
            for name in names
            for grant in (*grants[name], "user:owner@example.com")
        )


def _recall(filled: Filled, share: float, search: Callable[[int], Retrieved]) -> float:
    """Of the nearest ten that may be read, found by comparing with every one, the part among the dense search's ten."""
    allowed = np.array([document in filled.allowed[share] for document, _ in filled.places])
    rows = np.flatnonzero(allowed)
    model = ClusteredModel(filled.vectors.shape[1], 256)
    parts = []
    for number in range(RECALLS):
        scores = filled.vectors[rows] @ model.encode([query(number)])[0]
        nearest = {filled.places[row] for row in rows[np.argsort(-scores, kind="stable")[:TOP]]}
        first = [hit for hit in search(number).hits if hit.dense_rank is not None and hit.dense_rank <= TOP]
        found = {(hit.document.document_id, hit.chunk.number) for hit in first}
        parts.append(len(nearest & found) / len(nearest))
    return sum(parts) / len(parts)


def _crowd(search: Callable[[int], object]) -> str:
    """Every searcher asks one question after the other."""

    def one(searcher: int) -> tuple[list[float], int]:
        times, errors = [], 0
        for number in range(EACH):
            try:
                times.append(_seconds(partial(search, 1000 + searcher * EACH + number)))
            except Exception:
                errors += 1
        return times, errors

    began = time.perf_counter()
    with ThreadPoolExecutor(SEARCHERS) as pool:
        done = list(pool.map(one, range(SEARCHERS)))
    took = time.perf_counter() - began
    times = [seconds for found, _ in done for seconds in found]
    errors = sum(failed for _, failed in done)
    return f"{len(times) / took:.0f}/s, {_p50_p95(times)}, {errors} errors"


def _bare(data_dir: Path, embedder: Embedder) -> list[float]:
    """Seconds of embedding a query and asking the engine for both rankings, payloads included, in this process."""
    (name,) = (catalogue := Catalogue(data_dir)).names()
    collection = catalogue.get(name)
    grants = {"must": [{"key": "grants", "match": {"any": sorted(principal(20.0).grants)}}]}

    def ask(number: int) -> None:
        embedded = embedder.embed_query(query(number))
        sparse = {"indices": list(embedded.sparse.indices), "values": list(embedded.sparse.values)}
        asks = [("dense", list(embedded.dense)), ("bm25", sparse)]
        common = {"filter": grants, "limit": DEPTH, "with_payload": True}
        bodies = [{"query": vector, "using": using, **common} for using, vector in asks]
        collection.query([query_request(body, collection.schema) for body in bodies])

    try:
        for number in range(10):
            ask(-number - 1)
        return [_seconds(partial(ask, number)) for number in range(SEARCHES)]
    finally:
        collection.close()


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _p50_p95(times: Sequence[float]) -> str:
    ordered = sorted(times)
    return f"{1000 * median(ordered):.1f}, {1000 * ordered[int(0.95 * len(ordered))]:.1f} ms" if ordered else "none"


def _memory(mib: float, size: int) -> str:
    return f"{mib:.0f} MiB, for each 100,000 {mib * 100_000 / size:.0f} MiB"
