"""Data sources as a service, in both sizes: real API, scheduler, sync processes and workers over a folder."""

import json
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.db.models import Base
from tests import system
from tests.integration.syncing import SECRET, add, documents, ended, ingested, reading, setup, synced, until
from tests.system import System

ENDED = ("done", "partly", "failed", "needs_confirmation", "stopped")


@pytest.fixture(scope="module", params=system.SIZES)
def assistant(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_cache: Path, roots: Path
) -> Iterator[System]:
    with reading(request.param, roots, tmp_path_factory.mktemp("assistant"), model_cache) as started:
        yield started


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("roots")


@pytest.fixture
def folder(roots: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=roots))


def found(client: httpx.Client, query: str) -> list[str]:
    hits = client.post("/v1/search", json={"query": query}).json()["hits"]
    return [hit["external_id"] for hit in hits]


def test_a_folder_becomes_documents_and_follows_what_happens_in_it(assistant: System, folder: Path) -> None:
    (folder / "leave.md").write_text("Everyone has twenty-eight days of leave.")
    (folder / "travel").mkdir()
    (folder / "travel" / "trains.md").write_text("Trains are booked with Ada at the marmalade desk.")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    add(assistant, "handbook", folder)
    sync = ended(assistant, "handbook")
    assert (sync["outcome"], sync["counters"]["new"]) == ("done", 3)
    reader = assistant.person("reader@example.com")
    assert found(reader, "marmalade desk")[0] == "travel/trains.md"
    failed = assistant.admin.get("/v1/data-sources/handbook/items", params={"state": "failed"}).json()["items"]
    assert [(one["external_id"], one["state"]) for one in failed] == [("broken.pdf", "failed")]
    assert failed[0]["reason"]
    assert setup(assistant, "handbook")["failed_documents"] == 1

    jobs = ingested(assistant)
    sync = synced(assistant, "handbook")
    assert (sync["counters"]["unchanged"], sync["counters"]["fetched"], ingested(assistant)) == (3, 0, jobs)

    before = documents(assistant, "handbook")["travel/trains.md"]
    (folder / "travel" / "trains.md").rename(folder / "rail.md")
    (folder / "leave.md").write_text("Everyone has thirty days of leave.")
    (folder / "broken.pdf").unlink()
    sync = synced(assistant, "handbook")
    assert {name: sync["counters"][name] for name in ("moved", "changed", "deleted")} == {
        "moved": 1,
        "changed": 1,
        "deleted": 1,
    }
    after = documents(assistant, "handbook")
    assert sorted(after) == ["leave.md", "rail.md"]
    assert (after["rail.md"]["id"], after["rail.md"]["version"]) == (before["id"], before["version"])
    assert ingested(assistant) == jobs + 1
    assert found(reader, "marmalade desk")[0] == "rail.md"


def test_pause_schedule_and_default_grants(assistant: System, folder: Path) -> None:
    (folder / "pay.md").write_text("The pay day is the quince of the month.")
    add(assistant, "pay", folder, grants=["group:hr"])
    ended(assistant, "pay")
    hr, other = assistant.person("hr@example.com", "hr"), assistant.person("other@example.com", "sales")
    assert (found(hr, "quince")[:1], "pay.md" in found(other, "quince")) == (["pay.md"], False)
    jobs = ingested(assistant)
    changed = assistant.admin.patch("/v1/data-sources/pay", json={"grants": ["group:sales"], "every_s": 900})
    assert (changed.json()["setup"]["every_s"], changed.json()["setup"]["grants"]) == (900, ["group:sales"])
    until(lambda: "pay.md" in found(other, "quince"))
    assert ("pay.md" in found(hr, "quince"), ingested(assistant)) == (False, jobs)
    paused = assistant.admin.patch("/v1/data-sources/pay", json={"paused": True}).json()["setup"]
    assert (paused["state"], paused["next_sync_at"]) == ("paused", None)
    refused = assistant.admin.post("/v1/data-sources/pay/sync", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "data_source_paused")
    assert assistant.admin.patch("/v1/data-sources/pay", json={"paused": False}).json()["setup"]["state"] == "idle"


