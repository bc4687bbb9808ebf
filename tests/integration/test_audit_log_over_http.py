"""The audit log as administrators see it: each act leaves exactly its events, and the chain can be checked by hand."""

import getpass
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.audit_chain import GENESIS, digest
from services.api.cursors import encode
from tests.integration.test_command_line import runner
from tests.system import ADMIN, System, upload

QUESTION = "What is the lunch allowance?"
PASSWORD = "correct horse battery staple"
Acts = dict[tuple[str, str], list[str]]
# What each route that may change something leaves in the log, and then what each that shows documents' texts does.
AUDITED: Acts = {
    ("post", "/v1/documents"): ["upload_complete"],
    ("post", "/v1/documents/batch"): ["upload_complete"],
    ("delete", "/v1/documents/{document_id}"): ["sensitive_delete"],
    ("post", "/v1/documents/{document_id}/retry"): ["sensitive_update"],
    ("put", "/v1/documents/{document_id}/grants"): ["privilege_permissions_changed"],
    ("post", "/v1/search"): ["sensitive_read"],
    ("post", "/v1/ask"): ["sensitive_read"],
    ("post", "/v1/chat/completions"): ["sensitive_read"],
    ("post", "/mcp"): ["sensitive_read"],
    ("post", "/v1/conversations"): ["sensitive_create"],
    ("patch", "/v1/conversations/{conversation_id}"): ["sensitive_update"],
    ("delete", "/v1/conversations/{conversation_id}"): ["sensitive_delete"],
    ("post", "/v1/answers/{answer_id}/feedback"): ["sensitive_update"],
    ("post", "/v1/sessions"): ["authn_login_success"],
    ("put", "/v1/me/password"): ["authn_password_change"],
    ("delete", "/v1/sessions/current"): ["session_expired"],
    ("post", "/v1/users"): ["user_created", "authn_token_created"],
    ("patch", "/v1/users/{user_id}"): ["user_updated"],
    ("post", "/v1/users/{user_id}/sign-in-links"): ["authn_token_created"],
    ("put", "/v1/groups/{name}/members/{email}"): ["privilege_permissions_changed"],
    ("delete", "/v1/groups/{name}/members/{email}"): ["privilege_permissions_changed"],
    ("post", "/v1/api-keys"): ["authn_token_created"],
    ("delete", "/v1/api-keys/{key_id}"): ["authn_token_revoked"],
    ("post", "/v1/data-sources"): ["authz_admin"],
    ("patch", "/v1/data-sources/{name}"): ["authz_admin"],
    ("post", "/v1/data-sources/{name}/sync"): ["authz_admin"],
    ("delete", "/v1/data-sources/{name}"): ["authz_admin"],
    ("post", "/v1/admin/verify"): ["authz_admin"],
}
READ: Acts = {
    ("get", "/v1/documents/{document_id}/text"): ["sensitive_read"],
    ("get", "/v1/documents/{document_id}/file"): ["sensitive_read"],
    ("get", "/v1/conversations/{conversation_id}/messages"): ["sensitive_read"],
    ("get", "/v1/answers/{answer_id}/explain"): ["sensitive_read"],
}


