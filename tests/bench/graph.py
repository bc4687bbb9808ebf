"""What a Qdrant server's graph misses behind an access filter, and what scalar quantisation saves and costs.

A server cannot be started here; its engine can. The library of the embedded index builds the same graph when it is let
(in Footnote's embedded index it is not: there every search is exact). Readable chunks lie among the others
("scattered"), or on other topics than the question ("apart"), which is the hard case for a graph: the way to what may
be read leads through what may not.

Each storage is built in one process and searched in another, so that memory is that of searching alone.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from os import getpid
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from qdrant_edge import (
    AcornSearchParams,
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    HnswIndexConfig,
    KeywordIndexParams,
    MatchAny,
    Memory,
    Point,
    QuantizationSearchParams,
    Query,
    QueryRequest,
    ScalarQuantizationConfig,
    ScalarType,
    SearchParams,
    UpdateOperation,
)

from retrieval.dense import Vectors
from retrieval.index import ACORN_UP_TO, EXACT_KB, HNSW_EF, OVERSAMPLING, QUANTILE
from tests.bench.usage import resident_mib

SIZE, DIMENSION, CENTRES, SPREAD = 100_000, 384, 64, 0.8
# Of all chunks, in percent.
SHARES = (100.0, 50.0, 20.0, 4.0, 1.0, 0.01)
LAYOUTS = ("scattered", "apart")
# Whether quantised, and up to how many KB of vectors that pass the filter are compared one by one: a server's default,
# and Footnote's.
STORAGES = {
    "float32": (False, 10_000),
    f"float32, exact up to {EXACT_KB:,} KB": (False, EXACT_KB),
    f"int8, exact up to {EXACT_KB:,} KB": (True, EXACT_KB),
}
QUESTIONS, TOP, BATCH = 50, 10, 500
FIELD = "grants"
# A Qdrant server's defaults.
M, EF_CONSTRUCT, INDEXED_FROM_KB = 16, 100, 10_000


@dataclass(frozen=True)
class Chunks:
    """Unit vectors around centres, and who may read which; made anew from nothing in each process, always the same."""

    vectors: Vectors
    readable: dict[tuple[str, float], np.ndarray[Any, np.dtype[np.int64]]]

    def grants(self) -> list[list[str]]:
        """Each chunk's."""
        found: list[list[str]] = [[] for _ in self.vectors]
        for (layout, share), rows in self.readable.items():
            for row in rows:
                found[row].append(group(layout, share))
        return found


def measure(size: int = SIZE) -> Iterator[tuple[str, str]]:
    """(what, figure): recall@10 and the median time of each way to search, by storage, layout and share; memory."""
    nearest = _nearest(chunks(size))
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as scratch:
        for number, storage in enumerate(STORAGES):
            folder = Path(scratch) / str(number)
            took = _apart(_build, folder, storage, size)
            yield f"{storage}: graph of {size:,} chunks built", f"{took:.0f} s"
            yield from _apart(_searched, folder, storage, nearest)


