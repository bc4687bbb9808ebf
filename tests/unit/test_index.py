"""ChunkIndex and the access filter, on qdrant-client's own engine in memory.

The embedded server and a real one are held to the same behaviour by `tests/integration/test_index_engines.py`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient

from retrieval.access import access_filter, checked_grants
from retrieval.errors import ForbiddenError, IndexUnavailableError, InvalidFilterError, InvalidInputError
from retrieval.index import ChunkIndex, StoredPoint, connect
from retrieval.types import (
    NO_FILTERS,
    Candidate,
    Chunk,
    Embedding,
    IndexedChunk,
    Principal,
    SearchFilters,
    SparseVector,
)
from tests.integration.json_server import json_server

GROUPS = ["everyone", "group:hr", "group:sales", "user:a@b.c"]
POINT = "00000000-0000-0000-0000-000000000001"
QUERY = Embedding((1.0, 0.0), SparseVector((7,), (1.0,)))


@contextmanager
def in_memory() -> Iterator[ChunkIndex]:
    client = QdrantClient(":memory:")
    made = ChunkIndex(client)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect")  # true of this engine, and meant
        made.prepare(2)
    yield made
    client.close()


@pytest.fixture
def index() -> Iterator[ChunkIndex]:
    with in_memory() as made:
        yield made


@contextmanager
def answering(result: object) -> Iterator[ChunkIndex]:
    """The index of a server that answers every search so."""
    with json_server(lambda *_: (200, {"result": result, "status": "ok", "time": 0.0})) as server:
        client = connect(server.url)
        yield ChunkIndex(client)
        client.close()


def principal(*grants: str) -> Principal:
    return Principal("id", "a@b.c", frozenset(grants))


def piece(document: str, *grants: str, version: int = 1, number: int = 0, modified: int | None = None) -> IndexedChunk:
    return IndexedChunk(
        document_id=document,
        version=version,
        chunk=Chunk(number, f"text of {document}", 0, 5, 3, ("Heading",)),
        embedding=Embedding((0.6, 0.8), SparseVector((7, 9), (0.5, 0.25))),
        grants=grants,
        data_source="uploads",
        media_type="text/plain",
        modified_at=datetime.fromtimestamp(modified, UTC) if modified is not None else None,
    )


def found(index: ChunkIndex, who: Principal, filters: SearchFilters = NO_FILTERS) -> set[str]:
    return {candidate.document_id for candidate in index.search(QUERY, who, filters=filters, depth=50)}


def test_a_search_returns_chunks_as_they_were_with_both_ranks(index: ChunkIndex) -> None:
    index.upsert([piece("one", "everyone")])
    (candidate,) = index.search(QUERY, principal("everyone"), filters=NO_FILTERS, depth=5)
    assert candidate.chunk == piece("one").chunk
    assert (candidate.dense_rank, candidate.sparse_rank) == (1, 1)
    assert candidate.dense_score == pytest.approx(0.6, abs=1e-6)


def test_candidates_come_unfused_the_dense_search_s_first_and_each_once(index: ChunkIndex) -> None:
    index.upsert([piece("one", "everyone")])
    near = IndexedChunk(
        document_id="near",
        version=1,
        chunk=Chunk(0, "near", 0, 4),
        embedding=Embedding((1.0, 0.0), SparseVector((9,), (1.0,))),
        grants=("everyone",),
        data_source="uploads",
        media_type="text/plain",
        modified_at=None,
    )
    index.upsert([near])
    candidates = index.search(QUERY, principal("everyone"), filters=NO_FILTERS, depth=5)
    assert [(c.document_id, c.dense_rank, c.sparse_rank) for c in candidates] == [("near", 1, None), ("one", 2, 1)]
    assert [c.score for c in candidates] == [0.0, 0.0]
    assert candidates[0].sparse_score is None


def test_a_query_without_a_known_word_is_searched_by_its_vector_alone(index: ChunkIndex) -> None:
    index.upsert([piece("one", "everyone")])
    wordless = Embedding((1.0, 0.0), SparseVector((), ()))
    (candidate,) = index.search(wordless, principal("everyone"), filters=NO_FILTERS, depth=5)
    assert (candidate.dense_rank, candidate.sparse_rank, candidate.sparse_score) == (1, None, None)


@given(
    documents=st.lists(st.sets(st.sampled_from(GROUPS), min_size=1), min_size=1, max_size=6),
    mine=st.sets(st.sampled_from(GROUPS), min_size=1),
)
@settings(max_examples=60, deadline=None)
def test_a_search_finds_exactly_what_shares_a_grant(documents: list[set[str]], mine: set[str]) -> None:
    with in_memory() as index:
        index.upsert([piece(str(n), *sorted(grants)) for n, grants in enumerate(documents)])
        expected = {str(n) for n, grants in enumerate(documents) if grants & mine}
        assert found(index, principal(*mine)) == expected


def test_somebody_without_grants_cannot_search(index: ChunkIndex) -> None:
    with pytest.raises(ForbiddenError):
        found(index, principal())


def test_filters_narrow_within_what_one_may_read(index: ChunkIndex) -> None:
    index.upsert(
        [piece("one", "everyone", modified=100), piece("two", "everyone", modified=200), piece("x", "group:hr")]
    )
    who = principal("everyone")
    assert found(index, who, SearchFilters(document_ids=("one", "x"))) == {"one"}
    assert found(index, who, SearchFilters(modified_after=datetime.fromtimestamp(150, UTC))) == {"two"}
    assert found(index, who, SearchFilters(modified_before=datetime.fromtimestamp(150, UTC))) == {"one"}
    assert found(index, who, SearchFilters(media_types=("image/png",))) == set()


def test_upserting_again_makes_no_duplicates_and_versions_stay_apart(index: ChunkIndex) -> None:
    for _ in range(3):
        index.upsert([piece("one", "everyone"), piece("one", "everyone", number=1)])
    index.upsert([piece("one", "everyone", version=2)])
    assert (index.count("one", 1), index.count("one", 2), index.total()) == (2, 1, 3)
    index.delete("one", 1)
    assert (index.count("one", 1), index.count("one", 2)) == (0, 1)
    index.delete("one")
    assert index.total() == 0


def test_new_grants_count_for_every_chunk_of_the_document_and_no_other(index: ChunkIndex) -> None:
    index.upsert([piece("one", "everyone"), piece("one", "everyone", number=1), piece("two", "everyone")])
    index.set_metadata("one", grants=["group:hr"], modified_at=None)
    assert found(index, principal("everyone")) == {"two"}
    assert found(index, principal("group:hr")) == {"one"}


def test_a_server_that_is_down_is_an_error_of_ours() -> None:
    index = ChunkIndex(connect("http://127.0.0.1:9", timeout=1))
    search, write = lambda: found(index, principal("everyone")), lambda: index.upsert([piece("one", "x")])
    for call in (index.total, index.engine, search, write):
        with pytest.raises(IndexUnavailableError):
            call()


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        [{"points": []}],  # of two searches
        [None],
        [{}],
        [{"points": [{"id": 1}]}],
        [{"points": [{"id": 1, "score": None}]}],
        [{"points": [{"id": 1, "score": 1.0, "payload": [1]}]}] * 2,
        [{"points": [{"id": 1, "score": 1.0, "payload": "x"}]}] * 2,
    ],
)
def test_a_server_that_answers_something_else_is_an_error_of_ours(result: object) -> None:
    with answering(result) as index, pytest.raises(IndexUnavailableError):
        found(index, principal("everyone"))


def test_a_server_s_rankings_are_read_as_they_are_sent() -> None:
    payload = {
        "document_id": "one", "version": 2, "number": 3, "text": "said", "start": 4, "end": 8, "page": None,
        "heading_path": ["A", "B"],
    }  # fmt: skip
    first, second = {"id": POINT, "score": 1, "payload": payload}, {"id": 7, "score": 0.5, "payload": None}
    with answering([{"points": [first, second]}, {"points": [first | {"score": 9.5}]}]) as index:
        (candidate,) = index.search(QUERY, principal("everyone"), filters=NO_FILTERS, depth=50)
    chunk = Chunk(3, "said", 4, 8, None, ("A", "B"))
    assert candidate == Candidate("one", 2, chunk, 0.0, 1, 1, 1.0, 9.5)


def test_contradictory_and_oversized_filters_are_refused() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    for filters in (
        SearchFilters(modified_after=late, modified_before=early),
        SearchFilters(document_ids=tuple(str(n) for n in range(201))),
    ):
        with pytest.raises(InvalidFilterError):
            access_filter(principal("everyone"), filters)


@pytest.mark.parametrize("grant", ["", "boss", "group:", "group:a b", "user:x,everyone", "group:a:b", "everyone2"])
def test_malformed_grants_are_refused_by_name(grant: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        checked_grants(["everyone", grant])
    assert refused.value.code == "invalid_grant"


def test_grants_are_lower_cased_and_distinct() -> None:
    assert checked_grants(["Group:HR", "group:hr", " everyone "]) == ("everyone", "group:hr")


@pytest.mark.parametrize("garbled", [{}, {"text": 7}, {"heading_path": "Heading"}])
def test_a_passage_that_was_garbled_is_left_out_and_no_other(index: ChunkIndex, garbled: dict[str, Any]) -> None:
    index.upsert([piece("one", "everyone"), piece("two", "everyone")])
    (point,) = [point for page in index.scan(["one"], vectors=True) for point in page]
    payload = {**point.payload, **garbled} if garbled else {"document_id": "one", "grants": ["everyone"]}
    index.write([StoredPoint(point.id, payload, point.dense, point.sparse)])
    assert found(index, principal("everyone")) == {"two"}
