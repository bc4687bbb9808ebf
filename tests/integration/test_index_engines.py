"""What Footnote asks of Qdrant, asked of each engine: the embedded server, qdrant-client's own, a real server if given.

One class for all of them, so that the embedded server cannot differ from Qdrant unnoticed. A real server is tested
where FOOTNOTE_TEST_QDRANT_URL names one.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from tests.integration.index_chunks import (
    BLUE,
    CHUNKS,
    COSINE,
    DENSE,
    FILTERS,
    GREEN,
    RED,
    SPARSE,
    create,
    idf,
    ids,
    is_value,
    may_read,
    point,
    prefetches,
    separate_prefetches,
    words,
)
from tests.integration.index_process import IndexProcess

REFUSALS = (UnexpectedResponse, ResponseHandlingException, ValueError)
REAL_SERVER = os.environ.get("FOOTNOTE_TEST_QDRANT_URL")
ENGINES = ["embedded", "memory", *(["server"] if REAL_SERVER else [])]


@pytest.fixture(scope="module", params=ENGINES)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantClient]:
    if request.param == "embedded":
        with IndexProcess(tmp_path_factory.mktemp("index")) as server:
            client = server.client()
            yield client
            client.close()
        return
    client = QdrantClient(":memory:") if request.param == "memory" else QdrantClient(url=REAL_SERVER)
    yield client
    client.close()


@pytest.fixture(scope="module")
def chunks(client: QdrantClient) -> Iterator[str]:
    """Five chunks in a collection with payload indexes, for tests that change nothing."""
    with collection(client) as name:
        index_payload(client, name)
        client.upsert(name, CHUNKS, wait=True)
        yield name


@pytest.fixture
def changing(client: QdrantClient) -> Iterator[str]:
    """The same five chunks without payload indexes, for one test alone."""
    with collection(client) as name:
        client.upsert(name, CHUNKS, wait=True)
        yield name


@pytest.fixture
def empty(client: QdrantClient) -> Iterator[str]:
    with collection(client) as name:
        yield name


@contextmanager
def collection(client: QdrantClient) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex}"
    create(client, name)
    yield name
    client.delete_collection(name)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
@pytest.mark.filterwarnings("ignore:Local mode performs exact")
class TestIndexEngine:
    @pytest.mark.parametrize("name", FILTERS)
    def test_a_filter_selects_the_same_chunks(self, client: QdrantClient, chunks: str, name: str) -> None:
        chosen, expected = FILTERS[name]
        assert set(ids(client.scroll(chunks, scroll_filter=chosen, limit=100)[0])) == expected
        assert client.count(chunks, count_filter=chosen, exact=True).count == len(expected)
        found = client.query_points(chunks, query=[1.0, 0, 0, 0], using=DENSE, query_filter=chosen, limit=100)
        assert set(ids(found.points)) == expected

    def test_a_filter_selects_the_same_chunks_without_payload_indexes(
        self, client: QdrantClient, changing: str
    ) -> None:
        for name, (chosen, expected) in FILTERS.items():
            assert set(ids(client.scroll(changing, scroll_filter=chosen, limit=100)[0])) == expected, name

    def test_a_dense_query_returns_cosines_best_first(self, client: QdrantClient, chunks: str) -> None:
        found = client.query_points(chunks, query=[2.0, 0, 0, 0], using=DENSE, limit=2).points
        assert ids(found) == [1, 2]
        assert [hit.score for hit in found] == pytest.approx([1.0, 0.9939], abs=1e-4)
        assert found[0].payload == {
            "grants": ["everyone"],
            "document_id": "a",
            "version": 1,
            "modified_at": 10.0,
        }

    def test_a_sparse_query_weighs_rare_words_higher(self, client: QdrantClient, chunks: str) -> None:
        found = client.query_points(chunks, query=words(RED, BLUE), using=SPARSE, limit=10).points
        assert ids(found)[0] == 3
        assert set(ids(found)) == {1, 2, 3, 5}
        scores = {hit.id: hit.score for hit in found}
        common, rare = idf(5, 4), idf(5, 1)
        assert scores[3] == pytest.approx(common + rare, rel=1e-3)
        assert scores[1] == pytest.approx(common, rel=1e-3)
        assert scores[5] == pytest.approx(common / 2, rel=1e-3)

    def test_a_sparse_query_without_a_known_word_finds_nothing(self, client: QdrantClient, chunks: str) -> None:
        assert client.query_points(chunks, query=words(999), using=SPARSE).points == []

    @pytest.mark.parametrize("fusion", [models.Fusion.RRF, models.Fusion.DBSF])
    def test_fusion_obeys_the_access_filter_in_each_prefetch(
        self, client: QdrantClient, chunks: str, fusion: models.Fusion
    ) -> None:
        allowed = may_read("group:hr")
        found = client.query_points(
            chunks, prefetch=prefetches(allowed), query=models.FusionQuery(fusion=fusion), limit=10
        )
        assert set(ids(found.points)) == {2, 3}

    def test_fusion_obeys_an_outer_filter(self, client: QdrantClient, chunks: str) -> None:
        found = client.query_points(
            chunks,
            prefetch=prefetches(None),
            query=models.FusionQuery(fusion=models.Fusion.RRF),
            query_filter=may_read("group:hr"),
            limit=10,
        )
        assert set(ids(found.points)) == {2, 3}

    def test_a_prefetch_may_see_less_than_the_other(self, client: QdrantClient, chunks: str) -> None:
        one, other = prefetches(may_read("group:it"))[0], prefetches(may_read("everyone"))[1]
        found = client.query_points(
            chunks, prefetch=[one, other], query=models.FusionQuery(fusion=models.Fusion.RRF), limit=10
        )
        assert set(ids(found.points)) == {1, 3, 4}

    def test_reciprocal_rank_fusion_has_the_stated_constant(self, client: QdrantClient, chunks: str) -> None:
        found = client.query_points(
            chunks, prefetch=prefetches(None), query=models.RrfQuery(rrf=models.Rrf(k=60)), limit=10
        ).points
        # Ranks count from 0: dense 1, 2, 3, 4, 5 (3 and 4 tie) and sparse 3 or 2 first.
        assert max(hit.score for hit in found) < 2 / 60
        dense_first = next(hit for hit in found if hit.id == 1)
        assert dense_first.score > 1 / 60

    def test_reciprocal_rank_fusion_takes_weights(self, client: QdrantClient, chunks: str) -> None:
        def first(weights: list[float]) -> Any:
            query = models.RrfQuery(rrf=models.Rrf(k=2, weights=weights))
            return client.query_points(chunks, prefetch=separate_prefetches(), query=query, limit=1).points[0].id

        assert (first([3.0, 1.0]), first([1.0, 3.0])) == (1, 4)

    def test_a_prefetch_nests(self, client: QdrantClient, chunks: str) -> None:
        inner = models.Prefetch(query=[0.0, 1.0, 0, 0], using=DENSE, limit=2, filter=may_read("group:hr"))
        middle = models.Prefetch(prefetch=inner, query=words(RED, GREEN), using=SPARSE, limit=5)
        found = client.query_points(chunks, prefetch=middle, query=[1.0, 0, 0, 0], using=DENSE, limit=5)
        assert ids(found.points) == [2, 3]

    def test_a_batch_answers_each_query_in_its_order(self, client: QdrantClient, chunks: str) -> None:
        allowed = may_read("group:hr", "everyone")
        answers = client.query_batch_points(
            chunks,
            [
                models.QueryRequest(query=[1.0, 0, 0, 0], using=DENSE, filter=allowed, limit=2, with_payload=True),
                models.QueryRequest(query=words(BLUE), using=SPARSE, filter=allowed, limit=2, with_payload=True),
                models.QueryRequest(query=[0, 0, 1.0, 0], using=DENSE, filter=allowed, limit=1),
            ],
        )
        assert [ids(answer.points) for answer in answers] == [[1, 2], [3], [4]]
        assert [point.payload and point.payload["document_id"] for point in answers[0].points] == ["a", "a"]
        assert not answers[2].points[0].payload

    def test_a_query_has_offset_threshold_and_parameters(self, client: QdrantClient, chunks: str) -> None:
        found = client.query_points(
            chunks,
            query=[1.0, 0, 0, 0],
            using=DENSE,
            offset=1,
            limit=10,
            score_threshold=0.5,
            search_params=models.SearchParams(exact=True, hnsw_ef=64, acorn=models.AcornSearchParams(enable=True)),
        )
        assert ids(found.points) == [2]

    def test_a_query_shows_the_payload_and_vectors_asked_for(self, client: QdrantClient, chunks: str) -> None:
        def first(payload: Any, vectors: Any) -> models.ScoredPoint:
            return client.query_points(
                chunks, query=[1.0, 0, 0, 0], using=DENSE, limit=1, with_payload=payload, with_vectors=vectors
            ).points[0]

        nothing = first(False, False)
        assert not nothing.payload
        assert nothing.vector is None
        assert first(["version"], False).payload == {"version": 1}
        assert set(first(models.PayloadSelectorExclude(exclude=["version"]), False).payload or {}) == {
            "grants",
            "document_id",
            "modified_at",
        }
        shown = first(False, True).vector
        assert isinstance(shown, dict)
        assert shown[DENSE] == pytest.approx([1.0, 0, 0, 0])
        assert shown[SPARSE] == words(RED)
        assert set(vectors_of(first(False, [SPARSE]))) == {SPARSE}

    def test_a_query_by_nearest_is_the_same(self, client: QdrantClient, chunks: str) -> None:
        found = client.query_points(chunks, query=models.NearestQuery(nearest=[0, 1.0, 0, 0]), using=DENSE, limit=1)
        assert ids(found.points) == [3]

    def test_a_scroll_pages_through_everything_once(self, client: QdrantClient, empty: str) -> None:
        names = [str(uuid.UUID(int=n)) for n in range(1, 26)]
        client.upsert(empty, [point(name, [1, 0, 0, 0], {RED: 1.0}, number=n) for n, name in enumerate(names)])
        seen: list[Any] = []
        offset: Any = None
        pages = 0
        while True:
            page, offset = client.scroll(empty, limit=10, offset=offset, with_payload=["number"])
            seen += ids(page)
            pages += 1
            if offset is None:
                break
        assert (sorted(seen), pages) == (sorted(names), 3)

    def test_a_scroll_is_filtered_and_shows_vectors(self, client: QdrantClient, chunks: str) -> None:
        records, offset = client.scroll(
            chunks, scroll_filter=may_read("group:it"), limit=5, with_payload=False, with_vectors=[DENSE]
        )
        assert (ids(records), offset) == ([3], None)
        assert not records[0].payload
        assert vectors_of(records[0])[DENSE] == pytest.approx([0, 1.0, 0, 0])

    def test_a_scroll_can_be_ordered_by_a_field(self, client: QdrantClient, chunks: str) -> None:
        order = models.OrderBy(key="modified_at", direction=models.Direction.DESC)
        records, _ = client.scroll(chunks, order_by=order, limit=10)
        assert ids(records) == [4, 1]

    def test_count_is_exact(self, client: QdrantClient, chunks: str) -> None:
        assert client.count(chunks, exact=True).count == 5
        assert client.count(chunks, count_filter=may_read("everyone"), exact=True).count == 2

    def test_retrieve_returns_the_chunks_that_exist(self, client: QdrantClient, chunks: str) -> None:
        found = {record.id: record for record in client.retrieve(chunks, [4, 1, 99], with_vectors=True)}
        assert set(found) == {1, 4}
        assert (found[4].payload or {})["modified_at"] == 30.5
        assert vectors_of(found[4])[SPARSE] == words(GREEN)

    def test_upsert_replaces_a_chunk_whole(self, client: QdrantClient, changing: str) -> None:
        client.upsert(changing, [point(1, [0, 0, 0, 1], {BLUE: 2.0}, document_id="z")], wait=True)
        (record,) = client.retrieve(changing, [1], with_vectors=True)
        assert record.payload == {"document_id": "z"}
        assert vectors_of(record)[DENSE] == pytest.approx([0, 0, 0, 1.0])
        assert client.count(changing).count == 5

    def test_upsert_takes_columns(self, client: QdrantClient, empty: str) -> None:
        vectors: dict[str, Any] = {DENSE: [[1.0, 0, 0, 0], [0, 1.0, 0, 0]], SPARSE: [words(RED), words(GREEN)]}
        batch = models.Batch(ids=[7, 8], vectors=vectors, payloads=[{"number": 7}, {"number": 8}])
        client.upsert(empty, batch, wait=True)
        records, _ = client.scroll(empty, limit=10)
        assert {record.id: record.payload for record in records} == {7: {"number": 7}, 8: {"number": 8}}

    def test_many_chunks_in_one_upsert_all_arrive(self, client: QdrantClient, empty: str) -> None:
        client.upsert(empty, [point(n, [1, n, 0, 0], {n: 1.0}, number=n) for n in range(300)], wait=True)
        assert client.count(empty).count == 300

    def test_a_conditional_upsert_leaves_other_chunks_alone(self, client: QdrantClient, changing: str) -> None:
        older = models.Filter(must=[models.FieldCondition(key="version", range=models.Range(lt=2))])
        update = [point(n, [0, 0, 0, 1], {RED: 1.0}, version=2, document_id="new") for n in (1, 2)]
        client.upsert(changing, update, update_filter=older, wait=True)
        found = {record.id: (record.payload or {})["document_id"] for record in client.retrieve(changing, [1, 2])}
        assert found == {1: "new", 2: "a"}

    def test_text_of_any_script_comes_back_unchanged(self, client: QdrantClient, empty: str) -> None:
        payload = {
            "text": 'Größe ‘x’ 日本語 🙂\u2028\n\t\\"',
            "heading_path": ["Ä", "b"],
            "page": None,
            "big": 2**53 + 1,
        }
        client.upsert(empty, [point(1, [1, 0, 0, 0], {RED: 1.0}, **payload)], wait=True)
        assert client.retrieve(empty, [1])[0].payload == payload

    def test_delete_by_filter(self, client: QdrantClient, changing: str) -> None:
        selector = models.FilterSelector(filter=models.Filter(must=[is_value("document_id", "a")]))
        client.delete(changing, selector, wait=True)
        assert remaining(client, changing) == {3, 4, 5}

    def test_delete_by_ids(self, client: QdrantClient, changing: str) -> None:
        client.delete(changing, [1, 5, 99], wait=True)
        assert remaining(client, changing) == {2, 3, 4}

    def test_a_deleted_chunk_is_not_found_again(self, client: QdrantClient, changing: str) -> None:
        client.delete(changing, [1], wait=True)
        found = client.query_points(
            changing, prefetch=prefetches(None), query=models.FusionQuery(fusion=models.Fusion.RRF), limit=10
        )
        assert 1 not in ids(found.points)

    def test_set_payload_by_filter_changes_what_a_search_may_see(self, client: QdrantClient, changing: str) -> None:
        chosen = models.Filter(must=[is_value("document_id", "a")])
        client.set_payload(changing, {"grants": ["group:new"], "modified_at": None}, chosen, wait=True)
        found = client.query_points(changing, query=[1.0, 0, 0, 0], using=DENSE, query_filter=may_read("group:new"))
        assert set(ids(found.points)) == {1, 2}
        assert client.count(changing, count_filter=may_read("everyone")).count == 1
        (record,) = client.retrieve(changing, [1])
        assert (record.payload or {})["version"] == 1

    def test_set_payload_by_ids(self, client: QdrantClient, changing: str) -> None:
        client.set_payload(changing, {"version": 9}, [3], wait=True)
        nine = models.Filter(must=[is_value("version", 9)])
        assert ids(client.scroll(changing, scroll_filter=nine)[0]) == [3]

    def test_an_alias_stands_for_its_collection_and_can_switch(self, client: QdrantClient, changing: str) -> None:
        alias = f"alias-{uuid.uuid4().hex}"
        with collection(client) as other:
            client.update_collection_aliases([create_alias(changing, alias)])
            assert client.count(alias).count == 5
            client.upsert(alias, [point(6, [1, 0, 0, 0], {RED: 1.0})], wait=True)
            assert client.count(changing).count == 6
            delete = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
            client.update_collection_aliases([delete, create_alias(other, alias)])
            assert client.count(alias).count == 0
            assert (alias, other) in {(a.alias_name, a.collection_name) for a in client.get_aliases().aliases}
            assert [a.alias_name for a in client.get_collection_aliases(other).aliases] == [alias]
        assert alias not in {a.alias_name for a in client.get_aliases().aliases}

    def test_an_alias_can_be_renamed(self, client: QdrantClient, changing: str) -> None:
        old, new = f"old-{uuid.uuid4().hex}", f"new-{uuid.uuid4().hex}"
        rename = models.RenameAlias(old_alias_name=old, new_alias_name=new)
        client.update_collection_aliases(
            [create_alias(changing, old), models.RenameAliasOperation(rename_alias=rename)]
        )
        assert [a.alias_name for a in client.get_collection_aliases(changing).aliases] == [new]

    def test_a_collection_is_listed_and_described(self, client: QdrantClient, chunks: str) -> None:
        assert chunks in {collection.name for collection in client.get_collections().collections}
        described = client.get_collection(chunks)
        assert described.points_count == 5
        vectors = described.config.params.vectors
        assert isinstance(vectors, dict)
        assert (vectors[DENSE].size, vectors[DENSE].distance) == (4, models.Distance.COSINE)
        sparse = described.config.params.sparse_vectors
        assert sparse is not None
        assert sparse[SPARSE].modifier == models.Modifier.IDF

    def test_a_deleted_collection_is_gone(self, client: QdrantClient) -> None:
        with collection(client) as name:
            assert client.collection_exists(name)
        assert not client.collection_exists(name)
        with pytest.raises(REFUSALS):
            client.count(name)

    def test_a_name_in_use_is_refused(self, client: QdrantClient, empty: str) -> None:
        with pytest.raises(REFUSALS):
            client.create_collection(empty, vectors_config={DENSE: COSINE})

    @pytest.mark.parametrize(
        "vectors",
        [
            pytest.param({DENSE: [1.0, 0, 0]}, id="too short"),
            pytest.param({DENSE: [1.0, 0, 0, 0, 0]}, id="too long"),
            pytest.param({"dance": [1.0, 0, 0, 0]}, id="unknown name"),
            pytest.param({SPARSE: models.SparseVector(indices=[1, 2], values=[1.0])}, id="uneven sparse vector"),
        ],
    )
    def test_a_vector_that_does_not_fit_is_refused_and_nothing_is_kept(
        self, client: QdrantClient, empty: str, vectors: dict[str, Any]
    ) -> None:
        with pytest.raises(REFUSALS):
            client.upsert(empty, [models.PointStruct(id=1, vector=vectors)], wait=True)
        assert client.count(empty).count == 0

    @pytest.mark.parametrize("vector", [[1.0, 0, 0], [1.0, 0, 0, 0, 0]])
    def test_a_query_vector_that_does_not_fit_is_refused(
        self, client: QdrantClient, chunks: str, vector: list[float]
    ) -> None:
        with pytest.raises(REFUSALS):
            client.query_points(chunks, query=vector, using=DENSE)

    def test_a_query_with_an_unknown_vector_name_is_refused(self, client: QdrantClient, chunks: str) -> None:
        with pytest.raises(REFUSALS):
            client.query_points(chunks, query=[1.0, 0, 0, 0], using="dance")


def index_payload(client: QdrantClient, collection: str) -> None:
    for field, kind in {
        "grants": models.PayloadSchemaType.KEYWORD,
        "document_id": models.PayloadSchemaType.KEYWORD,
        "version": models.PayloadSchemaType.INTEGER,
        "modified_at": models.PayloadSchemaType.FLOAT,
    }.items():
        client.create_payload_index(collection, field, kind, wait=True)


def create_alias(collection: str, alias: str) -> models.CreateAliasOperation:
    return models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=collection, alias_name=alias))


def remaining(client: QdrantClient, collection: str) -> set[Any]:
    return set(ids(client.scroll(collection, limit=100)[0]))


def vectors_of(found: models.ScoredPoint | models.Record) -> dict[str, Any]:
    assert isinstance(found.vector, dict)
    return dict(found.vector)
