"""The canary matrix: a document full of unique words, every route of the OpenAPI document, all who may not read it.

A foreign word anywhere in a response is a failure; so is a route that the matrix does not know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.system import System, upload

CANARIES = ("xanthocroid", "quillwort", "brimborion", "tatterdemalion", "zugzwang", "cachinnate")
MISSING = "00000000-0000-0000-0000-000000000000"
PUBLIC = {("get", "/healthz"), ("get", "/readyz"), ("get", "/metrics")}
# These take credentials instead of a principal, and show nothing of anybody's documents.
SIGNING_IN = {
    ("post", "/v1/sessions"),
    ("delete", "/v1/sessions/current"),
    ("get", "/v1/sessions/methods"),
    ("get", "/v1/sessions/oidc"),
    ("get", "/v1/sessions/oidc/callback"),
    ("get", "/v1/sessions/oidc/sign-out"),
}

Call = Callable[[httpx.Client, str], httpx.Response]


@dataclass(frozen=True)
class Scene:
    """A secret document, its owner's conversation about it, and everybody around."""

    system: System
    document_id: str
    conversation_id: str
    answer_id: str
    key_id: str
    people: dict[str, httpx.Client]


def _json(method: str, path: str, body: Any = None) -> Call:
    def call(client: httpx.Client, target: str) -> httpx.Response:
        content = body(target) if callable(body) else body
        return client.request(method.upper(), path.format(id=target), json=content)

    return call


def _tool(name: str, arguments: Any) -> Call:
    """A call of a tool of the Model Context Protocol."""

    def call(client: httpx.Client, target: str) -> httpx.Response:
        params = {"name": name, "arguments": arguments(target) if callable(arguments) else arguments}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return client.post("/mcp", json=body, headers={"Accept": "application/json, text/event-stream"})

    return call


def _code(response: httpx.Response) -> Any:
    """The stable code of an error, in either form."""
    body = response.json()
    return body["error"]["code"] if "error" in body else body["code"]


