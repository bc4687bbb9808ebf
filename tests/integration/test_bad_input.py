"""Bad input over HTTP: a clear message, a stable code, nothing half stored."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

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
        ({"files": {"other": ("a.txt", b"x")}}, "no_file"),
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
