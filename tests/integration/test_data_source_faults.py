"""Data sources when something dies: the sync, its scheduler, the folder; and how soon a change is noticed."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from services.db.models import DataSource, DataSourceItem
from tests import system
from tests.integration.syncing import add, documents, ended, ingested, reading, setup, synced, until
from tests.system import System


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


def test_an_unmounted_folder_fails_and_an_empty_one_waits_for_a_word(assistant: System, folder: Path) -> None:
    (folder / "a.md").write_text("The apricot is kept in the cellar.")
    (folder / "b.md").write_text("The blackcurrant is kept in the attic.")
    add(assistant, "fruit", folder)
    ended(assistant, "fruit")
    away = folder.with_name(f"{folder.name}-away")
    folder.rename(away)
    sync = synced(assistant, "fruit")
    assert (sync["outcome"], sync["code"]) == ("failed", "data_source_unavailable")
    folder.mkdir()
    sync = synced(assistant, "fruit")
    assert (sync["outcome"], sync["unconfirmed"]) == ("needs_confirmation", 2)
    assert len(documents(assistant, "fruit")) == 2
    listed = {one["name"]: one for one in assistant.admin.get("/v1/data-sources").json()["items"]}
    assert listed["fruit"]["setup"]["state"] == "needs_confirmation"
    sync = synced(assistant, "fruit", confirm=True)
    assert (sync["outcome"], documents(assistant, "fruit")) == ("done", {})
    shutil.rmtree(away)


def test_kill_9_in_the_middle_costs_nothing_but_time(assistant: System, folder: Path) -> None:
    count = 100
    for number in range(count):
        (folder / f"{number:03}.txt").write_text(f"Note {number} says nothing.")
    jobs = ingested(assistant)
    add(assistant, "notes", folder)
    pid = until(lambda: running_sync(assistant, "notes", least=20), every=0.02)
    os.kill(pid, signal.SIGKILL)
    until(lambda: setup(assistant, "notes")["sync"]["outcome"] == "failed")
    assert setup(assistant, "notes")["sync"]["code"] == "sync_crashed"
    assert "SIGKILL" in setup(assistant, "notes")["sync"]["reason"]
    sync = synced(assistant, "notes", settled=False)
    assert sync["outcome"] == "done"
    assert sync["counters"]["unchanged"] >= 20
    assert (sync["counters"]["unchanged"] + sync["counters"]["fetched"], sync["counters"]["listed"]) == (count, count)
    all_of_them = assistant.admin.get("/v1/data-sources/notes").json()["documents"]
    assert (all_of_them, ingested(assistant) - jobs) == (count, count)
    assert assistant.admin.delete("/v1/data-sources/notes", params={"confirm": True}).json()["deleted"] == count


def running_sync(assistant: System, name: str, *, least: int) -> int | None:
    """The pid of the process that syncs, once it has registered so many items."""
    with assistant.database.read() as session:
        named = select(DataSource).where(DataSource.name == name, DataSource.removed_at.is_(None))
        source = session.scalar(named)
        if source is None or source.lease_owner is None:
            return None
        mine = DataSourceItem.data_source_id == source.id
        done = session.scalar(select(func.count()).select_from(DataSourceItem).where(mine)) or 0
        return int(source.lease_owner.rpartition(":")[2]) if done >= least else None


def test_a_stopped_scheduler_leaves_no_sync_behind_and_another_goes_on(assistant: System, folder: Path) -> None:
    count = 100
    for number in range(count):
        (folder / f"{number:03}.txt").write_text(f"Memo {number} says nothing.")
    scheduler = assistant.processes["scheduler"]
    with system.process("scheduler", assistant.environment, assistant.data_dir):  # two at once are fine
        add(assistant, "memos", folder)
        pid = until(lambda: running_sync(assistant, "memos", least=10), every=0.02)
        scheduler.kill()  # no last word: the lifeline must end what it started
        scheduler.wait()
        sync = ended(assistant, "memos", settled=False)
        assert sync["outcome"] == "done"
        assert len(documents_of(assistant, "memos")) == count
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    again = system.process("scheduler", assistant.environment, assistant.data_dir)
    assistant.processes["scheduler"] = assistant.stack.enter_context(again)
    assert assistant.admin.delete("/v1/data-sources/memos", params={"confirm": True}).json()["deleted"] == count


def documents_of(assistant: System, name: str) -> list[str]:
    listed: list[str] = []
    cursor = None
    while True:
        page = assistant.admin.get(
            f"/v1/data-sources/{name}/items", params={"limit": 50, **({"cursor": cursor} if cursor else {})}
        ).json()
        listed += [one["external_id"] for one in page["items"] if one["document_id"]]
        cursor = page["next_cursor"]
        if not cursor:
            return listed


def test_a_change_in_a_watched_folder_is_synced_soon(assistant: System, folder: Path) -> None:
    (folder / "a.md").write_text("The first note.")
    add(assistant, "watched", folder, every_s=86400)
    ended(assistant, "watched")

    def noticed() -> bool:
        (folder / "b.md").write_text(f"The gooseberry arrives at {time.monotonic()}.")
        time.sleep(1.0)  # the watcher takes up a new folder within five seconds; until then it misses changes
        return int(setup(assistant, "watched")["sync"]["number"]) > 1

    until(noticed)
    ended(assistant, "watched", 2)
    assert sorted(documents(assistant, "watched")) == ["a.md", "b.md"]
