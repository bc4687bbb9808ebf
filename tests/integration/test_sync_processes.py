"""The processes of syncs: how many run, how long, and what is left when one hangs, crashes or is told to stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from services.db.data_sources import SourceChange
from services.db.database import Database
from services.queue import Doorbell, celery_app
from services.sync import launcher
from services.sync.launcher import Launcher, child_name
from tests.integration.test_registry import ANN, someone
from tests.integration.test_syncs import NAME, Scene

SLEEPER = ("sh", "-c", "sleep 600 & sleep 600")
NOWHERE = "redis://127.0.0.1:1/0"
# A sync in a process of its own, with a connector that does `what` when it is asked for changes.
SYNC = """
import sys, time
from pathlib import Path
from ingest.connectors.contract import Batch
from services.blobs.directory import DirectoryStore
from services.db.database import Database
from services.db.source_items import SourceItems
from services.db.syncs import Syncs
from services.sync import beat, child

class Connector:
    lists_everything = False
    def changes(self, cursor):
        print("listing", flush=True)
        {what}
        yield Batch(())
    def fetch(self, item, folder, *, known_revision):
        raise AssertionError
    def close(self):
        print("closed", flush=True)

beat.EVERY_SECONDS = 0.05
beat.Beat.__init__.__kwdefaults__["patience_s"] = {patience}
url, source_id, folder = sys.argv[1:]
database = Database(url)
child.sync(child.SyncParts(
    syncs=Syncs(database), items=SourceItems(database), blobs=DirectoryStore(Path(folder) / "blobs"),
    ring=lambda ids: None, connect=lambda lease: Connector(), folder=Path(folder) / "fetched", limit=1000,
    name="child"), source_id)
"""


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    made = Scene(database, tmp_path, someone(database, ANN, admin=True))
    made.add()
    return made


Make = Callable[[Sequence[str]], Launcher]


@pytest.fixture
def launch(scene: Scene) -> Iterator[Make]:
    """Makes launchers whose children are this command; ends them."""
    made: list[Launcher] = []

    def make(command: Sequence[str]) -> Launcher:
        doorbell = Doorbell(celery_app(NOWHERE), NOWHERE)
        one = Launcher(scene.syncs, scene.items, doorbell, command=lambda _: command, environment=dict(os.environ))
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def children(one: Launcher) -> dict[str, int]:
    return {source_id: child.process.pid for source_id, child in one._children.items()}


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def until_gone(group: int) -> None:
    deadline = time.monotonic() + 30
    while is_alive(group):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_two_run_at_once_and_the_others_wait(scene: Scene, launch: Make) -> None:
    for name in ("b", "c"):
        scene.add(name=name)
    for name in (NAME, "b", "c"):
        scene.sources.request_sync(name, confirm=False)
    one = launch(SLEEPER)
    one.tick()
    started = children(one)
    assert len(started) == launcher.AT_ONCE
    one.tick()
    assert children(one) == started
    one.close()
    for group in started.values():
        until_gone(group)


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(
    scene: Scene, launch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.sources.request_sync(NAME, confirm=False)
    one = launch(SLEEPER)
    one.tick()
    [(source_id, pid)] = children(one).items()
    assert scene.syncs.claim(source_id, child_name(pid)) is not None
    monkeypatch.setattr(launcher, "WALL_SECONDS", 0.0)
    one.tick()
    one.tick()
    until_gone(pid)
    row = scene.row()
    assert (row.source.outcome, row.source.code) == ("failed", "sync_crashed")
    assert "took longer" in (row.source.reason or "")
    assert row.source.next_sync_at is not None


def test_one_that_cannot_even_start_is_not_started_again_and_again(scene: Scene, launch: Make) -> None:
    scene.sources.request_sync(NAME, confirm=False)
    one = launch((sys.executable, "-c", "raise SystemExit(3)"))
    one.tick()
    [child] = one._children.values()
    assert child.process.wait(timeout=30) == 3
    one.tick()
    one.tick()
    assert children(one) == {}
    assert scene.row().state == "waiting"  # it had not begun: nothing failed yet


def run(scene: Scene, what: str, *, patience: float = 60.0) -> "subprocess.Popen[str]":
    """A sync in a process of its own, once it lists."""
    scene.sources.request_sync(NAME, confirm=False)
    script = SYNC.format(what=what, patience=patience)
    url = scene.database.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", script, url, scene.row().source.id, str(scene.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "listing\n"
    return process


@pytest.mark.parametrize(
    ("what", "patience", "code"),
    [
        ("time.sleep(600)", 3.0, "sync_hung"),  # long enough for it to say that it lists
        ("raise ValueError('inside')", 60.0, "connector_crashed"),
        ("bytearray(10 ** 15)", 60.0, "connector_crashed"),
    ],
)
def test_a_connector_that_hangs_or_crashes_fails_its_sync_with_a_reason(
    scene: Scene, what: str, patience: float, code: str
) -> None:
    process = run(scene, what, patience=patience)
    process.communicate(timeout=60)
    row = scene.row()
    assert (row.source.outcome, row.source.code) == ("failed", code)
    assert "inside" not in (row.source.reason or "")
    assert row.source.next_sync_at is not None


@pytest.mark.parametrize("told", ["by its scheduler", "by a pause"])
def test_a_sync_that_is_told_to_stop_closes_its_connector_and_can_be_gone_on_with(scene: Scene, told: str) -> None:
    process = run(scene, "time.sleep(600)")
    if told == "by a pause":
        scene.sources.change(NAME, SourceChange(paused=True))
    else:
        process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said.startswith("closed\n")) == (0, True)
    if told == "by a pause":
        scene.sources.change(NAME, SourceChange(paused=False))
    assert scene.syncs.due(limit=5) == [scene.row().source.id]
    assert scene.row().source.failures == 0
