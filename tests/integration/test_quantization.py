"""An index of a byte a dimension: what a Qdrant server is asked for, and what the embedded one says to that.

No Qdrant server runs here, so what is sent is looked at. What its engine then finds and holds is measured by
`python -m tests.bench --only Graph`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from qdrant_client import QdrantClient

from retrieval.errors import IndexRefusedError, InvalidInputError
from retrieval.index import ChunkIndex, connect
from retrieval.types import NO_FILTERS, Embedding, Principal, SparseVector
from services.embedded.up import run_all
from services.settings import Settings
from tests.integration.index_process import IndexProcess

READER = Principal("u1", "ada@larkmoor.example", frozenset({"everyone"}))
EXACT = {"full_scan_threshold": 100_000}
GRAPH = {"hnsw_ef": 512, "acorn": {"enable": True, "max_selectivity": 1.0}}
QUERY = Embedding((1.0, 0.0), SparseVector((7,), (1.0,)))


@pytest.fixture
def sent() -> dict[str, Any]:
    """The last body sent to each path."""
    return {}


@pytest.fixture
def client(sent: dict[str, Any]) -> Iterator[QdrantClient]:
    """Of a server that is empty and content with everything."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.content:
            sent[path] = json.loads(request.content)
        result: Any = True
        if path.endswith("/exists"):
            result = {"exists": False}
        elif path.endswith("/aliases"):
            result = {"aliases": []} if request.method == "GET" else True
        elif path.endswith("/index"):
            result = {"operation_id": 1, "status": "completed"}
        elif path.endswith("/query/batch"):
            result = [{"points": []} for _ in sent[path]["searches"]]
        return httpx.Response(200, json={"result": result, "status": "ok", "time": 0.0})

    made = QdrantClient(url="http://qdrant:6333", check_compatibility=False, transport=httpx.MockTransport(answer))
    yield made
    made.close()


def test_a_new_index_holds_bytes_in_memory_and_ranks_by_whole_vectors(
    client: QdrantClient, sent: dict[str, Any]
) -> None:
    index = ChunkIndex(client, quantized=True)
    index.prepare(2)
    index.search(QUERY, READER, filters=NO_FILTERS, depth=10)
    scalar = {"type": "int8", "quantile": 0.99, "always_ram": True}
    assert sent["/collections/chunks-1"]["vectors"]["dense"] == {
        "size": 2,
        "distance": "Cosine",
        "on_disk": True,
        "hnsw_config": EXACT,
        "quantization_config": {"scalar": scalar},
    }
    dense, sparse = sent["/collections/chunks-1/points/query/batch"]["searches"]
    assert dense["params"] == {**GRAPH, "quantization": {"rescore": True, "oversampling": 2.0}}
    assert "quantization" not in sparse["params"]


def test_one_that_is_not_quantized_is_asked_for_as_ever(client: QdrantClient, sent: dict[str, Any]) -> None:
    index = ChunkIndex(client)
    index.prepare(2)
    index.search(QUERY, READER, filters=NO_FILTERS, depth=10)
    assert sent["/collections/chunks-1"]["vectors"]["dense"] == {"size": 2, "distance": "Cosine", "hnsw_config": EXACT}
    assert sent["/collections/chunks-1/points/query/batch"]["searches"][0]["params"] == GRAPH


def test_the_embedded_index_says_that_it_has_none(tmp_path: Path) -> None:
    with (
        IndexProcess(tmp_path) as server,
        pytest.raises(IndexRefusedError, match=r"quantization_config.*Qdrant server"),
    ):
        ChunkIndex(connect(server.url), quantized=True).prepare(2)


def test_so_does_the_command_that_brings_it() -> None:
    with pytest.raises(InvalidInputError, match="FOOTNOTE_INDEX_QUANTIZATION"):
        run_all(Settings(index_quantization="int8"), sample=False)
