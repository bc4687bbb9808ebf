"""`/mcp` as the protocol's official client speaks it, over HTTP, against the whole assistant with a scripted model.

Both eras of the protocol: `legacy` shakes hands first, `auto` finds that each request may stand alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from tests.integration.talking import BONUS, NOTHING, QUESTION, SAYS, SAYS_BONUS, Talking, key_of, talking
from tests.scripted_model import Says
from tests.unit import small_files

T = TypeVar("T")
MISSING = "00000000-0000-0000-0000-000000000000"
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Talking]:
    with talking(tmp_path_factory.mktemp("mcp"), model_cache) as started:
        yield started


@pytest.fixture(params=["legacy", "auto"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def connected(scene: Talking, key: str, work: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
    """What `work` returns with a client that shows this key."""

    async def run() -> T:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60.0) as http:
            transport = streamable_http_client(f"{scene.system.url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                return await work(client)

    return asyncio.run(run())


def called(scene: Talking, key: str, tool: str, mode: str = "auto", **arguments: Any) -> CallToolResult:
    """What one call of a tool returns."""
    return connected(scene, key, lambda client: client.call_tool(tool, arguments), mode)


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_three_tools_are_offered_with_what_they_take_and_give(scene: Talking, mode: str) -> None:
    tools = {tool.name: tool for tool in connected(scene, scene.bob, lambda c: c.list_tools(), mode).tools}
    assert set(tools) == {"search", "ask", "read_document"}
    for tool in tools.values():
        assert tool.description
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema is not None
        assert tool.annotations is not None
    hints = {name: tool.annotations and tool.annotations.read_only_hint for name, tool in tools.items()}
    assert hints == {"search": True, "ask": False, "read_document": True}


def test_a_search_finds_exact_passages_for_models_and_programs(scene: Talking, mode: str) -> None:
    found = called(scene, scene.bob, "search", mode, query="days from home", top_k=2)
    hit = found.structured_content["hits"][0]
    assert hit["document_id"] == scene.policy
    text = scene.system.admin.get(f"/v1/documents/{scene.policy}/text").json()["text"]
    assert hit["text"] == text[hit["start"] : hit["end"]]
    assert text_of(found).startswith("[1] Remote work policy > ")
    assert hit["text"] in text_of(found)
    assert scene.policy in text_of(found)


def test_an_answer_comes_with_its_quotes_and_goes_on_in_its_conversation(scene: Talking, mode: str) -> None:
    scene.model.does(SAYS)
    first = called(scene, scene.bob, "ask", mode, question=QUESTION)
    answer = first.structured_content
    assert (answer["outcome"], answer["text"]) == ("answered", SAYS.text)
    quote = answer["sentences"][0]["citations"][0]["quote"]
    assert text_of(first).startswith(SAYS.text)
    assert f"[1] Remote work policy (document {scene.policy})\n“{quote}”" in text_of(first)
    scene.model.does(Says(QUESTION), SAYS)
    again = called(scene, scene.bob, "ask", mode, question="And now?", conversation_id=answer["conversation_id"])
    assert again.structured_content["conversation_id"] == answer["conversation_id"]
    assert QUESTION in str(scene.model.requests[0]["messages"])
    foreign = called(scene, scene.ann, "ask", mode, question="And now?", conversation_id=answer["conversation_id"])
    missing = called(scene, scene.ann, "ask", mode, question="And now?", conversation_id=MISSING)
    assert foreign.is_error
    assert foreign == missing


def test_a_refusal_says_what_was_searched_and_what_came_closest(scene: Talking) -> None:
    refused = called(scene, scene.bob, "ask", question=NOTHING)
    assert not refused.is_error
    assert refused.structured_content["refusal"]["reason"] == "no_evidence"
    assert NOTHING in text_of(refused)
    assert "- Remote work policy" in text_of(refused)


def test_a_document_is_read_in_parts_that_make_its_whole_text(scene: Talking, mode: str) -> None:
    async def read(client: Client) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        start: int | None = 0
        while start is not None:
            arguments = {"document_id": scene.policy, "start": start, "limit": 50}
            part = (await client.call_tool("read_document", arguments)).structured_content
            parts.append(part)
            start = part["next_start"]
        return parts

    parts = connected(scene, scene.bob, read, mode)
    whole = scene.system.admin.get(f"/v1/documents/{scene.policy}/text").json()
    assert len(parts) > 2
    assert max(len(part["text"]) for part in parts) == 50
    assert "".join(part["text"] for part in parts) == whole["text"]
    assert all(part["text"] == whole["text"][part["start"] : part["end"]] for part in parts)
    assert {(part["length"], part["version"]) for part in parts} == {(len(whole["text"]), 1)}


def test_a_page_is_read_by_its_number(scene: Talking, tmp_path: Path) -> None:
    pages = ["The cellar opens at nine.", "The attic closes at ten."]
    file = small_files.pdf(tmp_path / "house.pdf", [small_files.line(72, 700, text) for text in pages])
    document = scene.system.send("house.pdf", file.read_bytes(), title="House", grants=["everyone"])
    second = called(scene, scene.bob, "read_document", document_id=document["id"], page=2).structured_content
    assert second["text"].strip() == pages[1]
    assert [page["number"] for page in second["pages"]] == [2]
    assert second["next_start"] is None
    found = called(scene, scene.bob, "search", query="When does the attic close?", top_k=1)
    assert ", page 1 (" in text_of(found)
    missing = called(scene, scene.bob, "read_document", document_id=document["id"], page=3)
    assert "no page 3: it has 2. (code: invalid_input)" in text_of(missing)
    both = called(scene, scene.bob, "read_document", document_id=document["id"], page=1, start=5)
    assert "not both" in text_of(both)


def test_what_one_may_not_read_is_the_same_as_what_is_not_there(scene: Talking) -> None:
    for key, readable in ((scene.ann, True), (scene.bob, False)):
        scene.model.does(SAYS_BONUS)
        read = called(scene, key, "read_document", document_id=scene.bonus)
        found = called(scene, key, "search", query=BONUS, filters={"document_ids": [scene.bonus]})
        asked = called(scene, key, "ask", question=BONUS)
        for result in (read, found, asked):
            assert ("4000" in result.model_dump_json()) is readable
            assert ("Signing bonus" in result.model_dump_json()) is readable
        assert read.is_error is not readable
        if not readable:
            assert read == called(scene, key, "read_document", document_id=MISSING)
            assert "(code: not_found)" in text_of(read)


def test_arguments_that_cannot_be_are_told_to_the_model(scene: Talking, mode: str) -> None:
    for tool, arguments, field in (
        ("search", {"query": "x", "top_k": 500}, "top_k"),
        ("search", {"query": "x", "filters": {"must": []}}, "filters.must"),
        ("ask", {}, "question"),
        ("read_document", {"document_id": scene.policy, "limit": 10_000_000}, "limit"),
    ):
        refused = called(scene, scene.bob, tool, mode, **arguments)
        assert refused.is_error
        assert text_of(refused).startswith(f"{field}: ")

    async def call_unknown(client: Client) -> None:
        with pytest.raises(MCPError, match="no tool of this name"):
            await client.call_tool("delete_document", {"document_id": scene.policy})

    connected(scene, scene.bob, call_unknown, mode)


def test_without_a_key_nothing_of_the_protocol_is_spoken(scene: Talking) -> None:
    cookie = {"Cookie": "footnote_session=whatever"}
    for headers in ({}, {"Authorization": "Bearer fn_0123456789abcdef_wrong"}, cookie, {"Authorization": "Basic eDp5"}):
        with httpx2.Client(base_url=scene.system.url, headers=HEADERS | headers) as nobody:
            for response in (nobody.post("/mcp", json=LIST), nobody.get("/mcp"), nobody.delete("/mcp")):
                assert response.status_code == 401
                assert response.headers["www-authenticate"] == "Bearer"
                assert response.headers["content-type"] == "application/problem+json"
                assert "jsonrpc" not in response.text


def test_what_is_not_sent_as_json_is_refused_with_a_problem(scene: Talking) -> None:
    key = {"Authorization": f"Bearer {scene.bob}"}
    for content_type in ({"Content-Type": "text/plain"}, {"Content-Type": ""}):
        refused = httpx2.post(f"{scene.system.url}/mcp", content=b"{}", headers=HEADERS | key | content_type)
        assert refused.status_code == 422
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "invalid_input"


def test_a_browsers_session_is_no_key(scene: Talking) -> None:
    people = scene.system.admin.get("/v1/users", params={"email": "bob@example.com"}).json()["items"]
    link = scene.system.admin.post(f"/v1/users/{people[0]['id']}/sign-in-links").json()["url"]
    with httpx2.Client(base_url=scene.system.url, headers=HEADERS | {"Sec-Fetch-Site": "same-origin"}) as browser:
        signed_in = browser.post("/v1/sessions", json={"token": link.rpartition("/")[2].rpartition("=")[2]})
        assert signed_in.status_code == 201, signed_in.text
        assert browser.get("/v1/me").status_code == 200
        assert browser.post("/mcp", json=LIST).status_code == 401


def test_a_key_without_the_scope_calls_nothing(scene: Talking) -> None:
    writer = scene.system.person("writer@example.com", scopes=["write"])
    response = writer.post("/mcp", json=LIST, headers=HEADERS)
    assert (response.status_code, response.json()["code"]) == (403, "missing_scope")


def test_a_page_of_another_site_is_refused_even_with_a_key(scene: Talking) -> None:
    client = scene.system.client(scene.bob)
    rebound = {"Origin": "http://evil.example", "Host": "evil.example"}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, rebound):
        response = client.post("/mcp", json=LIST, headers=HEADERS | headers)
        assert (response.status_code, response.json()["code"]) == (403, "cross_site")
    own = client.post("/mcp", json=LIST, headers=HEADERS | {"Origin": scene.system.url})
    assert {tool["name"] for tool in own.json()["result"]["tools"]} == {"search", "ask", "read_document"}


def test_there_is_no_session_and_no_other_way_to_sign_in(scene: Talking) -> None:
    client = scene.system.client(scene.bob)
    for response in (client.get("/mcp"), client.delete("/mcp")):
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert "mcp-session-id" not in client.post("/mcp", json=LIST, headers=HEADERS).headers
    for path in ("oauth-protected-resource", "oauth-protected-resource/mcp", "oauth-authorization-server"):
        assert client.get(f"/.well-known/{path}").status_code == 404


def test_a_key_that_is_revoked_ends_with_the_next_call(scene: Talking) -> None:
    made = scene.system.admin.post("/v1/api-keys", json={"user": "bob@example.com", "scopes": ["read"]}).json()

    async def revoked_between(client: Client) -> None:
        arguments = {"document_id": scene.policy}
        assert not (await client.call_tool("read_document", arguments)).is_error
        await asyncio.to_thread(scene.system.admin.delete, f"/v1/api-keys/{made['id']}")
        with pytest.raises(MCPError):
            await client.call_tool("read_document", arguments)

    connected(scene, made["key"], revoked_between)


def test_a_client_that_leaves_frees_the_model(scene: Talking, mode: str) -> None:
    async def leave(client: Client) -> None:
        asked = asyncio.create_task(client.call_tool("ask", {"question": QUESTION}))
        assert await asyncio.to_thread(scene.model.asked)
        asked.cancel()
        await asyncio.wait([asked])

    with scene.nobody_waits():
        connected(scene, scene.bob, leave, mode)


def test_keys_stand_in_no_log(scene: Talking) -> None:
    called(scene, scene.ann, "search", query="bonus")
    logs = "".join(log.read_text() for log in scene.system.data_dir.parent.glob("*.log"))
    assert key_of(scene.system.admin) not in logs
    assert scene.ann not in logs
    assert "4000 euros" not in logs