@dataclass
class Log:
    """The events since the last look."""

    system: System
    seen: int = 0
    acted: set[tuple[str, str]] = field(default_factory=set)

    def new(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while True:
            asked: dict[str, str | int] = {"limit": 1000, "cursor": encode(str(self.seen))}
            page = self.system.admin.get("/v1/admin/audit", params=asked).json()
            events += page["items"]
            if not page["items"]:
                return events
            self.seen = events[-1]["sequence"]

    def left(self, method: str, path: str, answer: httpx.Response) -> list[dict[str, Any]]:
        """What this act left, which must be what the tables say."""
        assert answer.is_success, answer.text
        self.acted.add((method, path))
        events = self.new()
        assert [event["event"] for event in events] == (AUDITED | READ)[method, path], (method, path, events)
        return events


@pytest.fixture
def log(assistant: System) -> Log:
    made = Log(assistant)
    made.new()
    return made


def test_every_route_that_may_change_something_is_audited(assistant: System) -> None:
    paths = assistant.client(None).get("/openapi.json").json()["paths"]
    changing = {(method, path) for path, methods in paths.items() for method in methods if method != "get"}
    assert changing == set(AUDITED)


def test_each_act_leaves_exactly_its_events(log: Log, assistant: System) -> None:
    _manage_people(log, assistant)
    writer = assistant.person("auditwriter@example.com")
    log.new()
    _send_and_read(log, assistant, writer)
    _ask(log, writer)
    _administer(log, assistant)
    assert log.acted == set(AUDITED | READ)


def _manage_people(log: Log, assistant: System) -> None:
    admin = assistant.admin
    created = admin.post("/v1/users", json={"email": "audited@example.com"})
    events = log.left("post", "/v1/users", created)
    user_id = created.json()["id"]
    assert {event["subject"] for event in events} == {f"user:{user_id}"}
    renamed = admin.patch(f"/v1/users/{user_id}", json={"name": "Audited"})
    (event,) = log.left("patch", "/v1/users/{user_id}", renamed)
    assert event["details"]["changed"]["name"] == ["audited@example.com", "Audited"]
    link = admin.post(f"/v1/users/{user_id}/sign-in-links")
    log.left("post", "/v1/users/{user_id}/sign-in-links", link)
    member = "/v1/groups/{name}/members/{email}"
    log.left("put", member, admin.put("/v1/groups/audited/members/audited@example.com"))
    log.left("delete", member, admin.delete("/v1/groups/audited/members/audited@example.com"))
    token = link.json()["url"].partition("#token=")[2]
    browser = assistant.client(None)
    browser.headers["Origin"] = assistant.url
    (event,) = log.left("post", "/v1/sessions", browser.post("/v1/sessions", json={"token": token}))
    assert (event["actor"], event["address"]) == ("audited@example.com", "127.0.0.1")
    set_password = browser.put("/v1/me/password", json={"password": PASSWORD})
    log.left("put", "/v1/me/password", set_password)
    cookie = browser.cookies["footnote_session"]
    log.left("delete", "/v1/sessions/current", browser.delete("/v1/sessions/current"))
    key = admin.post("/v1/api-keys", json={"name": "audited", "user": "audited@example.com"})
    log.left("post", "/v1/api-keys", key)
    revoked = admin.delete(f"/v1/api-keys/{key.json()['id']}")
    log.left("delete", "/v1/api-keys/{key_id}", revoked)
    whole = admin.get("/v1/admin/audit", params={"limit": 200}).text
    _, key_id, secret = key.json()["key"].split("_", 2)  # a secret may hold underscores of its own
    assert key_id in whole
    for hidden in (token, PASSWORD, secret, cookie):
        assert len(hidden) > 10
        assert hidden not in whole


def _send_and_read(log: Log, assistant: System, writer: httpx.Client) -> None:
    sent = upload(writer, "lunch.txt", b"The lunch allowance is 12 euros a day.", external_id="audited-lunch")
    (event,) = log.left("post", "/v1/documents", sent)
    where, document_id = f"/v1/documents/{sent.json()['id']}", sent.json()["id"]
    assert (event["actor"], event["subject"]) == ("auditwriter@example.com", f"document:{document_id}")
    assistant.settled(document_id, client=writer)
    log.left("get", "/v1/documents/{document_id}/text", writer.get(f"{where}/text"))
    log.left("get", "/v1/documents/{document_id}/file", writer.get(f"{where}/file"))
    granted = writer.put(f"{where}/grants", json={"grants": ["group:audited", "user:auditwriter@example.com"]})
    (event,) = log.left("put", "/v1/documents/{document_id}/grants", granted)
    assert event["details"]["old"] == ["user:auditwriter@example.com"]
    files = [("file", (f"audited-{number}.txt", b"Nothing.")) for number in range(3)]
    (event,) = log.left("post", "/v1/documents/batch", writer.post("/v1/documents/batch", files=files))
    assert (event["details"]["new"], len(event["details"]["documents"])) == (3, 3)
    bad = upload(writer, "audited.pdf", b"%PDF-1.7 and no more").json()["id"]
    assert assistant.settled(bad, client=writer)["state"] == "failed"
    log.new()
    log.left("post", "/v1/documents/{document_id}/retry", writer.post(f"/v1/documents/{bad}/retry"))
    log.left("delete", "/v1/documents/{document_id}", writer.delete(f"/v1/documents/{bad}"))


def _ask(log: Log, writer: httpx.Client) -> None:
    (event,) = log.left("post", "/v1/search", writer.post("/v1/search", json={"query": QUESTION}))
    assert event["details"]["chunks"]
    answer = writer.post("/v1/ask", json={"question": QUESTION})
    (event,) = log.left("post", "/v1/ask", answer)
    assert (event["subject"], event["actor"]) == (f"answer:{answer.json()['id']}", "auditwriter@example.com")
    assert event["details"]["outcome"] == answer.json()["outcome"] == "answered"
    first = answer.json()["sources"][0]
    assert f"{first['document_id']}/{first['version']}/{first['start']}-{first['end']}" in event["details"]["sources"]
    streamed = writer.post("/v1/ask", json={"question": QUESTION, "stream": True})
    assert QUESTION not in json.dumps(log.left("post", "/v1/ask", streamed))
    chat = {"model": "footnote", "messages": [{"role": "user", "content": QUESTION}]}
    log.left("post", "/v1/chat/completions", writer.post("/v1/chat/completions", json=chat))
    call = {"name": "search", "arguments": {"query": QUESTION}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    accept = {"Accept": "application/json, text/event-stream"}
    (event,) = log.left("post", "/mcp", writer.post("/mcp", json=body, headers=accept))
    assert (event["actor"], event["address"]) == ("auditwriter@example.com", "127.0.0.1")
    conversation = f"/v1/conversations/{answer.json()['conversation_id']}"
    log.left("get", "/v1/conversations/{conversation_id}/messages", writer.get(f"{conversation}/messages"))
    explained = writer.get(f"/v1/answers/{answer.json()['id']}/explain")
    log.left("get", "/v1/answers/{answer_id}/explain", explained)
    rated = writer.post(f"/v1/answers/{answer.json()['id']}/feedback", json={"rating": "up", "comment": "thanks"})
    log.left("post", "/v1/answers/{answer_id}/feedback", rated)
    renamed = writer.patch(conversation, json={"title": "Lunch"})
    log.left("patch", "/v1/conversations/{conversation_id}", renamed)
    log.left("delete", "/v1/conversations/{conversation_id}", writer.delete(conversation))
    log.left("post", "/v1/conversations", writer.post("/v1/conversations", json={"title": "Mine"}))


def _administer(log: Log, assistant: System) -> None:
    admin, where = assistant.admin, "/v1/data-sources/{name}"
    new = {"name": "audited", "connector": "web", "options": {"url": "https://example.com/"}, "sync": False}
    log.left("post", "/v1/data-sources", admin.post("/v1/data-sources", json=new))
    changed = admin.patch("/v1/data-sources/audited", json={"grants": ["everyone"], "every_s": None})
    (event,) = log.left("patch", where, changed)
    assert event["details"]["new"] == ["everyone"]
    log.left("post", f"{where}/sync", admin.post("/v1/data-sources/audited/sync", json={}))
    log.left("delete", where, admin.delete("/v1/data-sources/audited", params={"confirm": True}))
    log.left("post", "/v1/admin/verify", admin.post("/v1/admin/verify", json={"repair": False}))


def test_refusals_and_failed_sign_ins_are_in_the_log(log: Log, assistant: System) -> None:
    reader = assistant.person("auditreader@example.com", scopes=["read"])
    log.new()
    assert upload(reader, "x.txt", b"x").status_code == 403
    (refused,) = log.new()
    assert (refused["event"], refused["actor"], refused["level"]) == (
        "authz_fail",
        "auditreader@example.com",
        "CRITICAL",
    )
    assert refused["details"] == {"method": "POST", "route": "/v1/documents"}
    for email in ("auditreader@example.com", "hunter2@example.com"):
        attempt = {"email": email, "password": "not the right one"}
        assert assistant.client(None).post("/v1/sessions", json=attempt).status_code == 401
    known, unknown = log.new()
    assert (known["event"], unknown["event"]) == ("authn_login_fail", "authn_login_fail")
    assert known["subject"].startswith("user:")
    assert unknown["subject"] is None
    assert "hunter2" not in json.dumps(unknown)


def test_an_operators_verb_acts_as_itself_and_its_user(log: Log, assistant: System) -> None:
    command = [sys.executable, "-m", "services", "sign-in", ADMIN]
    printed = subprocess.run(command, env=dict(assistant.environment), capture_output=True, text=True, check=True)
    (event,) = log.new()
    assert (event["event"], event["actor"]) == ("authn_token_created", f"footnote sign-in ({getpass.getuser()})")
    assert printed.stdout.count("\n") == 1
    assert printed.stdout.partition("#token=")[2].strip() not in json.dumps(event)


def test_anybody_can_check_the_chain_from_what_the_page_says(log: Log, assistant: System) -> None:
    log.seen = 0
    events = log.new()
    assert events[0]["previous_hash"] == GENESIS
    for before, after in pairwise(events):
        assert after["previous_hash"] == before["hash"] == digest(before)
        assert after["sequence"] == before["sequence"] + 1


@pytest.fixture
def run(assistant: System, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    return runner(assistant, tmp_path)


def test_the_command_line_lists_and_verifies(run: Callable[..., Any], assistant: System) -> None:
    assistant.person("auditlisted@example.com")
    listed = run("audit", "list", "--event", "user_created")
    assert listed.returncode == 0, listed.stderr
    assert max(map(len, listed.stdout.splitlines())) <= 80
    assert "user_created" in listed.stdout
    lines = run("audit", "list", "--event", "user_created", "--json").stdout.splitlines()
    assert "auditlisted@example.com" in {json.loads(line)["details"]["email"] for line in lines}
    whole = run("audit", "verify", "--json")
    said = json.loads(whole.stdout)
    assert (whole.returncode, said["whole"]) == (0, True), whole.stderr
    assistant.person("auditlater@example.com")
    kept = ("--sequence", str(said["sequence"]), "--head")
    assert run("audit", "verify", *kept, said["head"]).returncode == 0
    rewritten = run("audit", "verify", *kept, "0" * 64)
    assert rewritten.returncode == 1
    assert f"broken at event {said['sequence']}" in rewritten.stderr
    cut = run("audit", "verify", "--sequence", "100000000", "--head", said["head"])
    assert (cut.returncode, "cut off" in cut.stderr) == (1, True)
    assert run("audit", "verify", "--sequence", "1").returncode == 2