def _apart(call: Any, *arguments: Any) -> Any:
    """In a process of its own, so that nothing of what came before is in its memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def group(layout: str, share: float) -> str:
    """The grant of those who may read that share."""
    return f"group:{layout}-{share:g}"


def chunks(size: int) -> Chunks:
    chance = np.random.default_rng(3)
    topic = np.arange(size) % CENTRES
    vectors = _unit(_centres()[topic] + SPREAD * chance.standard_normal((size, DIMENSION), dtype=np.float32))
    order = {"scattered": chance.permutation(size), "apart": np.argsort(topic, kind="stable")}
    readable = {
        (layout, share): order[layout][: max(1, round(size * share / 100))] for layout in LAYOUTS for share in SHARES
    }
    return Chunks(vectors, readable)


def questions() -> Vectors:
    """Unit vectors near the last centre, which few of those may read whose chunks lie apart."""
    chance = np.random.default_rng(4)
    return _unit(_centres()[CENTRES - 1] + SPREAD * chance.standard_normal((QUESTIONS, DIMENSION), dtype=np.float32))


def _centres() -> Vectors:
    return np.random.default_rng(0).standard_normal((CENTRES, DIMENSION), dtype=np.float32)


def _unit(rows: Vectors) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _nearest(all_chunks: Chunks) -> dict[tuple[str, float], list[frozenset[int]]]:
    """The ten nearest of what may be read, for each question, by comparing with every one."""
    asked = questions()
    return {
        key: [frozenset(rows[np.argsort(-scores)[:TOP]].tolist()) for scores in asked @ all_chunks.vectors[rows].T]
        for key, rows in all_chunks.readable.items()
    }


def _build(folder: Path, storage: str, size: int) -> float:
    """Seconds."""
    began = time.perf_counter()
    folder.mkdir()
    shard = EdgeShard.create(str(folder), _config(storage))
    shard.update(UpdateOperation.create_field_index(FIELD, KeywordIndexParams()))
    made = chunks(size)
    grants = made.grants()
    for start in range(0, size, BATCH):
        rows = range(start, min(start + BATCH, size))
        points = [Point(row, {"dense": made.vectors[row].tolist()}, {FIELD: grants[row]}) for row in rows]
        shard.update(UpdateOperation.upsert_points(points))
    shard.optimize()
    if (indexed := shard.info().indexed_vectors_count) < size:
        raise RuntimeError(f"Only {indexed} of {size} chunks are in the graph.")
    shard.close()
    return time.perf_counter() - began


def _config(storage: str) -> EdgeConfig:
    quantised, exact_kb = STORAGES[storage]
    scalar = ScalarQuantizationConfig(ScalarType.Int8, quantile=QUANTILE, memory=Memory.Pinned)
    return EdgeConfig(
        vectors={
            "dense": EdgeVectorParams(DIMENSION, Distance.Cosine, memory=Memory.Cold if quantised else Memory.Cached)
        },
        hnsw_config=HnswIndexConfig(M, EF_CONSTRUCT, exact_kb),
        quantization_config=scalar if quantised else None,
        optimizers=EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=INDEXED_FROM_KB),
        wal_enabled=False,
    )


def _ways(quantised: bool) -> dict[str, SearchParams]:
    acorn = AcornSearchParams(enable=True, max_selectivity=ACORN_UP_TO)
    again = QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING) if quantised else None
    return {
        "as it comes": SearchParams(),
        "ACORN": SearchParams(acorn=acorn, quantization=again),
        f"and ef {HNSW_EF}": SearchParams(acorn=acorn, quantization=again, hnsw_ef=HNSW_EF),
    }


def _searched(
    folder: Path, storage: str, nearest: dict[tuple[str, float], list[frozenset[int]]]
) -> list[tuple[str, str]]:
    empty = resident_mib(getpid())
    shard = EdgeShard.load(str(folder), _config(storage))
    asked = questions()
    figures = []
    for (layout, share), wanted in nearest.items():
        if share == 100.0 and layout != LAYOUTS[0]:
            continue
        parts = []
        for way, params in _ways(STORAGES[storage][0]).items():
            allowed = [group(layout, share), "user:asker@example.com"]
            found, seconds = _ask(shard, asked, allowed, params)
            parts.append(f"{way} {_recall(found, wanted):.3f} in {1000 * seconds:.1f} ms")
        where = f"{storage}: recall@{TOP}, {share:g} % readable, {layout}"
        figures.append((where, "; ".join(parts)))
    used = resident_mib(getpid()) - empty
    shard.close()
    return [*figures, (f"{storage}: memory after these searches", f"{used:.0f} MiB")]


def _ask(
    shard: EdgeShard, asked: Vectors, allowed: Sequence[str], params: SearchParams
) -> tuple[list[frozenset[int]], float]:
    """What each question found, and the median time of one."""
    only = Filter(must=[FieldCondition(FIELD, match=MatchAny(list(allowed)))])
    found, times = [], []
    for vector in asked:
        began = time.perf_counter()
        hits = shard.query(
            QueryRequest(limit=TOP, query=Query.Nearest(vector.tolist(), "dense"), filter=only, params=params)
        )
        times.append(time.perf_counter() - began)
        found.append(frozenset(int(hit.id) for hit in hits))
    return found, median(times)


def _recall(found: Sequence[frozenset[int]], nearest: Sequence[frozenset[int]]) -> float:
    return sum(len(got & wanted) / len(wanted) for got, wanted in zip(found, nearest, strict=True)) / len(nearest)
