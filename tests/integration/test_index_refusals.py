"""What the embedded index server refuses: 501 for what it does not know, 400, 404 and 409 for what cannot be.

Nothing of a request may be dropped without a word, and nothing of a refused request may be kept.
"""

import http.client
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.index_chunks import CHUNKS, DENSE, SPARSE, create
from tests.integration.index_process import IndexProcess, refusal

VECTOR = [1.0, 0.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    """A server with the collection `chunks`, for tests that change nothing."""
    with IndexProcess(tmp_path_factory.mktemp("index")) as server, closing(server.client()) as client:
        create(client, "chunks")
        client.upsert("chunks", CHUNKS, wait=True)
        yield server


@pytest.fixture(scope="module")
def http_client(server: IndexProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


UNKNOWN_CALLS = [
    ("PATCH", "/collections/chunks"),
    ("GET", "/collections/chunks/nothing"),
    ("POST", "/collections/chunks/points/batch"),
    ("POST", "/collections/chunks/points/search"),
    ("POST", "/collections/chunks/points/query/groups"),
    ("POST", "/collections/chunks/points/payload/delete"),
    ("PUT", "/collections/chunks/points/payload"),
    ("PUT", "/collections/chunks/points/vectors"),
    ("POST", "/collections/chunks/facet"),
    ("POST", "/collections/chunks/snapshots"),
    ("GET", "/cluster"),
    ("GET", "/telemetry"),
]
NEAREST = {"query": VECTOR, "using": DENSE}
UNKNOWN_FORMS: list[tuple[str, dict[str, Any], str]] = [
    ("points/query", {**NEAREST, "lookup_from": {"collection": "x"}}, "`lookup_from`"),
    ("points/query", {**NEAREST, "shard_key": "a"}, "`shard_key`"),
    ("points/query", {**NEAREST, "filtre": {}}, "`filtre`"),
    ("points/query", {"query": 1, "using": DENSE}, "id of a point"),
    ("points/query", {"query": {"recommend": {"positive": [1]}}, "using": DENSE}, "`recommend`"),
    ("points/query", {"query": {"formula": {"sum": []}}}, "`formula`"),
    ("points/query", {"query": {"sample": "random"}}, "`sample`"),
    ("points/query", {"query": {"order_by": "version"}}, "`order_by`"),
    ("points/query", {"query": {"nearest": VECTOR, "mmr": {}}, "using": DENSE}, "`mmr`"),
    ("points/query", {"query": {"text": "words", "model": "m"}, "using": DENSE}, "`text`"),
    ("points/query", {"query": {"nearest": {"text": "words"}}, "using": DENSE}, "`text`"),
    ("points/query", {"query": [VECTOR], "using": DENSE}, "multivector"),
    ("points/query", {"query": {"fusion": "best"}, "prefetch": [NEAREST]}, "`best`"),
    ("points/query", {"query": {"rrf": {"kk": 1}}, "prefetch": [NEAREST]}, "`kk`"),
    ("points/query", {**NEAREST, "params": {"indexed_only": True}}, "indexed_only"),
    ("points/query", {**NEAREST, "params": {"quantization": {"ignore": True}}}, "`quantization`"),
    ("points/query", {**NEAREST, "params": {"acorn": {"depth": 2}}}, "`depth`"),
    ("points/query", {"query": {"fusion": "rrf"}, "prefetch": [{**NEAREST, "offset": 1}]}, "`offset`"),
    ("points/scroll", {"filter": {"min_should": {"conditions": [], "min_count": 1}}}, "`min_should`"),
    ("points/scroll", {"filter": {"must": [{"key": "a", "geo_radius": {}}]}}, "`geo_radius`"),
    ("points/scroll", {"filter": {"must": [{"key": "a", "values_count": {"gt": 1}}]}}, "`values_count`"),
    ("points/scroll", {"filter": {"must": [{"key": "a", "match": {"text": "b"}}]}}, "`text`"),
    ("points/scroll", {"filter": {"must": [{"key": "a", "range": {"gt": "2026-01-01T00:00:00Z"}}]}}, "dates"),
    ("points/scroll", {"filter": {"must": [{"nested": {"key": "a", "filter": {}}}]}}, "`nested`"),
    ("points/scroll", {"filter": {"must": [{"nested": None}]}}, "`nested`"),
    ("points/scroll", {"filter": {"must": [{"has_vector": "dense"}]}}, "`has_vector`"),
    ("points/count", {"filter": {"must": [], "may": []}}, "`may`"),
    ("points/delete", {"points": [1], "shard_key": "a"}, "`shard_key`"),
    ("points/payload", {"payload": {}, "points": [1], "mode": "deep"}, "`mode`"),
    ("points", {"ids": [1], "with_score": True}, "`with_score`"),
]
WRONG_FORMS: list[tuple[str, dict[str, Any]]] = [
    ("points/query", {**NEAREST, "limit": 0}),
    ("points/query", {**NEAREST, "limit": "many"}),
    ("points/query", {**NEAREST, "limit": True}),
    ("points/query", {**NEAREST, "offset": -1}),
    ("points/query", {"query": ["a", 1, 2, 3], "using": DENSE}),
    ("points/query", {"query": [1e39, 0, 0, 0], "using": DENSE}),
    ("points/query", {"query": VECTOR}),
    ("points/query", {"query": VECTOR, "using": SPARSE}),
    ("points/query", {"query": {"indices": [1], "values": [1.0]}, "using": DENSE}),
    ("points/query", {"query": {"indices": [1, 1], "values": [1.0, 2.0]}, "using": SPARSE}),
    ("points/query", {"query": {"indices": [-1], "values": [1.0]}, "using": SPARSE}),
    ("points/query", {"query": {"fusion": "rrf"}}),
    ("points/query", {"prefetch": [NEAREST]}),
    ("points/query", {**NEAREST, "with_vector": ["dance"]}),
    ("points/query", {**NEAREST, "filter": []}),
    ("points/scroll", {"filter": {"must": ["a"]}}),
    ("points/scroll", {"filter": {"must": [{"key": "a"}]}}),
    ("points/scroll", {"filter": {"must": [{"key": None, "match": {"value": 1}}]}}),
    ("points/scroll", {"filter": {"must": [{"key": "a", "match": {"value": 1.5}}]}}),
    ("points/scroll", {"filter": {"must": [{"key": "a", "match": {"any": ["x", 1]}}]}}),
    ("points/scroll", {"filter": {"must": [{"has_id": None}]}}),
    ("points/scroll", {"filter": {"must": [{"has_id": ["not-a-uuid"]}]}}),
    ("points/scroll", {"filter": {"must": [{"is_empty": None}]}}),
    ("points/scroll", {"order_by": "modified_at", "offset": 1}),
    ("points/scroll", {"order_by": "no_index"}),
    ("points/scroll", {"order_by": "a["}),
    ("points/scroll", {"with_payload": ["a["]}),
    ("points/scroll", {"filter": {"must": [{"key": "a[", "match": {"value": 1}}]}}),
    ("points/delete", {"filter": {"must": [{"is_empty": {"key": "a..b"}}]}}),
    ("points/payload", {"payload": {"a": 1}, "points": [1], "key": "a["}),
    ("points/query", {"query": {"rrf": {"weights": [1.0]}}, "prefetch": [NEAREST, NEAREST]}),
    ("points/delete", {}),
    ("points/delete", {"points": [1], "filter": {}}),
    ("points/payload", {"payload": {"a": 1}}),
    ("points/payload", {"payload": [1], "points": [1]}),
    ("points", {"ids": "1"}),
]
WRONG_POINTS: list[dict[str, Any]] = [
    {"id": 1, "vector": {DENSE: [1.0, 2.0, 3.0]}},
    {"id": 1, "vector": {DENSE: [1.0, 2.0, 3.0, None]}},
    {"id": 1, "vector": {DENSE: [1.0, 2.0, 3.0, 1e300]}},
    {"id": 1, "vector": {DENSE: [1.0, 2.0, 3.0, True]}},
    {"id": 1, "vector": {"dance": VECTOR}},
    {"id": 1, "vector": VECTOR},
    {"id": 1, "vector": {SPARSE: VECTOR}},
    {"id": 1, "vector": {SPARSE: {"indices": [1, 2], "values": [1.0]}}},
    {"id": 1, "vector": {SPARSE: {"indices": [1, 1], "values": [1.0, 1.0]}}},
    {"id": 1, "vector": {SPARSE: {"indices": [2**32], "values": [1.0]}}},
    {"id": -1, "vector": {DENSE: VECTOR}},
    {"id": "one", "vector": {DENSE: VECTOR}},
    {"id": 1.5, "vector": {DENSE: VECTOR}},
    {"vector": {DENSE: VECTOR}},
    {"id": 1, "vector": {DENSE: VECTOR}, "payload": []},
    {"id": 1},
]


@pytest.mark.parametrize(("method", "path"), UNKNOWN_CALLS)
def test_an_unknown_call_is_not_implemented(http_client: httpx.Client, method: str, path: str) -> None:
    status, message = refusal(http_client.request(method, path, json={} if method != "GET" else None))
    assert status == 501
    assert f"{method} {path}" in message


@pytest.mark.parametrize(("call", "body", "named"), UNKNOWN_FORMS)
def test_an_unknown_field_or_kind_is_not_implemented(
    http_client: httpx.Client, call: str, body: dict[str, Any], named: str
) -> None:
    status, message = refusal(http_client.post(f"/collections/chunks/{call}", json=body))
    assert status == 501
    assert named in message


@pytest.mark.parametrize(("call", "body"), WRONG_FORMS)
def test_a_malformed_request_is_refused(http_client: httpx.Client, call: str, body: dict[str, Any]) -> None:
    assert refusal(http_client.post(f"/collections/chunks/{call}", json=body))[0] == 400


@pytest.mark.parametrize("wrong", WRONG_POINTS)
def test_a_wrong_point_is_refused_with_all_that_came_with_it(http_client: httpx.Client, wrong: dict[str, Any]) -> None:
    good = {"id": 77, "vector": {DENSE: VECTOR}}
    response = http_client.put("/collections/chunks/points?wait=true", json={"points": [good, wrong]})
    assert refusal(response)[0] == 400
    assert http_client.post("/collections/chunks/points", json={"ids": [77]}).json()["result"] == []


@pytest.mark.parametrize("text", ["{", "[1]", '{"query": [NaN, 0, 0, 0]}', '{"limit": 1e999}', ""])
def test_a_body_that_is_no_json_object_is_refused(http_client: httpx.Client, text: str) -> None:
    headers = {"content-type": "application/json"}
    response = http_client.post("/collections/chunks/points/query", content=text, headers=headers)
    assert refusal(response)[0] == 400


def test_filters_nested_beyond_reason_are_refused(http_client: httpx.Client) -> None:
    nested: dict[str, Any] = {}
    for _ in range(300):
        nested = {"must": [nested]}
    assert refusal(http_client.post("/collections/chunks/points/count", json={"filter": nested}))[0] == 400


def test_a_body_of_another_type_is_refused_so_that_no_web_page_can_write(http_client: httpx.Client) -> None:
    headers = {"content-type": "text/plain"}
    response = http_client.post("/collections/chunks/points/delete", content='{"points": [1]}', headers=headers)
    assert refusal(response)[0] == 415


def test_a_body_over_the_limit_is_refused_before_it_is_sent(server: IndexProcess) -> None:
    address = urlsplit(server.url)
    with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)) as connection:
        connection.putrequest("PUT", "/collections/chunks/points")
        connection.putheader("content-length", str(2**30))
        connection.endheaders()
        assert connection.getresponse().status == 413