QUERY = " ".join(CANARIES)
QUESTION = "What is the secret word of the vault?"
# One entry a route. `{id}` becomes the foreign id, then one that does not exist.
MATRIX: dict[tuple[str, str], Call] = {
    ("post", "/v1/documents"): lambda client, _: upload(client, "own.txt", b"Nothing to see here.", external_id="own"),
    ("post", "/v1/documents/batch"): lambda client, _: client.post(
        "/v1/documents/batch", files=[("file", ("a.txt", b"Nothing here.")), ("file", ("b.txt", b""))]
    ),
    ("get", "/v1/documents"): _json("get", "/v1/documents?q=xanthocroid&limit=200"),
    ("get", "/v1/documents/{document_id}"): _json("get", "/v1/documents/{id}"),
    ("delete", "/v1/documents/{document_id}"): _json("delete", "/v1/documents/{id}"),
    ("post", "/v1/documents/{document_id}/retry"): _json("post", "/v1/documents/{id}/retry"),
    ("put", "/v1/documents/{document_id}/grants"): _json("put", "/v1/documents/{id}/grants", {"grants": ["everyone"]}),
    ("get", "/v1/documents/{document_id}/text"): _json("get", "/v1/documents/{id}/text?version=1"),
    ("get", "/v1/documents/{document_id}/file"): _json("get", "/v1/documents/{id}/file"),
    ("post", "/v1/search"): _json(
        "post",
        "/v1/search",
        lambda target: {"query": "the secret word", "filters": {"document_ids": [target]}, "explain": True},
    ),
    ("post", "/v1/ask"): _json("post", "/v1/ask", {"question": QUESTION}),
    ("post", "/v1/chat/completions"): _json(
        "post", "/v1/chat/completions", {"model": "footnote", "messages": [{"role": "user", "content": QUESTION}]}
    ),
    ("get", "/v1/models"): _json("get", "/v1/models"),
    ("get", "/v1/models/{model}"): _json("get", "/v1/models/{id}"),
    ("post", "/mcp"): _tool("read_document", lambda target: {"document_id": target}),
    ("get", "/v1/conversations"): _json("get", "/v1/conversations?limit=200"),
    ("post", "/v1/conversations"): _json("post", "/v1/conversations", {"title": "Mine"}),
    ("get", "/v1/conversations/{conversation_id}"): _json("get", "/v1/conversations/{id}"),
    ("patch", "/v1/conversations/{conversation_id}"): _json("patch", "/v1/conversations/{id}", {"title": "Taken"}),
    ("delete", "/v1/conversations/{conversation_id}"): _json("delete", "/v1/conversations/{id}"),
    ("get", "/v1/conversations/{conversation_id}/messages"): _json("get", "/v1/conversations/{id}/messages"),
    ("get", "/v1/answers/{answer_id}/explain"): _json("get", "/v1/answers/{id}/explain"),
    ("post", "/v1/answers/{answer_id}/feedback"): _json("post", "/v1/answers/{id}/feedback", {"rating": "up"}),
    ("get", "/v1/me"): _json("get", "/v1/me"),
    ("put", "/v1/me/password"): _json("put", "/v1/me/password", {"password": "short"}),
    ("get", "/v1/users"): _json("get", "/v1/users"),
    ("post", "/v1/users"): _json("post", "/v1/users", {"email": "x@example.com"}),
    ("patch", "/v1/users/{user_id}"): _json("patch", "/v1/users/{id}", {"disabled": True}),
    ("post", "/v1/users/{user_id}/sign-in-links"): _json("post", "/v1/users/{id}/sign-in-links"),
    ("get", "/v1/groups"): _json("get", "/v1/groups"),
    ("put", "/v1/groups/{name}/members/{email}"): _json("put", "/v1/groups/hr/members/eve@example.com"),
    ("delete", "/v1/groups/{name}/members/{email}"): _json("delete", "/v1/groups/nobody/members/eve@example.com"),
    ("get", "/v1/api-keys"): _json("get", "/v1/api-keys"),
    ("post", "/v1/api-keys"): _json("post", "/v1/api-keys", {"name": "mine"}),
    ("delete", "/v1/api-keys/{key_id}"): _json("delete", "/v1/api-keys/{id}"),
    ("get", "/v1/data-sources"): _json("get", "/v1/data-sources"),
    ("post", "/v1/data-sources"): _json(
        "post", "/v1/data-sources", {"name": "mine", "connector": "folder", "options": {"path": "/"}}
    ),
    ("get", "/v1/data-sources/{name}"): _json("get", "/v1/data-sources/{id}"),
    ("patch", "/v1/data-sources/{name}"): _json("patch", "/v1/data-sources/{id}", {"grants": ["everyone"]}),
    ("delete", "/v1/data-sources/{name}"): _json("delete", "/v1/data-sources/{id}?confirm=true"),
    ("post", "/v1/data-sources/{name}/sync"): _json("post", "/v1/data-sources/{id}/sync", {"confirm": True}),
    ("get", "/v1/data-sources/{name}/items"): _json("get", "/v1/data-sources/{id}/items"),
    ("get", "/v1/connectors"): _json("get", "/v1/connectors"),
    ("get", "/v1/admin/status"): _json("get", "/v1/admin/status"),
    ("get", "/v1/admin/audit"): _json("get", "/v1/admin/audit?limit=1000"),
    ("post", "/v1/admin/verify"): _json("post", "/v1/admin/verify", {"repair": False}),
    ("get", "/v1/queue"): _json("get", "/v1/queue"),
    **{key: _json(*key) for key in PUBLIC},
}
ADMINISTRATION = ("/v1/users", "/v1/groups", "/v1/admin", "/v1/data-sources/", "/v1/connectors")
ADMIN_ONLY = {key for key in MATRIX if key[1].startswith(ADMINISTRATION)} | {("post", "/v1/data-sources")}
OPENAI = ("/v1/chat/completions", "/v1/models")
# What else the Model Context Protocol offers: of one route, so not in the matrix by itself.
TOOLS = {
    "search": _tool("search", lambda target: {"query": QUERY, "filters": {"document_ids": [target]}}),
    "search everywhere": _tool("search", {"query": QUERY}),
    "ask": _tool("ask", {"question": QUESTION}),
    "read_document": _tool("read_document", lambda target: {"document_id": target}),
}
# For these the id of the foreign thing is of another kind than a document.
FOREIGN = {"/v1/conversations": "conversation_id", "/v1/answers": "answer_id", "/v1/api-keys": "key_id"}
# What changes something for the caller only, or ends what the next test needs, when an administrator calls it.
DESTRUCTIVE = {"delete", "put", "patch"}


