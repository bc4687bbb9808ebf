"""Bad input over HTTP: a clear message, a stable code, nothing half stored."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.api.app import create_app
from services.api.cursors import encode
from tests.corpus.hostile.build import build
from tests.system import System, upload

LIMIT = 50 * 1024 * 1024


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("hostile"))


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = response.json()
    assert body["detail"]
    assert body["status"] == response.status_code
    return response.status_code, body["code"]


def stored(assistant: System) -> set[Path]:
    blobs = assistant.data_dir / "blobs"
    return {path for path in blobs.rglob("*") if path.is_file()}


def test_an_empty_file_is_refused_and_nothing_is_stored(assistant: System) -> None:
    assert problem(upload(assistant.admin, "empty.txt", b"")) == (422, "empty_file")
    listed = assistant.admin.get("/v1/documents", params={"q": "empty.txt"}).json()
    assert listed["items"] == []


def test_a_file_over_the_limit_is_refused_and_nothing_is_stored(assistant: System) -> None:
    before = stored(assistant)
    assert problem(upload(assistant.admin, "huge.bin", b"x" * (60 * 1024 * 1024))) == (413, "too_large")
    assert problem(upload(assistant.admin, "just.bin", b"x" * (LIMIT + 1))) == (413, "too_large")
    assert stored(assistant) == before


def test_a_large_file_without_a_stated_length_is_stopped_at_the_limit(assistant: System) -> None:
    boundary = "limit"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(60):
            yield b"x" * 1024 * 1024

    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    response = assistant.admin.post("/v1/documents", content=body(), headers=headers)
    assert problem(response) == (413, "too_large")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"data": {"metadata": "{}"}}, "invalid_input"),
        ({"json": {"file": "x"}}, "no_file"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"metadata": "{"}}, "invalid_metadata"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"metadata": '{"colour": 1}'}}, "invalid_metadata"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"metadata": '{"title": "a\\u0000b"}'}}, "invalid_metadata"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"metadata": '{"grants": ["boss"]}'}}, "invalid_grant"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"metadata": '{"grants": []}'}}, "invalid_grant"),
        ({"files": {"other": ("a.txt", b"x")}}, "invalid_form"),
    ],
)
def test_a_request_that_cannot_be_right_says_what_is_wrong(
    assistant: System, sent: dict[str, object], code: str
) -> None:
    status, found = problem(assistant.admin.post("/v1/documents", **sent))  # type: ignore[arg-type]
    assert status == 422
    assert found in {code, "no_file"} if code == "invalid_input" else found == code


def test_unknown_ids_cursors_and_addresses_answer_problems(assistant: System) -> None:
    get = assistant.admin.get
    assert problem(get("/v1/documents/none")) == (404, "not_found")
    assert problem(get("/v1/documents?cursor=garbage")) == (422, "invalid_cursor")
    assert problem(get("/v1/documents?limit=0")) == (422, "invalid_input")
    assert problem(get("/v1/nothing")) == (404, "not_found")
    assert problem(assistant.admin.patch("/v1/documents")) == (405, "method_not_allowed")
    assert problem(assistant.admin.post("/v1/ask", json={"question": "  "})) == (422, "invalid_input")
    assert problem(assistant.admin.post("/v1/search", content=b"{")) == (422, "invalid_input")
    assert problem(assistant.admin.post("/v1/search", json={"query": "x" * 2_000_000})) == (413, "too_large")


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"])
def test_a_moment_that_is_none_in_utc_is_refused(assistant: System, moment: str) -> None:
    for name in ("as_of", "modified_after", "modified_before"):
        filters = {name: moment}
        for address, said in (("/v1/search", {"query": "x"}), ("/v1/ask", {"question": "What is x?"})):
            answer = assistant.admin.post(address, json={**said, "filters": filters})
            assert problem(answer) == (422, "invalid_filter")
    assert problem(assistant.admin.post("/v1/api-keys", json={"expires_at": moment})) == (422, "invalid_input")
    for name in ("modified_at", "effective_from", "effective_until"):
        assert problem(upload(assistant.admin, "a.txt", b"x", **{name: moment})) == (422, "invalid_metadata")


def cursor(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


@pytest.mark.parametrize("address", ["conversations", "documents", "users", "data-sources/none/items"])
@pytest.mark.parametrize(
    "made",
    [
        "garbage",
        cursor(b"x"),
        cursor(b"x\x00y"),
        cursor(b"\x00\x00\x00"),
        cursor(b"2024-01-01\x00y\x00z\x00"),
        cursor(b"\xed\xa0\x80\x00"),
        cursor(b"2024-01-01T00:00:00Z\x00\xed\xa0\x80\x00"),
        cursor(b'["2024-01-01T00:00:00Z", "y"]'),
    ],
)
def test_a_cursor_that_no_list_gave_out_is_refused(assistant: System, address: str, made: str) -> None:
    assert problem(assistant.admin.get(f"/v1/{address}", params={"cursor": made})) == (422, "invalid_cursor")


@pytest.mark.parametrize("moment", ["x", "", "2024-13-01T00:00:00+00:00", "9999-12-31T23:59:59-05:00"])
def test_a_cursor_of_conversations_holds_a_moment(assistant: System, moment: str) -> None:
    answer = assistant.admin.get("/v1/conversations", params={"cursor": encode(moment, "y")})
    assert problem(answer) == (422, "invalid_cursor")


@pytest.mark.parametrize("version", [2, 2**31 - 1, 2**31, 2**63, 10**20])
def test_a_version_that_cannot_be_is_not_found(assistant: System, version: int) -> None:
    document = assistant.send("versions.txt", b"There is one version of this.")["id"]
    answer = assistant.admin.get(f"/v1/documents/{document}/text", params={"version": version})
    assert problem(answer) == (404, "not_found")
    assert "(code: not_found)" in told_by_tool(assistant, "read_document", document_id=document, version=version)


def told_by_tool(assistant: System, tool: str, **arguments: object) -> str:
    """The words in which a tool of `/mcp` refuses these arguments."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    answer = assistant.admin.post("/mcp", json=call, headers={"Accept": "application/json, text/event-stream"})
    result = answer.json()["result"]
    assert result["isError"]
    return str(result["content"][0]["text"])