@pytest.mark.parametrize("parameter", ["shard=1", "wait=perhaps", "timeout=0", "ordering=sometimes"])
def test_an_unknown_query_parameter_is_refused(http_client: httpx.Client, parameter: str) -> None:
    response = http_client.post(f"/collections/chunks/points/delete?{parameter}", json={"points": [99]})
    assert refusal(response)[0] in (400, 501)


def test_an_unknown_collection_is_not_found(http_client: httpx.Client) -> None:
    status, message = refusal(http_client.post("/collections/nothing/points/count", json={}))
    assert (status, message) == (404, "Not found: Collection `nothing` doesn't exist!")


def test_an_unknown_point_is_not_found(http_client: httpx.Client) -> None:
    assert refusal(http_client.get("/collections/chunks/points/99"))[0] == 404
    assert http_client.get("/collections/chunks/points/1").json()["result"]["payload"]["document_id"] == "a"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"vectors": {DENSE: {"size": 4, "distance": "Cosine"}}}, 409),
        ({}, 400),
        ({"vectors": {"size": 4, "distance": "Cosine"}}, 501),
        ({"vectors": {DENSE: {"size": 4, "distance": "Cosine", "quantization_config": {}}}}, 501),
        ({"vectors": {DENSE: {"size": 4, "distance": "Cosine", "multivector_config": {}}}}, 501),
        ({"vectors": {DENSE: {"size": 4, "distance": "Cosine", "hnsw_config": {"inline_storage": True}}}}, 501),
        ({"vectors": {DENSE: {"size": 4, "distance": "Cosine", "hnsw_config": {"m": "many"}}}}, 400),
        ({"vectors": {DENSE: {"size": 4, "distance": "Far"}}}, 400),
        ({"vectors": {DENSE: {"size": 0, "distance": "Dot"}}}, 400),
        ({"sparse_vectors": {SPARSE: {"modifier": "tf"}}}, 400),
        ({"sparse_vectors": {SPARSE: {}}, "hnsw_config": {"m": 8}}, 501),
        ({"sparse_vectors": {SPARSE: {}}, "shard_number": 2}, 501),
        ({"sparse_vectors": {"../up": {}}}, 400),
        ({"sparse_vectors": {"": {}}}, 400),
    ],
)
def test_a_collection_that_cannot_be_is_refused(http_client: httpx.Client, body: dict[str, Any], status: int) -> None:
    assert refusal(http_client.put("/collections/chunks", json=body))[0] == status


@pytest.mark.parametrize("kind", ["text", "geo", {"type": "keyword", "is_tenant": True}])
def test_an_unknown_payload_index_is_not_implemented(http_client: httpx.Client, kind: object) -> None:
    body = {"field_name": "text", "field_schema": kind}
    assert refusal(http_client.put("/collections/chunks/index", json=body))[0] == 501


def test_alias_changes_are_all_made_or_none(http_client: httpx.Client) -> None:
    good = {"create_alias": {"collection_name": "chunks", "alias_name": "other"}}
    wrong = {"create_alias": {"collection_name": "nothing", "alias_name": "another"}}
    response = http_client.post("/collections/aliases", json={"actions": [good, wrong]})
    assert refusal(response)[0] == 404
    assert http_client.get("/aliases").json()["result"] == {"aliases": []}
