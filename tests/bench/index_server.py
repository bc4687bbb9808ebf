"""How fast the embedded index server answers, how much memory it takes, and how both grow.

    python -m tests.bench.index_server [--sizes 10000 50000 100000] [--loading 20000]

Prints two tables. The first: for each size of collection, what a client sees of a hybrid search as `ChunkIndex` sends
it (dense and BM25, each with an access filter, 100 deep, payloads included), memory, disk, and the time to stop, to
start again, and to start after kill -9. The second: the same search, sent at a fixed rate, while points are loaded as
fast as the server takes them. Times of a request count from when it was due, so a stall is charged to every search
that it holds up. Vectors are random; words are Zipf-distributed. About 4 minutes for the default sizes on 2 cores.
"""

import argparse
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
from qdrant_client import QdrantClient, models

from tests.integration.index_process import IndexProcess

COLLECTION = "chunks"
DIMENSION = 384
BATCH = 128  # as ChunkIndex sends
DEPTH = 100
SEARCHES = 100
RATE_PER_S = 20.0
WORDS = [f"word{n}" for n in range(5000)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of the embedded index server")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000, 100_000])
    parser.add_argument("--loading", type=int, default=20_000, help="points loaded during the second measurement")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if arguments.sizes:
            by_size(Path(directory) / "sizes", sorted(arguments.sizes))
        if arguments.loading:
            while_loading(Path(directory) / "loading", arguments.loading)


def by_size(data_dir: Path, sizes: Sequence[int]) -> None:
    print("points   p50 ms  p95 ms  load/s  RSS MB (anon)  MB/10k  disk MB  stop s  start s  after kill s")
    held = 0
    for size in sizes:
        with IndexProcess(data_dir) as server, closing(server.client()) as client:
            if not held:
                prepare(client)
            took = timed(partial(load, server.url, held, size - held))
            rate, held = (size - held) / took, size
            times = [timed(search(client, n)) for n in range(SEARCHES)]
            resident, anonymous = memory(server.pid)
            stop = timed(server.stop)
        start = start_time(data_dir, lambda server: server.kill())
        killed = start_time(data_dir, lambda server: server.stop())
        print(
            f"{size:<8} {1e3 * statistics.median(times):6.1f} {1e3 * p95(times):7.1f} {rate:7.0f} "
            f"{resident:6.0f} ({anonymous:4.0f}) {resident / size * 1e4:8.1f} {disk(data_dir):8.0f} "
            f"{stop:7.2f} {start:8.2f} {killed:10.2f}",
            flush=True,
        )


def while_loading(data_dir: Path, points: int) -> None:
    before = 10_000
    with IndexProcess(data_dir) as server, closing(server.client()) as client, ThreadPoolExecutor(16) as pool:
        prepare(client)
        load(server.url, 0, before)
        time.sleep(4)  # the server tidies up once nothing has been asked for a while
        idle = at_fixed_rate(pool, client, lambda sent: sent < SEARCHES)
        loader = multiprocessing.get_context("spawn").Process(target=load, args=(server.url, before, points))
        started = time.perf_counter()
        loader.start()
        busy = at_fixed_rate(pool, client, lambda _: loader.is_alive())
        took = time.perf_counter() - started
    print(f"\n{RATE_PER_S:.0f} searches/s over {before} points   p50 ms  p95 ms  max ms")
    for name, times in (("idle", idle), (f"loading {points} at {points / took:.0f}/s", busy)):
        print(f"{name:<35} {1e3 * statistics.median(times):6.1f} {1e3 * p95(times):7.1f} {1e3 * max(times):7.1f}")


def at_fixed_rate(pool: ThreadPoolExecutor, client: QdrantClient, more: Callable[[int], bool]) -> list[float]:
    """Seconds from when each search was due until it was answered."""

    def since(due: float, run: Callable[[], object]) -> float:
        run()
        return time.perf_counter() - due

    begun, futures = time.perf_counter(), list[Future[float]]()
    while more(len(futures)):
        run = search(client, len(futures))
        due = begun + len(futures) / RATE_PER_S
        time.sleep(max(0.0, due - time.perf_counter()))
        futures.append(pool.submit(since, due, run))
    return [future.result() for future in futures]


def prepare(client: QdrantClient) -> None:
    client.create_collection(
        COLLECTION,
        vectors_config={"dense": models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)},
        sparse_vectors_config={"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    for field in ("document_id", "grants", "data_source", "media_type"):
        client.create_payload_index(COLLECTION, field, models.PayloadSchemaType.KEYWORD)
    for field in ("version", "generation"):
        client.create_payload_index(COLLECTION, field, models.PayloadSchemaType.INTEGER)
    client.create_payload_index(COLLECTION, "modified_at", models.PayloadSchemaType.FLOAT)


def load(url: str, start: int, count: int) -> None:
    """Upsert `count` points, numbered from `start`, waiting for each batch."""
    headers = {"content-type": "application/json"}
    with httpx.Client(base_url=url, timeout=60, headers=headers) as http:
        for body in bodies(start, count):
            http.put(f"/collections/{COLLECTION}/points?wait=true", content=body).raise_for_status()


def bodies(start: int, count: int) -> Iterator[bytes]:
    generator = np.random.default_rng(start)
    for first in range(start, start + count, BATCH):
        numbers = range(first, min(first + BATCH, start + count))
        dense = generator.standard_normal((len(numbers), DIMENSION)).astype(np.float32)
        points = [_point(number, dense[row], generator) for row, number in enumerate(numbers)]
        yield orjson.dumps({"points": points}, option=orjson.OPT_SERIALIZE_NUMPY)


def _point(number: int, dense: np.ndarray[Any, Any], generator: np.random.Generator) -> dict[str, Any]:
    indices = np.unique(generator.zipf(1.3, 80) % 30_000)
    payload = {
        "document_id": f"document-{number // 20}",
        "version": 1,
        "number": number % 20,
        "generation": 1,
        "start": 0,
        "end": 1000,
        "text": " ".join(random.choices(WORDS, k=120)),
        "page": 1,
        "heading_path": ["A chapter", "A section"],
        "grants": ["everyone"] if number % 3 else [f"group:{number % 10}"],
        "data_source": "bench",
        "media_type": "text/plain",
        "modified_at": float(number),
    }
    sparse = {"indices": indices, "values": generator.random(len(indices))}
    return {"id": number, "vector": {"dense": dense, "bm25": sparse}, "payload": payload}


def search(client: QdrantClient, number: int) -> Callable[[], object]:
    """A search ready to be sent: two thirds of the points are allowed, five words of which three are frequent."""
    dense = np.random.default_rng(number).standard_normal(DIMENSION).tolist()
    sparse = models.SparseVector(indices=[2, 5, 9, 100 + number, 1000 + number], values=[1.0] * 5)
    allowed = models.Filter(
        must=[models.FieldCondition(key="grants", match=models.MatchAny(any=["everyone", "group:3"]))]
    )
    requests = [
        models.QueryRequest(query=vector, using=name, filter=allowed, limit=DEPTH, with_payload=True)
        for name, vector in (("dense", dense), ("bm25", sparse))
    ]
    return lambda: client.query_batch_points(COLLECTION, requests)


def start_time(data_dir: Path, end: Callable[[IndexProcess], object]) -> float:
    server = IndexProcess(data_dir)
    took = timed(server.__enter__)
    end(server)
    return took


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def p95(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def memory(pid: int) -> tuple[float, float]:
    """Resident and anonymous memory in MB. The rest of it is the files' pages, which the kernel may drop."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
    resident, anonymous = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    return resident, anonymous


def disk(directory: Path) -> float:
    return sum(file.stat().st_blocks * 512 for file in directory.rglob("*") if file.is_file()) / 2**20


if __name__ == "__main__":
    main()
