"""What comes over HTTP is what the OpenAPI document says: status, media type, form and who is let in."""

import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from services.api.app import create_app
from tests.system import System, upload

DOCUMENT: dict[str, Any] = create_app().openapi()
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
TEXT = b"The ferry to the island leaves at ten."


def check(response: httpx.Response, method: str, path: str) -> httpx.Response:
    """Fail unless the operation declares this response."""
    declared = DOCUMENT["paths"][path][method]["responses"]
    status = str(response.status_code)
    said = declared.get(status) or declared.get(f"{status[0]}XX")
    assert said, f"{method} {path} answers {status}"
    media_type = response.headers.get("content-type", "").partition(";")[0]
    contents = said.get("content", {})
    if not contents:
        assert not response.content
        return response
    content = contents.get(media_type) or contents.get("*/*")
    assert content, f"{method} {path} answers {status} as {media_type}, not as {list(contents)}"
    if media_type.endswith("json"):
        schema = content["schema"] | {"components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(response.json())
    return response


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whoever_is_not_let_in_is_where_the_document_says(assistant: System, method: str, path: str) -> None:
    response = assistant.client(None).request(method, re.sub(r"{\w+}", "none", path))
    check(response, method, path)
    assert (response.status_code == 401) is ("security" in DOCUMENT["paths"][path][method])


def test_what_takes_one_way_to_say_who_calls_says_so(assistant: System) -> None:
    secured = {(path, method): DOCUMENT["paths"][path][method].get("security") for method, path in OPERATIONS}
    assert secured["/mcp", "post"] == [{"bearer": []}]
    assert secured["/v1/me/password", "put"] == [{"session": []}]
    assert secured["/v1/ask", "post"] == [{"bearer": []}, {"session": []}]
    with_key = assistant.admin.put("/v1/me/password", json={"password": "correct horse battery staple"})
    assert (with_key.status_code, with_key.json()["code"]) == (403, "session_required")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_request_that_says_nothing_is_answered_as_declared(assistant: System, method: str, path: str) -> None:
    response = assistant.admin.request(method, re.sub(r"{\w+}", "none", path))
    if path != "/mcp":  # whose errors are the protocol's own
        check(response, method, path)


def test_a_document_is_sent_and_read_as_declared(assistant: System) -> None:
    sent = check(upload(assistant.admin, "ferry.txt", TEXT), "post", "/v1/documents")
    document = sent.json()["id"]
    assert assistant.settled(document)["state"] == "ready"
    again = check(upload(assistant.admin, "ferry.txt", TEXT), "post", "/v1/documents")
    assert (sent.status_code, again.status_code) == (202, 200)
    for name in ("", "/text", "/file"):
        address = f"/v1/documents/{document}{name}"
        assert check(assistant.admin.get(address), "get", "/v1/documents/{document_id}" + name).status_code == 200
    wrong = check(upload(assistant.admin, "ferry.txt", b""), "post", "/v1/documents")
    assert wrong.status_code == 422


@pytest.mark.parametrize(("ranges", "status"), [("bytes=4-8", 206), ("bytes=999-", 416), ("bytes=x", 200)])
def test_ranges_of_an_original_come_as_declared(assistant: System, ranges: str, status: int) -> None:
    document = assistant.send("ferry.txt", TEXT)["id"]
    address = f"/v1/documents/{document}/file"
    found = check(assistant.admin.get(address, headers={"Range": ranges}), "get", "/v1/documents/{document_id}/file")
    assert found.status_code == status
    # RFC 9110 (14.2) knows ranges for GET alone.
    head = assistant.admin.head(address, headers={"Range": ranges})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(TEXT))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("top_k", [8, 0])
def test_an_answer_comes_as_declared(assistant: System, stream: bool, top_k: int) -> None:
    asked = {"question": "When does the ferry leave?", "stream": stream, "top_k": top_k}
    check(assistant.admin.post("/v1/ask", json=asked), "post", "/v1/ask")
    said = {"model": "footnote", "messages": [{"role": "user", "content": asked["question"]}], "stream": stream}
    completion = assistant.admin.post("/v1/chat/completions", json={**said, "footnote": {"top_k": top_k}})
    check(completion, "post", "/v1/chat/completions")


def test_what_is_ready_has_a_head_and_one_form_whether_it_is_or_not(assistant: System) -> None:
    assert assistant.client(None).head("/readyz").status_code == 200
    declared = DOCUMENT["paths"]["/readyz"]["get"]["responses"]
    assert declared["200"]["content"] == declared["503"]["content"]


def test_the_metadata_of_a_file_has_its_schema() -> None:
    for path, reached in (("/v1/documents", ()), ("/v1/documents/batch", ("items",))):
        form = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        schema = form["properties"]["metadata"]["contentSchema"]
        for name in reached:
            schema = schema[name]
        whole = schema | {"components": DOCUMENT["components"]}
        Draft202012Validator(whole).validate({"data_source": "hr", "supersedes": ["a", {"external_id": "b"}]})
        assert not Draft202012Validator(whole).is_valid({"colour": 1})