@pytest.fixture(scope="module")
def scene(assistant: System) -> Scene:
    text = (
        f"# The {CANARIES[4]} heading\n\nThe secret word of the vault is {CANARIES[0]}. "
        f"Nobody outside human resources may know the word {CANARIES[1]}.\n"
    )
    owner = assistant.person("owner@example.com", "hr")
    document = assistant.send(
        f"{CANARIES[2]}.md",
        text.encode(),
        client=owner,
        title=f"Vault {CANARIES[3]}",
        data_source=f"source-{CANARIES[5]}",
        url=f"https://intranet.example/{CANARIES[3]}",
        grants=["group:hr"],
    )
    assert document["state"] == "ready", document
    answer = owner.post("/v1/ask", json={"question": QUESTION}).json()
    assert CANARIES[0] in answer["text"], "the one who may read it must find it, else this proves nothing"
    key = owner.post("/v1/api-keys", json={"name": CANARIES[3]}).json()
    people = {
        "reader": assistant.person("reader@example.com"),
        "other group": assistant.person("other@example.com", "sales"),
        "group of a like name": assistant.person("like@example.com", "hr2"),
        "read-only key": assistant.person("reader@example.com", scopes=["read"]),
        "write-only key": assistant.person("reader@example.com", scopes=["write"]),
    }
    return Scene(assistant, document["id"], answer["conversation_id"], answer["id"], key["id"], people)


def _foreign_id(scene: Scene, path: str) -> str:
    for prefix, attribute in FOREIGN.items():
        if path.startswith(prefix):
            return str(getattr(scene, attribute))
    return scene.document_id


def _reveals(response: httpx.Response) -> list[str]:
    whole = (response.text + repr(response.headers)).casefold()
    return [word for word in CANARIES if word in whole]


def test_every_route_is_in_the_matrix(assistant: System) -> None:
    paths = assistant.client(None).get("/openapi.json").json()["paths"]
    routes = {(method, path) for path, methods in paths.items() for method in methods}
    assert routes == set(MATRIX) | SIGNING_IN


@pytest.mark.parametrize(("method", "path"), sorted(set(MATRIX) - PUBLIC))
def test_without_a_key_or_with_a_wrong_one_nothing_answers(scene: Scene, method: str, path: str) -> None:
    for key in (None, "fn_0123456789abcdef_wrong", "nonsense"):
        response = MATRIX[method, path](scene.system.client(key), scene.document_id)
        assert response.status_code == 401, response.text
        form = "application/json" if path.startswith(OPENAI) else "application/problem+json"
        assert response.headers["content-type"] == form
        assert _reveals(response) == []


@pytest.mark.parametrize(("method", "path"), sorted(MATRIX))
def test_nobody_sees_a_word_of_what_they_may_not_read(scene: Scene, method: str, path: str) -> None:
    for who, client in scene.people.items():
        response = MATRIX[method, path](client, _foreign_id(scene, path))
        assert _reveals(response) == [], (who, response.text)
        assert response.status_code < 500, (who, response.text)


@pytest.mark.parametrize(("method", "path"), sorted(key for key in MATRIX if "{" in key[1] and key not in ADMIN_ONLY))
def test_the_foreign_and_the_missing_answer_the_same_bytes(scene: Scene, method: str, path: str) -> None:
    foreign = MATRIX[method, path](scene.people["other group"], _foreign_id(scene, path))
    missing = MATRIX[method, path](scene.people["other group"], MISSING)
    assert (foreign.status_code, foreign.content) == (404, missing.content)