def test_removing_asks_first_and_then_nothing_is_found_any_more(assistant: System, folder: Path) -> None:
    (folder / "x.md").write_text("The rambutan is on the roof.")
    add(assistant, "roof", folder)
    ended(assistant, "roof")
    refused = assistant.admin.delete("/v1/data-sources/roof")
    assert (refused.status_code, refused.json()["code"]) == (409, "confirmation_required")
    assert "x.md" in found(assistant.admin, "rambutan")
    assert assistant.admin.delete("/v1/data-sources/roof", params={"confirm": True}).json() == {"deleted": 1, "kept": 0}
    assert "x.md" not in found(assistant.admin, "rambutan")
    assert assistant.admin.get("/v1/data-sources/roof").status_code == 404
    add(assistant, "roof", folder)
    ended(assistant, "roof")
    kept = assistant.admin.delete("/v1/data-sources/roof", params={"keep_documents": True})
    assert kept.json() == {"deleted": 0, "kept": 1}
    listed = {one["name"]: one for one in assistant.admin.get("/v1/data-sources").json()["items"]}
    assert (listed["roof"]["connector"], listed["roof"]["documents"]) == ("upload", 1)


def test_only_administrators_see_or_change_how_data_sources_are_set_up(assistant: System, folder: Path) -> None:
    (folder / "secret.md").write_text("The persimmon is behind the safe.")
    add(assistant, "vault", folder, grants=["group:board"])
    ended(assistant, "vault")
    outsider, member = assistant.person("out@example.com"), assistant.person("member@example.com", "board")
    assert "vault" not in outsider.get("/v1/data-sources").text
    [mine] = [one for one in member.get("/v1/data-sources").json()["items"] if one["name"] == "vault"]
    assert mine == {"name": "vault", "connector": None, "documents": 1, "setup": None}
    for call in (
        member.get("/v1/data-sources/vault"),
        member.get("/v1/data-sources/vault/items"),
        member.get("/v1/connectors"),
        member.patch("/v1/data-sources/vault", json={"grants": ["everyone"]}),
        member.post("/v1/data-sources/vault/sync", json={"confirm": True}),
        member.delete("/v1/data-sources/vault", params={"confirm": True}),
        member.post("/v1/data-sources", json={"name": "x", "connector": "folder", "options": {"path": str(folder)}}),
    ):
        assert (call.status_code, call.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize(
    ("connector", "options", "code"),
    [
        ("folder", {"path": "/etc"}, "path_refused"),
        ("folder", {"path": "{roots}/../elsewhere"}, "path_refused"),
        ("folder", {"path": "{roots}/.hidden"}, "path_refused"),
        ("folder", {"path": "{data}"}, "path_refused"),
        ("folder", {}, "invalid_options"),
        ("folder", {"path": "{roots}", "depth": 3}, "invalid_options"),
        ("nothing", {}, "unknown_kind"),
    ],
)
def test_what_the_operator_does_not_allow_is_refused_before_anything_is_read(
    assistant: System, roots: Path, connector: str, options: dict[str, Any], code: str
) -> None:
    places = {"roots": str(roots), "data": str(assistant.data_dir)}
    filled = {key: value.format(**places) if isinstance(value, str) else value for key, value in options.items()}
    body = {"name": "refused", "connector": connector, "options": filled}
    answer = assistant.admin.post("/v1/data-sources", json=body)
    assert (answer.json()["code"], answer.status_code) == (code, 403 if code == "path_refused" else 422)
    assert assistant.admin.get("/v1/data-sources/refused").status_code == 404


def test_a_link_out_of_the_allowed_folder_is_refused(assistant: System, folder: Path) -> None:
    (folder / "out").symlink_to("/etc")
    (folder / "circle").symlink_to("circle")
    for path in (folder / "out", folder / "circle" / ".." / "out"):
        answer = assistant.admin.post(
            "/v1/data-sources", json={"name": "out", "connector": "folder", "options": {"path": str(path)}}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "path_refused")


def test_the_command_line_adds_a_folder_and_says_how_it_went(assistant: System, folder: Path) -> None:
    (folder / "tea.md").write_text("The tea is in the tamarillo tin.")
    added = footnote(assistant, "sources", "add", "tea", "folder", folder.name, "--grant", "everyone", at=folder.parent)
    assert added.returncode == 0, added.stderr
    assert "1 document in tea: 1 new" in added.stdout
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7")
    again = footnote(assistant, "sources", "sync", "tea")
    assert (again.returncode, "bad.pdf" in again.stdout) == (4, True)
    assert "tea" in footnote(assistant, "sources", "list").stdout
    shown = json.loads(footnote(assistant, "sources", "show", "tea", "--json").stdout)
    assert shown["setup"]["options"]["path"] == str(folder)
    for path in folder.iterdir():
        path.unlink()
    empty = footnote(assistant, "sources", "sync", "tea")
    assert (empty.returncode, "--confirm" in empty.stderr) == (4, True)
    assert footnote(assistant, "sources", "sync", "tea", "--confirm").returncode == 0
    assert footnote(assistant, "sources", "pause", "tea").returncode == 0
    assert footnote(assistant, "sources", "sync", "tea").returncode == 1
    removed = footnote(assistant, "sources", "remove", "tea", "--json")
    assert json.loads(removed.stdout) == {"name": "tea", "deleted": 0, "kept": 0}


def footnote(assistant: System, *words: str, at: Path | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "services", *words]
    return subprocess.run(
        command, env=dict(assistant.environment), cwd=at, capture_output=True, text=True, timeout=90, check=False
    )


def test_secrets_stay_where_they_are(assistant: System) -> None:
    """In no answer, log or table; named, missing, and exposed ones alike."""
    web = {"connector": "web", "options": {"url": "http://127.0.0.1:9/"}, "every_s": None}
    body = {"name": "site", **web, "secrets": {"authorization": "WEB_TOKEN"}}
    added = assistant.admin.post("/v1/data-sources", json=body)
    assert added.status_code == 201, added.text
    assert ended(assistant, "site")["outcome"] in ENDED
    missing = {**body, "name": "site2", "secrets": {"authorization": "nowhere"}}
    assistant.admin.post("/v1/data-sources", json=missing)
    sync = ended(assistant, "site2")
    assert (sync["code"], "FOOTNOTE_SOURCE_NOWHERE" in sync["reason"]) == ("secret_missing", True)
    exposed = assistant.data_dir / "secrets" / "exposed"
    exposed.parent.mkdir()
    exposed.write_text(SECRET)
    exposed.chmod(stat.S_IRUSR | stat.S_IRGRP)
    assistant.admin.post("/v1/data-sources", json={**body, "name": "site3", "secrets": {"authorization": "exposed"}})
    assert ended(assistant, "site3")["code"] == "secret_exposed"
    given = {**web, "name": "site4", "options": {**web["options"], "authorization": SECRET}}  # type: ignore[dict-item]
    refused = assistant.admin.post("/v1/data-sources", json=given)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_options")
    answers = [refused.text, assistant.admin.get("/v1/data-sources").text]
    answers += [assistant.admin.get(f"/v1/data-sources/{name}").text for name in ("site", "site2", "site3")]
    logs = "".join(log.read_text() for log in assistant.data_dir.parent.glob("*.log"))
    assert SECRET not in logs + "".join(answers)
    with assistant.database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(text(f'SELECT * FROM "{table.name}"')):  # noqa: S608 - our own tables
                assert SECRET not in repr(row)
