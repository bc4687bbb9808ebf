"""The connectors that run LlamaIndex's readers, which run here for real: Confluence and Notion against servers written
here that answer as their REST interfaces do, the generic one with a reader of ours and with SimpleDirectoryReader.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from ingest.connectors.confluence import grants_of_page
from ingest.connectors.contract import ConnectorError
from ingest.connectors.kinds import connector_for
from retrieval.errors import ForbiddenError
from tests.integration.connector_contract import ConnectorContract, SmallSync, Source, closing, policy_for
from tests.integration.json_server import json_server


class ConfluenceSource(Source):
    """A space whose pages the test changes; names are titles, ids stay with a page."""

    kind = "confluence"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pages: dict[str, dict[str, Any]] = {}
        self.ids: dict[str, str] = {}
        self.server = self.stack.enter_context(json_server(self.answer))

    def options(self) -> dict[str, object]:
        return {"url": f"{self.server.url}/wiki", "space": "HB", "username": "ann@x.example"}

    def secrets(self) -> dict[str, str]:
        return {"token": "abc"}

    def put(self, name: str, text: str) -> None:
        page_id = self.ids.setdefault(name, str(1000 + len(self.ids)))
        version = self.pages.get(page_id, {}).get("version", {}).get("number", 0) + 1
        self.pages[page_id] = {
            "id": page_id,
            "title": name,
            "status": "current",
            "version": {"number": version, "when": "2024-05-06T07:08:09.000Z"},
            "body": {"export_view": {"value": f"<h2>Part</h2><p>{text}</p>"}},
            "_links": {"webui": f"/spaces/HB/pages/{page_id}"},
        }

    def delete(self, name: str) -> None:
        del self.pages[self.ids[name]]

    def move(self, name: str, to: str) -> None:
        """Another title, the same page."""
        page = self.pages[self.ids[name]]
        self.ids[to] = self.ids[name]
        page["title"] = to

    def take_down(self) -> None:
        self.server.status = 503

    def id_of(self, name: str) -> str:
        return self.ids[name]

    def downloads(self) -> int:
        return sum(path.startswith("/wiki/rest/api/content/") for path in self.server.asked)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if path == "/wiki/rest/api/content":
            assert query["spaceKey"] == "HB"
            start, limit = int(query.get("start", 0)), min(int(query["limit"]), 2)
            pages = list(self.pages.values())[start : start + limit]
            return 200, {"results": [{k: v for k, v in page.items() if k != "body"} for page in pages]}
        page = self.pages.get(path.rpartition("/")[2])
        return (200, page) if page is not None else (404, {"message": "No content"})


class TestConfluence(ConnectorContract):
    moves_keep_revision = False

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(ConfluenceSource(tmp_path))

    def test_pages_become_markdown_with_title_address_and_date(self, source: ConfluenceSource, sync: SmallSync) -> None:
        source.put("Leave & absence", "You have 30 days.")
        sync.run(source.connector())
        (item,) = sync.items.values()
        assert sync.texts[item.external_id].decode() == "# Leave & absence\n\n## Part\n\nYou have 30 days.\n"
        assert item.title == "Leave & absence"
        assert item.file_name == "Leave & absence.md"
        assert item.url == f"{source.server.url}/wiki/spaces/HB/pages/{item.external_id}"
        assert item.modified_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)

    def test_restrictions_become_grants(self, source: ConfluenceSource, sync: SmallSync) -> None:
        source.put("open", "Open.")
        source.put("closed", "Closed.")
        source.pages[source.ids["closed"]] |= {"restrictions": _restrictions(groups=["HR"], users=["Ann@x.example"])}
        sync.run(source.connector())
        assert sync.items[source.id_of("open")].grants is None
        assert sync.items[source.id_of("closed")].grants == ("group:hr", "user:ann@x.example")

    def test_a_wrong_token_and_a_private_address_are_errors(self, source: ConfluenceSource, sync: SmallSync) -> None:
        source.server.status = 401
        with pytest.raises(ConnectorError, match="answers 401") as caught:
            sync.run(source.connector())
        assert "abc" not in str(caught.value)
        source.policy = lambda: policy_for(source.folder, allowed_networks=())  # type: ignore[method-assign]
        source.server.asked.clear()
        with pytest.raises(ConnectorError, match="private"):
            sync.run(source.connector())
        assert not source.server.asked

    def test_a_page_whose_number_looks_like_a_status_is_not_gone_when_the_server_is_busy(
        self, source: ConfluenceSource, sync: SmallSync
    ) -> None:
        source.ids["a"] = "140412"
        source.put("a", "The apple is red.")
        sync.run(source.connector())
        source.put("a", "The apple is blue.")
        answer = source.answer
        # Without a message in JSON the client library says the address itself.
        source.server.respond = lambda method, path, query, body: (
            (503, ["busy"]) if path.endswith("/140412") else answer(method, path, query, body)
        )
        sync.run(source.connector())
        assert b"red" in sync.texts["140412"]
        assert "503" in sync.faults["140412"]

    def test_a_redirect_into_a_private_network_is_not_followed(self, source: ConfluenceSource, sync: SmallSync) -> None:
        source.put("a", "The apple is red.")
        with json_server(lambda *_: (200, {"results": []})) as inner:
            source.server.redirect = f"http://127.0.0.2:{inner.server_port}"
            source.policy = lambda: policy_for(  # type: ignore[method-assign]
                source.folder, allowed_networks=(ip_network("127.0.0.1/32"),)
            )
            with pytest.raises(ConnectorError, match="private"):
                sync.run(source.connector())
            assert not inner.asked


@pytest.mark.parametrize(
    ("ancestors", "own", "expected"),
    [
        ([], {}, None),
        ([], {"groups": ["hr"]}, ("group:hr",)),
        ([{"groups": ["hr"]}], {}, ("group:hr",)),
        ([{"groups": ["hr", "it"]}], {"groups": ["it", "law"]}, ("group:it",)),
        ([{"groups": ["hr"]}], {"groups": ["it"]}, ()),
        ([], {"groups": ["two words"]}, ()),
        ([{"users": ["a@x.example"]}, {"groups": ["hr"], "users": ["a@x.example"]}], {}, ("user:a@x.example",)),
    ],
)
def test_a_page_is_for_those_whom_every_restriction_above_it_names(
    ancestors: list[dict[str, list[str]]], own: dict[str, list[str]], expected: tuple[str, ...] | None
) -> None:
    page = {
        "ancestors": [{"restrictions": _restrictions(**part)} for part in ancestors],
        "restrictions": _restrictions(**own),
    }
    assert grants_of_page(page) == expected


def _restrictions(groups: list[str] | None = None, users: list[str] | None = None) -> dict[str, Any]:
    named = {
        "group": {"results": [{"type": "group", "name": name} for name in groups or []]},
        "user": {"results": [{"type": "known", "email": email} for email in users or []]},
    }
    return {"read": {"operation": "read", "restrictions": named}}


class NotionSource(Source):
    """A workspace whose pages the test changes; names are titles, ids stay with a page."""

    kind = "notion"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pages: dict[str, dict[str, Any]] = {}
        self.blocks: dict[str, list[str]] = {}
        self.ids: dict[str, str] = {}
        self.edits = 0
        self.server = self.stack.enter_context(json_server(self.answer))

    def options(self) -> dict[str, object]:
        return {"url": f"{self.server.url}/v1"}

    def secrets(self) -> dict[str, str]:
        return {"token": "abc"}

    def put(self, name: str, text: str) -> None:
        page_id = self.ids.setdefault(name, f"page-{len(self.ids)}")
        self.edits += 1
        self.blocks[page_id] = [text]
        self.pages[page_id] = {
            "object": "page",
            "id": page_id,
            "last_edited_time": f"2024-05-06T07:{self.edits:02}:00.000Z",
            "url": f"https://www.notion.so/{page_id}",
            "properties": {"Name": {"type": "title", "title": [{"plain_text": name}]}},
        }

    def delete(self, name: str) -> None:
        del self.pages[self.ids[name]]

    def move(self, name: str, to: str) -> None:
        page_id = self.ids[to] = self.ids[name]
        self.pages[page_id]["properties"]["Name"]["title"] = [{"plain_text": to}]

    def take_down(self) -> None:
        self.server.status = 503

    def id_of(self, name: str) -> str:
        return self.ids[name]

    def downloads(self) -> int:
        return sum("/blocks/" in path for path in self.server.asked)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        assert self.server.headers[-1]["authorization"] == "Bearer abc"
        if (method, path) == ("POST", "/v1/search"):
            pages = list(self.pages.values())
            start = int(body.get("start_cursor", 0))
            after = str(start + 2) if len(pages) > start + 2 else None
            return 200, {"results": pages[start : start + 2], "next_cursor": after, "has_more": after is not None}
        page_id = path.split("/")[3]
        if page_id not in self.pages:
            return 404, {"code": "object_not_found"}
        start = int(query.get("start_cursor", 0))
        lines = self.blocks[page_id]
        after = str(start + 100) if len(lines) > start + 100 else None
        blocks = [_paragraph(f"{page_id}-{start}", line) for line in lines[start : start + 100]]
        return 200, {"results": blocks, "next_cursor": after}


def _paragraph(block_id: str, text: str) -> dict[str, Any]:
    return {
        "id": block_id,
        "type": "paragraph",
        "has_children": False,
        "paragraph": {"rich_text": [{"text": {"content": text}}]},
    }


class TestNotion(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(NotionSource(tmp_path))

    def test_a_page_of_more_than_a_hundred_blocks_is_read_to_its_end(
        self, source: NotionSource, sync: SmallSync
    ) -> None:
        source.put("long", "")
        source.blocks[source.id_of("long")] = [f"Line {number}." for number in range(250)]
        sync.run(source.connector())
        assert sync.texts[source.id_of("long")].decode().splitlines()[2:] == [f"Line {n}." for n in range(250)]
        (item,) = sync.items.values()
        assert (item.title, item.file_name, item.url) == ("long", "long.md", "https://www.notion.so/page-0")

    def test_a_page_that_was_edited_just_now_is_read_again(self, source: NotionSource, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        source.pages[source.id_of("a.md")]["last_edited_time"] = now.isoformat()
        sync.run(source.connector())
        source.blocks[source.id_of("a.md")] = ["The apple is blue, within the same minute."]
        sync.run(source.connector())
        assert b"blue" in sync.texts[source.id_of("a.md")]


class ScriptedReader(BaseReader):
    """A reader of the simplest kind: ids at random, everything in memory."""

    texts: dict[str, str] = {}  # noqa: RUF012 - shared on purpose: the connector makes its own instance
    fails = False

    def __init__(self, secret: str = "") -> None:
        self.secret = secret

    def load_data(self, *args: Any, **load_kwargs: Any) -> list[Document]:
        if self.fails:
            raise RuntimeError("the service is down")
        return [
            Document(
                text=text, metadata={"title": name, "url": f"https://x.example/{name}", "updated_at": "2024-05-06"}
            )
            for name, text in self.texts.items()
        ]


class ReaderSource(Source):
    kind = "llama_index"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        ScriptedReader.texts, ScriptedReader.fails = {}, False

    def options(self) -> dict[str, object]:
        return {"reader": f"{__name__}.ScriptedReader", "secret_argument": "secret", "id_field": "title"}

    def secrets(self) -> dict[str, str]:
        return {"secret": "abc"}

    def policy(self) -> Any:
        return policy_for(self.folder, reader_classes=frozenset({f"{__name__}.ScriptedReader"}))

    def put(self, name: str, text: str) -> None:
        ScriptedReader.texts[name] = text

    def delete(self, name: str) -> None:
        del ScriptedReader.texts[name]

    def move(self, name: str, to: str) -> None:
        ScriptedReader.texts[to] = ScriptedReader.texts.pop(name)

    def take_down(self) -> None:
        ScriptedReader.fails = True

    def id_of(self, name: str) -> str:
        return name


class TestAnyReader(ConnectorContract):
    moves_keep_revision = False  # the title is part of what a reader says of a document
    batches = "ingest.connectors.llama_index"

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        yield from closing(ReaderSource(tmp_path))

    def test_only_classes_that_the_operator_names_run(self, tmp_path: Path) -> None:
        with pytest.raises(ForbiddenError):
            connector_for("llama_index", {"reader": "os.system"}, {}, policy=policy_for(tmp_path))

    def test_a_reader_that_is_not_installed_names_the_package(self, tmp_path: Path, sync: SmallSync) -> None:
        policy = policy_for(tmp_path, reader_classes=frozenset({"llama_index.readers.nowhere.NowhereReader"}))
        options = {"reader": "llama_index.readers.nowhere.NowhereReader"}
        with pytest.raises(ConnectorError, match=r"footnote\[connectors\]"):
            sync.run(connector_for("llama_index", options, {}, policy=policy))

    def test_a_reader_that_lists_resources_loads_the_changed_ones_only(self, tmp_path: Path, sync: SmallSync) -> None:
        root = tmp_path / "files"
        root.mkdir()
        (root / "a.txt").write_text("The apple is red.")
        (root / "b.txt").write_text("The pear is green.")
        name = "llama_index.core.readers.file.base.SimpleDirectoryReader"
        policy = policy_for(tmp_path, reader_classes=frozenset({name}))
        options = {"reader": name, "init": {"input_dir": str(root)}}
        sync.run(connector_for("llama_index", options, {}, policy=policy))
        assert sorted(sync.texts.values()) == [b"The apple is red.", b"The pear is green."]
        (root / "a.txt").write_text("The apple is blue, and more.")
        (root / "b.txt").unlink()
        sync.run(connector_for("llama_index", options, {}, policy=policy))
        assert list(sync.texts.values()) == [b"The apple is blue, and more."]
        assert len(sync.fetched) == 1