@pytest.mark.parametrize(("method", "path"), sorted(ADMIN_ONLY))
def test_administration_is_for_administrators(scene: Scene, method: str, path: str) -> None:
    response = MATRIX[method, path](scene.people["reader"], MISSING)
    assert (response.status_code, response.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize(("method", "path"), sorted(key for key in MATRIX if key[0] == "get" and key not in PUBLIC))
def test_a_key_without_the_scope_reads_nothing(scene: Scene, method: str, path: str) -> None:
    response = MATRIX[method, path](scene.people["write-only key"], scene.document_id)
    assert (response.status_code, _code(response)) == (403, "missing_scope")


@pytest.mark.parametrize("tool", TOOLS)
def test_no_tool_shows_a_word_of_what_its_caller_may_not_read(scene: Scene, tool: str) -> None:
    for who, client in scene.people.items():
        response = TOOLS[tool](client, scene.document_id)
        assert _reveals(response) == [], (who, response.text)
    foreign = TOOLS[tool](scene.people["other group"], scene.document_id)
    missing = TOOLS[tool](scene.people["other group"], MISSING)
    if tool in ("search", "read_document"):
        assert foreign.json() == missing.json()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_finds_the_secret_for_who_may_read_it(scene: Scene, tool: str) -> None:
    owner = scene.system.person("owner@example.com", "hr")
    assert CANARIES[0] in _reveals(TOOLS[tool](owner, scene.document_id)), "else the tests above prove nothing"


def test_a_read_only_key_cannot_write_or_make_itself_a_stronger_key(scene: Scene) -> None:
    reader = scene.people["read-only key"]
    assert upload(reader, "x.txt", b"text").json()["code"] == "missing_scope"
    assert reader.post("/v1/api-keys", json={"scopes": ["write"]}).status_code == 403
    weak = reader.post("/v1/api-keys", json={"name": "weak"}).json()
    assert weak["scopes"] == ["read"]


def test_an_administrator_who_may_not_read_manages_the_document_but_sees_no_content(scene: Scene) -> None:
    admin = scene.system.admin
    assert admin.get(f"/v1/documents/{scene.document_id}").status_code == 200
    for call in (
        admin.get(f"/v1/documents/{scene.document_id}/text"),
        admin.get(f"/v1/documents/{scene.document_id}/file"),
        admin.post("/v1/search", json={"query": QUERY}),
        admin.post("/v1/ask", json={"question": QUESTION}),
        MATRIX["post", "/v1/chat/completions"](admin, ""),
        *(call(admin, scene.document_id) for call in TOOLS.values()),
    ):
        assert not {CANARIES[0], CANARIES[1]}.intersection(_reveals(call)), call.text


def test_a_disabled_person_is_out_on_the_next_request(scene: Scene) -> None:
    leaver = scene.system.person("leaver@example.com", "hr")
    assert leaver.get(f"/v1/documents/{scene.document_id}").status_code == 200
    people = scene.system.admin.get("/v1/users", params={"email": "leaver@example.com"}).json()["items"]
    scene.system.admin.patch(f"/v1/users/{people[0]['id']}", json={"disabled": True})
    assert leaver.get(f"/v1/documents/{scene.document_id}").status_code == 401


def test_history_forgets_what_its_reader_may_no_longer_read(scene: Scene) -> None:
    mover = scene.system.person("mover@example.com", "hr")
    answer = mover.post("/v1/ask", json={"question": QUESTION}).json()
    where = f"/v1/conversations/{answer['conversation_id']}/messages"
    assert CANARIES[0] in _reveals(mover.get(where))
    explained = f"/v1/answers/{answer['id']}/explain"
    before = mover.get(explained)
    assert CANARIES[3] in _reveals(before), "the title is there while it may be read, else this proves nothing"
    scene.system.admin.delete("/v1/groups/hr/members/mover@example.com")
    assert _reveals(mover.get(where)) == []
    after = mover.get(explained)
    assert _reveals(after) == []
    assert scene.document_id not in after.text
    assert after.json()["withheld"] == len(before.json()["hits"]) - len(after.json()["hits"]) > 0
    again = {"question": "Say the secret word of it again.", "conversation_id": answer["conversation_id"]}
    assert _reveals(mover.post("/v1/ask", json=again)) == []


def test_logs_and_metrics_hold_no_word_of_a_document(scene: Scene) -> None:
    logs = scene.system.data_dir.parent.glob("*.log")
    text = "".join(log.read_text() for log in logs).casefold()
    assert text
    assert [word for word in CANARIES if word in text] == []


def test_the_audit_log_knows_who_read_the_secret_and_not_a_word_of_it(scene: Scene) -> None:
    audit = scene.system.client(scene.system.admin.headers["authorization"].removeprefix("Bearer ")).get
    subject = f"answer:{scene.answer_id}"
    asked, *_ = audit("/v1/admin/audit", params={"subject": subject, "event": "sensitive_read"}).json()["items"]
    assert asked["actor"] == "owner@example.com"
    assert any(chunk.startswith(scene.document_id) for chunk in asked["details"]["sources"])
    events, cursor = [], None
    while True:
        page = audit("/v1/admin/audit", params={"limit": 1000, **({"cursor": cursor} if cursor else {})})
        assert _reveals(page) == [], page.text
        assert QUESTION not in page.text
        events += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert {"user_created", "upload_complete", "authz_fail", "sensitive_read"} <= {event["event"] for event in events}


@pytest.mark.parametrize(("method", "path"), sorted(SIGNING_IN))
def test_signing_in_shows_nobody_a_word(scene: Scene, method: str, path: str) -> None:
    """Without a body or with a guess, in whatever session."""
    for client in (scene.system.client(None), *scene.people.values()):
        for asked in ({}, {"state": QUERY, "code": QUERY, "next": f"/documents/{scene.document_id}"}):
            response = client.request(method.upper(), path, params=asked)
            assert _reveals(response) == [], response.text
            assert response.status_code < 500, response.text
            assert scene.document_id not in response.text + repr(response.headers)
