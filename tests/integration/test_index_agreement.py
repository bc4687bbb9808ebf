"""Any filter, and fusion under any filters, finds the same chunks in the embedded server as in qdrant-client itself."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from tests.integration.index_chunks import DENSE, RED, SPARSE, any_of, create, ids, is_value, point, words
from tests.integration.index_process import IndexProcess

GRANTS = ["everyone", "group:hr", "group:it", "user:a@b.c"]
DOCUMENTS = ["a", "b", "c", "unknown"]
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[QdrantClient, QdrantClient]]:
    with (
        IndexProcess(tmp_path_factory.mktemp("index")) as server,
        closing(server.client()) as embedded,
        closing(QdrantClient(":memory:")) as memory,
    ):
        for client in (embedded, memory):
            create(client, "chunks")
            client.upsert("chunks", [chunk(number) for number in range(40)], wait=True)
        for field in ("grants", "document_id"):  # half of the fields have an index, half have none
            embedded.create_payload_index("chunks", field, models.PayloadSchemaType.KEYWORD, wait=True)
        yield embedded, memory


def chunk(number: int) -> models.PointStruct:
    """Every combination of grants occurs, and fields are missing, null or empty now and then."""
    payload: dict[str, Any] = {"version": number % 4, "document_id": DOCUMENTS[number % 3]}
    if number % 7:
        payload["grants"] = [grant for bit, grant in enumerate(GRANTS) if number >> bit & 1]
    if number % 5:
        payload["modified_at"] = None if number % 5 == 1 else number / 2
    return point(number, [1.0, number, number % 3, 1.0], {RED: 1.0 + number, number: 1.0}, **payload)


conditions = st.one_of(
    st.lists(st.sampled_from(GRANTS), max_size=3).map(lambda grants: any_of("grants", grants)),
    st.lists(st.integers(-1, 4), max_size=3).map(lambda versions: any_of("version", versions)),
    st.lists(st.sampled_from(DOCUMENTS), max_size=3).map(
        lambda names: models.FieldCondition(key="document_id", match=models.MatchExcept(**{"except": names}))
    ),
    st.sampled_from(DOCUMENTS).map(lambda name: is_value("document_id", name)),
    st.integers(0, 4).map(lambda version: is_value("version", version)),
    st.tuples(st.integers(0, 20), st.integers(0, 20)).map(
        lambda bounds: models.FieldCondition(key="modified_at", range=models.Range(gte=bounds[0], lt=bounds[1]))
    ),
    st.lists(st.integers(0, 45), max_size=5).map(lambda numbers: models.HasIdCondition(has_id=list(numbers))),
    st.sampled_from(["grants", "modified_at"]).map(
        lambda key: models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
    ),
)


def filters_of(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[models.Filter]:
    clause = st.none() | st.lists(parts, max_size=3)
    return st.builds(models.Filter, must=clause, should=clause, must_not=clause)


filters = filters_of(st.recursive(conditions, filters_of, max_leaves=6))


@given(chosen=filters)
@FEW
def test_a_filter_selects_the_same_chunks(engines: tuple[QdrantClient, QdrantClient], chosen: models.Filter) -> None:
    embedded, memory = (set(ids(client.scroll("chunks", scroll_filter=chosen, limit=100)[0])) for client in engines)
    assert embedded == memory


@given(first=filters, second=filters, outer=st.none() | filters)
@FEW
def test_fusion_finds_the_same_chunks(
    engines: tuple[QdrantClient, QdrantClient], first: models.Filter, second: models.Filter, outer: models.Filter | None
) -> None:
    prefetches = [
        models.Prefetch(query=[1.0, 5.0, 1.0, 0.5], using=DENSE, filter=first, limit=100),
        models.Prefetch(query=words(RED, 3, 5), using=SPARSE, filter=second, limit=100),
    ]
    embedded, memory = (
        set(
            ids(
                client.query_points(
                    "chunks",
                    prefetch=prefetches,
                    query=models.FusionQuery(fusion=models.Fusion.RRF),
                    query_filter=outer,
                    limit=100,
                ).points
            )
        )
        for client in engines
    )
    assert embedded == memory
