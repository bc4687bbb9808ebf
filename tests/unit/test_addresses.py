"""Addresses: what is not there is not found, by whatever method; what is there names its methods."""

import pytest
from fastapi.testclient import TestClient

from services.api.app import create_app

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(create_app(), raise_server_exceptions=False, follow_redirects=False)


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/v1/documents/", "/mcp/", "/healthz/", "/.well-known/x"]
)
@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_address_of_the_interface_is_not_found(client: TestClient, method: str, path: str) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert method == "HEAD" or response.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/v1/documents", "GET, POST"),
        ("POST", "/v1/documents/1", "GET, DELETE"),
        ("PUT", "/v1/conversations/1", "GET, PATCH, DELETE"),
        ("POST", "/v1/documents/1/file", "GET, HEAD"),
        ("HEAD", "/v1/me", "GET"),
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/readyz", "GET, HEAD"),
        ("POST", "/documents", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
    ],
)
def test_a_method_that_an_address_does_not_have_is_told_which_it_has(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert method == "HEAD" or response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/healthz", "/", "/documents/12"])
def test_the_head_of_an_address_is_that_of_its_answer(client: TestClient, path: str) -> None:
    whole, head = client.get(path), client.head(path)
    assert head.status_code == whole.status_code == 200
    assert head.headers["content-type"] == whole.headers["content-type"]