NUL = "a\x00b"


@pytest.mark.parametrize(
    ("method", "address", "body", "code"),
    [
        ("POST", "ask", {"question": NUL}, "invalid_input"),
        ("POST", "ask", {"question": "What?", "conversation_id": NUL}, "invalid_input"),
        ("POST", "ask", {"question": "What?", "conversation_id": "none", "replaces": NUL}, "invalid_input"),
        ("POST", "ask", {"question": "What?", "filters": {"document_ids": [NUL]}}, "invalid_filter"),
        ("POST", "search", {"query": NUL}, "invalid_input"),
        ("POST", "search", {"query": "x", "filters": {"data_sources": [NUL]}}, "invalid_filter"),
        ("POST", "search", {"query": "x", "filters": {"media_types": [NUL]}}, "invalid_filter"),
        ("POST", "conversations", {"title": NUL}, "invalid_input"),
        ("PATCH", "conversations/none", {"title": NUL}, "invalid_input"),
        ("POST", "answers/none/feedback", {"rating": "up", "comment": NUL}, "invalid_input"),
        ("PUT", "documents/none/grants", {"grants": [f"user:{NUL}"]}, "invalid_input"),
        ("POST", "sessions", {"email": NUL, "password": "a password"}, "invalid_input"),
        ("POST", "users", {"email": f"{NUL}@example.com"}, "invalid_input"),
        ("POST", "users", {"email": "nul@example.com", "name": NUL}, "invalid_input"),
        ("PATCH", "users/none", {"name": NUL}, "invalid_input"),
        ("POST", "api-keys", {"name": NUL}, "invalid_input"),
        ("GET", "documents?id=none&id=%00", None, "invalid_input"),
    ],
)
def test_a_text_with_a_nul_is_refused(
    assistant: System, method: str, address: str, body: dict[str, object] | None, code: str
) -> None:
    assert problem(assistant.admin.request(method, f"/v1/{address}", json=body)) == (422, code)


def test_a_tool_refuses_a_nul(assistant: System) -> None:
    assert "(code: not_found)" in told_by_tool(assistant, "read_document", document_id=NUL)
    assert "(code: invalid_input)" in told_by_tool(assistant, "ask", question="What?", conversation_id=NUL)
    assert "(code: invalid_input)" in told_by_tool(assistant, "ask", question=NUL)


def with_parameters(kind: str) -> list[tuple[str, str, str]]:
    """Every method, path and parameter of our routes that is sent in the path, or in the query."""
    paths = create_app().openapi()["paths"]
    return [
        (method, path, parameter["name"])
        for path, methods in paths.items()
        for method, route in methods.items()
        for parameter in route.get("parameters", ())
        if parameter["in"] == kind
    ]


@pytest.mark.parametrize("name", ["%00", "a%00b"])
@pytest.mark.parametrize(("method", "path", "parameter"), with_parameters("path"))
def test_nothing_is_found_under_a_name_with_a_nul(
    assistant: System, method: str, path: str, parameter: str, name: str
) -> None:
    address = re.sub(r"{(\w+)}", lambda part: name if part[1] == parameter else "none", path)
    response = assistant.admin.request(method, address)
    # OpenAI's routes say it in OpenAI's form.
    assert (response.status_code, response.json().get("error", response.json())["code"]) == (404, "not_found")
    assert assistant.client(None).request(method, address).status_code == 401


@pytest.mark.parametrize(("method", "path", "parameter"), with_parameters("query"))
def test_a_query_with_a_nul_is_refused(assistant: System, method: str, path: str, parameter: str) -> None:
    answer = assistant.admin.request(method, re.sub(r"{\w+}", "none", path), params={parameter: NUL})
    assert problem(answer) == (422, "invalid_cursor" if parameter == "cursor" else "invalid_input")


EXPECTED = {
    "no-pages.pdf": {"no_text", "corrupt"},
    "encrypted.pdf": {"encrypted"},
    "truncated.pdf": {"corrupt", "no_text"},
    "image.pdf": {"type_mismatch"},
    "archive.docx": {"type_mismatch", "corrupt"},
    "bomb.docx": {"parse_limit"},
    "program.txt": {"type_mismatch", "unsupported_type"},
}


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_a_file_that_cannot_become_a_document_fails_with_a_reason(
    assistant: System, hostile: dict[str, Path], kind: str
) -> None:
    document = assistant.send(kind, hostile[kind].read_bytes())
    assert document["state"] == "failed", document
    assert document["code"] in EXPECTED[kind]
    assert document["reason"].endswith(".")
    assert document["chunks"] is None
    hits = assistant.admin.post("/v1/search", json={"query": kind, "filters": {"document_ids": [document["id"]]}})
    assert hits.json()["hits"] == []


def test_no_hostile_file_kills_the_worker_or_stays_unfinished(assistant: System, hostile: dict[str, Path]) -> None:
    sent = [upload(assistant.admin, name, file.read_bytes()) for name, file in hostile.items()]
    for response in sent:
        if response.status_code == 202:
            document = assistant.settled(response.json()["id"])
            assert document["state"] in ("ready", "failed"), document
    assert assistant.processes["worker"].poll() is None
    assert assistant.send("after.txt", b"Work goes on after hostile files.")["state"] == "ready"


def test_an_office_behind_one_address_signs_in_at_once_but_nobody_guesses_passwords(assistant: System) -> None:
    for number in range(12):
        user = assistant.admin.post("/v1/users", json={"email": f"office-{number}@example.com"}).json()
        token = user["sign_in_url"].split("token=")[1]
        assert assistant.client(None).post("/v1/sessions", json={"token": token}).status_code == 201
    guess = {"email": "office-0@example.com", "password": "a guess"}
    answers = [problem(assistant.client(None).post("/v1/sessions", json=guess)) for _ in range(11)]
    assert {status for status, _ in answers[:10]} == {401}
    assert answers[10] == (429, "too_many_attempts")


def test_a_browser_on_another_site_cannot_act_with_the_session_cookie(assistant: System) -> None:
    user = assistant.admin.post("/v1/users", json={"email": "browser@example.com"}).json()
    token = user["sign_in_url"].split("token=")[1]
    browser = assistant.client(None)
    assert problem(browser.post("/v1/sessions", json={"token": "wrong"}))[1] == "invalid_link"
    signed_in = browser.post("/v1/sessions", json={"token": token})
    assert signed_in.status_code == 201
    assert "httponly" in signed_in.headers["set-cookie"].casefold()
    assert problem(browser.post("/v1/sessions", json={"token": token}))[1] == "invalid_link"  # once only
    body = {"query": "x"}
    assert problem(browser.post("/v1/search", json=body))[1] == "cross_site"
    assert problem(browser.post("/v1/search", json=body, headers={"Origin": "https://evil.example"}))[0] == 403
    assert browser.post("/v1/search", json=body, headers={"Origin": assistant.url}).status_code == 200
    assert browser.get("/v1/me").json()["email"] == "browser@example.com"
    assert browser.delete("/v1/sessions/current", headers={"Origin": assistant.url}).status_code == 204
    assert browser.get("/v1/me").status_code == 401
