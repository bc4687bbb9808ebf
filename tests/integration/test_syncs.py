"""Syncs against a scripted data source, on both databases: what becomes a document, what is left alone, what goes."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import func, select, update

from ingest.connectors.contract import Batch, Connector, ConnectorError
from ingest.connectors.kinds import connector_for
from retrieval.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from retrieval.types import Principal
from services.blobs.directory import DirectoryStore
from services.db.audit_log import AuditLog
from services.db.data_sources import DataSources, NewDataSource, SourceChange, SourceRow
from services.db.database import Database, clock
from services.db.documents import Documents
from services.db.jobs import LeaseLostError
from services.db.models import DataSource, DataSourceItem, Document, Job, Version
from services.db.registration import Change
from services.db.source_items import SourceItems
from services.db.syncs import CHANGES, SyncLease, Syncs
from services.sync.sync import StepAsideError, Sync
from tests.integration.connector_contract import policy_for
from tests.integration.scripted_source import KilledError, ScriptedConnector, ScriptedSource
from tests.integration.test_connectors_files import closed
from tests.integration.test_registry import ANN, BOB, handbook, make_ready, someone, visible

NAME = "wiki"
LIMIT = 1000
ROOT = Principal("root", "root@example.com", frozenset(), is_admin=True)


@dataclass
class Scene:
    """A registry with one data source, its owner, and a way to sync it in this very process."""

    database: Database
    folder: Path
    owner: Principal
    source: ScriptedSource = field(default_factory=ScriptedSource)
    rung: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sources, self.syncs = DataSources(self.database), Syncs(self.database)
        self.items, self.documents = SourceItems(self.database), Documents(self.database)
        self.blobs = DirectoryStore(self.folder / "blobs")

    def add(self, *grants: str, every_s: int | None = None, name: str = NAME) -> None:
        new = NewDataSource(name, "scripted", {}, {}, grants or ("group:all",), every_s)
        self.sources.add(new, self.owner, sync=False)

    def claim(self, *, confirm: bool = False, name: str = NAME, owner: str = "test") -> SyncLease:
        self.sources.request_sync(name, confirm=confirm)
        lease = self.syncs.claim(self.row(name).source.id, owner)
        assert lease is not None
        return lease

    def run(self, lease: SyncLease, **more: Any) -> None:
        self.made(lease, self.source.connector(), **more).run()

    def made(self, lease: SyncLease, connector: Connector, **more: Any) -> Sync:
        return Sync(
            lease,
            connector,
            syncs=self.syncs,
            items=self.items,
            blobs=self.blobs,
            ring=self.rung.extend,
            folder=self.folder,
            limit=LIMIT,
            **more,
        )

    def sync(self, *, confirm: bool = False) -> SourceRow:
        """Sync once, as the child process does."""
        lease = self.claim(confirm=confirm)
        try:
            self.run(lease)
        except ConnectorError as error:
            self.syncs.fail(lease, error, {})
        self.work()
        return self.row()

    def work(self) -> None:
        """What workers would do: every ingest job that waits becomes ready."""
        with self.database.read() as session:
            waiting = select(Job.document_id).where(Job.state == "queued", Job.kind == "ingest")
            ids = list(session.scalars(waiting))
        for id_ in ids:
            make_ready(self.database, Change(self.documents.get(id_, ROOT), True))

    def row(self, name: str = NAME) -> SourceRow:
        return self.sources.get(name)

    def expire(self) -> None:
        with self.database.write() as session:
            session.execute(update(DataSource).values(lease_until=clock(session) - timedelta(seconds=1)))

    def there(self) -> dict[str, Document]:
        """Living documents of the data source by external id."""
        with self.database.read() as session:
            alive = select(Document).where(Document.data_source == NAME, Document.deleted_at.is_(None))
            return {document.external_id: document for document in session.scalars(alive)}

    def texts(self) -> dict[str, str]:
        """What the newest versions of the living documents say."""
        with self.database.read() as session:
            return {
                name: self.blobs.read(session.get_one(Version, (document.id, document.latest_version)).sha256).decode()
                for name, document in self.there().items()
            }

    def grants(self, name: str) -> tuple[str, ...]:
        return self.documents.get(self.there()[name].id, ROOT).grants

    def jobs(self, kind: str) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(Job).where(Job.kind == kind)) or 0


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    made = Scene(database, tmp_path, someone(database, ANN, admin=True))
    made.add()
    return made


@pytest.fixture(params=["everything", "differences"])
def either(request: pytest.FixtureRequest, scene: Scene) -> Scene:
    scene.source.whole = request.param == "everything"
    return scene


def counters(row: SourceRow) -> dict[str, int]:
    return {name: count for name, count in row.source.counters.items() if count}


def test_the_first_sync_makes_documents_and_the_second_fetches_and_queues_nothing(either: Scene) -> None:
    for name in ("a", "b", "c", "d/e"):
        either.source.put(name, f"text of {name}", title=f"Title of {name}", url=f"https://wiki.example/{name}")
    row = either.sync()
    assert (row.source.outcome, row.documents) == ("done", 4)
    assert counters(row) == {"listed": 4, "fetched": 4, "new": 4}
    assert either.texts() == {name: f"text of {name}" for name in ("a", "b", "c", "d/e")}
    document = either.there()["d/e"]
    assert (document.title, document.url) == ("Title of d/e", "https://wiki.example/d/e")
    assert either.grants("a") == ("group:all",)
    assert len(either.rung) == 4
    jobs = either.jobs("ingest")
    either.source.fetched.clear()
    row = either.sync()
    assert either.source.fetched == []
    assert either.jobs("ingest") == jobs
    assert counters(row).get("unchanged", 0) == (4 if either.source.whole else 0)


def test_a_change_is_a_new_version_of_the_same_document(either: Scene) -> None:
    either.source.put("a", "old")
    either.source.put("b", "as it was")
    either.sync()
    before = either.there()["a"].id
    either.source.put("a", "new")
    row = either.sync()
    assert (either.there()["a"].id, either.there()["a"].latest_version) == (before, 2)
    assert either.texts() == {"a": "new", "b": "as it was"}
    assert counters(row)["changed"] == 1


def test_what_the_source_no_longer_has_is_deleted(either: Scene) -> None:
    for name in "abc":
        either.source.put(name, name)
    either.sync()
    either.source.drop("b")
    row = either.sync()
    assert sorted(either.there()) == ["a", "c"]
    assert (row.source.outcome, counters(row)["deleted"], either.jobs("delete")) == ("done", 1, 1)


def test_a_move_keeps_the_document_and_costs_no_parse(either: Scene) -> None:
    for name in "abc":
        either.source.put(name, f"text of {name}")
    either.sync()
    before, jobs = either.there()["b"].id, either.jobs("ingest")
    either.source.move("b", "attic/b")
    row = either.sync()
    moved = either.there()["attic/b"]
    assert sorted(either.there()) == ["a", "attic/b", "c"]
    assert (moved.id, moved.title) == (before, "attic/b")
    assert (either.jobs("ingest"), either.jobs("delete")) == (jobs, 0)
    assert counters(row) == {**counters(row), "moved": 1}
    assert "deleted" not in counters(row)
    root = Principal("", "", frozenset({"group:all"}))
    assert visible(either.database, root, before) == 1


def test_a_whole_folder_may_be_renamed_without_a_word_from_anybody(either: Scene) -> None:
    for number in range(25):
        either.source.put(f"old/{number:02}", f"text {number}")
    either.sync()
    before = {document.id for document in either.there().values()}
    for number in range(25):
        either.source.move(f"old/{number:02}", f"new/{number:02}")
    row = either.sync()
    assert row.source.outcome == "done"
    assert {document.id for document in either.there().values()} == before
    assert all(name.startswith("new/") for name in either.there())


def test_a_copy_is_a_document_of_its_own(either: Scene) -> None:
    either.source.put("a", "the same text")
    either.sync()
    either.source.put("b", "the same text")
    either.sync()
    assert len({document.id for document in either.there().values()}) == 2


def test_a_failing_item_stops_no_other_and_is_tried_again(either: Scene) -> None:
    for name in "abc":
        either.source.put(name, name)
    either.source.broken = {"b"}
    row = either.sync()
    assert (row.source.outcome, row.failed_items, sorted(either.there())) == ("partly", 1, ["a", "c"])
    [failed] = either.sources.items(NAME, failed=True, after=None, limit=10)
    assert (failed.item.external_id, failed.item.reason) == ("b", "It could not be fetched.")
    row = either.sync()
    assert (row.source.outcome, either.source.fetched.count("b")) == ("partly", 2)
    either.source.broken = set()
    row = either.sync()
    assert (row.source.outcome, row.failed_items, sorted(either.there())) == ("done", 0, ["a", "b", "c"])


def test_a_change_that_cannot_be_fetched_leaves_the_document_as_it_was(either: Scene) -> None:
    either.source.put("a", "old")
    either.sync()
    either.source.put("a", "new")
    either.source.broken = {"a"}
    either.sync()
    assert either.texts() == {"a": "old"}
    either.source.broken = set()
    either.sync()
    assert either.texts() == {"a": "new"}


def test_an_item_too_large_empty_or_of_impossible_name_or_grants_fails_alone(scene: Scene) -> None:
    scene.source.put("fine", "text")
    scene.source.put("large", "x" * (LIMIT + 1))
    scene.source.put("empty", "")
    scene.source.put("n" * 1001, "text")
    scene.source.put("nul\x00", "text")
    scene.source.put("漢" * 1000, "text")
    scene.source.put("grants", "text", grants=("everybody",))
    row = scene.sync()
    assert sorted(scene.there()) == ["fine"]
    assert (row.source.outcome, row.failed_items) == ("partly", 6)
    codes = {one.item.code for one in scene.sources.items(NAME, failed=True, after=None, limit=10)}
    assert codes == {"too_large", "empty_file", "invalid_name", "invalid_grant"}


def test_a_source_that_is_down_deletes_nothing_and_is_tried_again_later(either: Scene) -> None:
    for name in "abc":
        either.source.put(name, name)
    either.sync()
    either.source.down_after = 0
    either.source.things.clear()
    row = either.sync()
    assert (row.source.outcome, row.source.code, row.state) == ("failed", "data_source_unavailable", "failed")
    assert row.source.reason == "The scripted source is down."
    assert len(either.there()) == 3
    assert row.source.next_sync_at is not None


def test_failing_again_and_again_is_tried_less_often_and_without_a_schedule_no_more(scene: Scene) -> None:
    scene.add(every_s=60, name="hourly")
    for name, ends in (("hourly", False), (NAME, True)):
        scene.sources.request_sync(name, confirm=False)
        waits = []
        for _ in range(4):
            with scene.database.write() as session:
                now = clock(session)
                session.execute(update(DataSource).where(DataSource.name == name).values(next_sync_at=now))
            lease = scene.syncs.claim(scene.row(name).source.id, "test")
            assert lease is not None
            scene.syncs.fail(lease, ConnectorError("down"), {})
            row = scene.row(name).source
            waits.append((row.next_sync_at - row.finished_at).total_seconds() if row.next_sync_at else None)  # type: ignore[operator]
        assert (waits[2] is None) == ends
        if not ends:
            assert waits == sorted(waits)  # type: ignore[type-var]
            assert waits[3] >= 4 * waits[0]  # type: ignore[operator]


def test_a_source_that_lists_nothing_deletes_nothing_until_somebody_confirms(either: Scene) -> None:
    for name in "abc":
        either.source.put(name, name)
    either.sync()
    for name in "abc":
        either.source.drop(name)
    row = either.sync()
    assert (row.source.outcome, row.state, row.source.unconfirmed) == ("needs_confirmation", "needs_confirmation", 3)
    assert len(either.there()) == 3
    assert either.sync().source.unconfirmed == 3  # asked again, not forgotten
    row = either.sync(confirm=True)
    assert (row.source.outcome, row.source.unconfirmed, either.there()) == ("done", 0, {})
    assert not row.source.confirmed


def test_losing_more_than_half_of_many_documents_needs_a_word_and_less_does_not(either: Scene) -> None:
    names = [f"{number:02}" for number in range(24)]
    for name in names:
        either.source.put(name, name)
    either.sync()
    for name in names[:12]:
        either.source.drop(name)
    assert either.sync().source.outcome == "done"
    for name in names[12:]:
        either.source.put(f"x{name}", f"other {name}")
    either.sync()
    for name in names[12:]:
        either.source.drop(name)
    either.source.drop(f"x{names[12]}")
    assert (either.sync().source.unconfirmed, len(either.there())) == (13, 24)


def test_what_comes_back_before_anybody_confirms_stays(either: Scene) -> None:
    for name in "abc":
        either.source.put(name, name)
    either.sync()
    kept = dict(either.source.things)
    for name in "abc":
        either.source.drop(name)
    either.sync()
    before = {document.id for document in either.there().values()}
    either.source.things = kept
    either.source.journal += list("abc")
    row = either.sync()
    assert (row.source.outcome, row.source.unconfirmed) == ("done", 0)
    assert {document.id for document in either.there().values()} == before


def test_a_listing_that_was_not_whole_deletes_nothing(scene: Scene) -> None:
    for name in "abc":
        scene.source.put(name, name)
    scene.sync()
    scene.source.drop("a")
    scene.source.incomplete = True
    assert (scene.sync().source.outcome, len(scene.there())) == ("done", 3)
    scene.source.incomplete = False
    scene.sync()
    assert sorted(scene.there()) == ["b", "c"]


def test_what_could_not_be_listed_keeps_its_document(scene: Scene) -> None:
    for name in "abc":
        scene.source.put(name, name)
    scene.sync()
    scene.source.unlisted = {"b"}
    row = scene.sync()
    assert (row.source.outcome, row.failed_items, len(scene.there())) == ("partly", 1, 3)
    scene.source.unlisted = set()
    assert scene.sync().source.outcome == "done"


def test_an_item_that_proves_to_be_gone_when_it_is_fetched_goes(scene: Scene) -> None:
    for name in "abc":
        scene.source.put(name, name)
    scene.sync()
    scene.source.put("b", "changed")
    scene.source.lost = {"b"}
    assert scene.sync().source.outcome == "done"
    assert sorted(scene.there()) == ["a", "c"]


@pytest.mark.parametrize("fetches", [0, 1, 2, 5])
def test_a_sync_that_was_killed_is_gone_on_with(either: Scene, fetches: int) -> None:
    for number in range(7):
        either.source.put(str(number), f"text {number}")
    either.source.kill_after = fetches
    lease = either.claim()
    with pytest.raises(KilledError):
        either.run(lease)
    either.source.kill_after = None
    assert either.syncs.claim(lease.source_id, "other") is None  # nobody knows yet that it is dead
    either.expire()
    assert either.syncs.due(limit=5) == [lease.source_id]
    again = either.syncs.claim(lease.source_id, "other")
    assert again is not None
    either.run(again)
    either.work()
    assert either.texts() == {str(number): f"text {number}" for number in range(7)}
    assert either.row().source.outcome == "done"
    assert len(either.source.fetched) == 7  # what was registered is not fetched again
    assert either.jobs("ingest") == 7


def told(scene: Scene) -> list[tuple[int, str, dict[str, int]]]:
    """What the audit log says of syncs: their number, how each ended and what it brought."""
    events = AuditLog(scene.database).page(behind=0, limit=1000, event_name="upload_complete")
    said = [event["details"] for event in events if event["subject"] == f"data_source:{NAME}"]
    return [
        (one["sync"], one["outcome"], {n: one["counters"][n] for n in CHANGES if one["counters"].get(n)})
        for one in said
    ]


@pytest.mark.parametrize("outcome", ["released", "crashed", "stopped", "broken_off"])
def test_a_sync_that_does_not_come_to_its_end_says_in_the_audit_log_what_it_brought(scene: Scene, outcome: str) -> None:
    for name in "abc":
        scene.source.put(name, f"text of {name}")
    scene.source.kill_after = 2
    lease = scene.claim()
    with pytest.raises(KilledError):
        scene.run(lease)
    scene.source.kill_after = None
    if outcome == "released":
        scene.syncs.release(lease, {"listed": 2})
        assert counters(scene.row()) == {"listed": 2, "new": 2}
    elif outcome == "crashed":
        scene.syncs.crashed(lease.source_id, "test", "It died.")
    elif outcome == "stopped":
        for paused in (True, False):
            scene.sources.change(NAME, SourceChange(paused=paused))
    else:
        scene.expire()
    again = scene.sync().source.sync_number
    assert told(scene) == [(1, outcome, {"new": 2}), (again, "done", {"new": 1})]


def test_each_deletion_and_change_and_move_is_counted_as_it_is_made(either: Scene) -> None:
    for name in "abcde":
        either.source.put(name, f"text of {name}")
    either.sync()
    either.source.put("a", "changed")
    either.source.drop("b")
    either.source.move("c", "z")
    lease = either.claim()
    with patch.object(either.syncs, "end", side_effect=KilledError), pytest.raises(KilledError):
        either.run(lease)
    either.expire()
    either.sync()
    assert told(either)[1:] == [(2, "broken_off", {"changed": 1, "moved": 1, "deleted": 1})]


def test_a_move_is_still_one_when_the_sync_is_killed_in_between(either: Scene) -> None:
    for name in "abcd":
        either.source.put(name, f"text of {name}")
    either.sync()
    before = {name: document.id for name, document in either.there().items()}
    either.source.move("a", "z")
    either.source.put("zz", "other")
    either.source.fetched.clear()
    either.source.kill_after = 1
    with pytest.raises(KilledError):
        either.run(either.claim())
    either.source.kill_after = None
    either.expire()
    either.sync()
    assert either.there()["z"].id == before["a"]
    assert sorted(either.there()) == ["b", "c", "d", "z", "zz"]


def test_of_two_schedulers_one_syncs_and_a_stopped_one_is_fenced_out(scene: Scene) -> None:
    scene.source.put("a", "text")
    first = scene.claim(owner="one")
    assert scene.syncs.claim(first.source_id, "two") is None
    scene.expire()
    second = scene.syncs.claim(first.source_id, "two")
    assert second is not None
    with pytest.raises(LeaseLostError):
        scene.run(first)
    assert scene.there() == {}
    with pytest.raises(LeaseLostError):
        scene.syncs.renew(first, {})
    with pytest.raises(LeaseLostError):
        scene.syncs.end(first, "done", {})
    scene.run(second)
    assert sorted(scene.there()) == ["a"]


def test_a_pause_ends_what_runs_and_nothing_is_due_until_it_is_resumed(scene: Scene) -> None:
    scene.source.put("a", "text")
    lease = scene.claim()
    row = scene.sources.change(NAME, SourceChange(paused=True))
    assert (row.state, row.source.outcome) == ("paused", "stopped")
    with pytest.raises(LeaseLostError):
        scene.run(lease)
    assert scene.syncs.due(limit=5) == []
    with pytest.raises(ConflictError):
        scene.sources.request_sync(NAME, confirm=False)
    scene.sources.change(NAME, SourceChange(paused=False))
    assert scene.syncs.due(limit=5) == [lease.source_id]
    scene.sync()
    assert sorted(scene.there()) == ["a"]


def test_a_schedule_makes_it_due_again_and_again(scene: Scene) -> None:
    scene.sources.change(NAME, SourceChange(every_s=600))
    row = scene.sync().source
    assert row.next_sync_at is not None
    assert row.finished_at is not None
    assert (row.next_sync_at - row.finished_at).total_seconds() == 600
    row = scene.sources.change(NAME, SourceChange(every_s=0)).source
    assert (row.every_s, row.next_sync_at) == (None, None)


def test_who_asks_while_a_sync_runs_gets_another_one(scene: Scene) -> None:
    lease = scene.claim()
    number = scene.sources.request_sync(NAME, confirm=True)
    assert number == lease.number + 1
    scene.run(lease)
    assert scene.row().state == "waiting"
    assert scene.row().source.confirmed  # the word was for the sync that is still to come
    again = scene.syncs.claim(lease.source_id, "test")
    assert again is not None
    assert (again.number, again.confirmed) == (number, True)


def test_a_folder_that_changes_all_the_time_is_not_synced_without_a_pause(scene: Scene) -> None:
    lease = scene.claim()
    for _ in range(3):  # while it is synced
        scene.syncs.hasten([lease.source_id])
    scene.syncs.end(lease, "done", {})
    assert scene.syncs.due(limit=1) == []
    assert scene.row().source.next_sync_at is not None


def test_who_asks_while_a_changing_folder_is_synced_waits_for_no_pause(scene: Scene) -> None:
    lease = scene.claim()
    scene.sources.request_sync(NAME, confirm=False)
    scene.syncs.hasten([lease.source_id])
    scene.syncs.end(lease, "done", {})
    assert scene.syncs.due(limit=1) == [lease.source_id]


def test_changed_defaults_reach_documents_without_grants_of_their_own_and_none_that_somebody_changed(
    scene: Scene,
) -> None:
    scene.source.put("plain", "1")
    scene.source.put("own", "2", grants=("group:hr",))
    scene.source.put("by hand", "3")
    scene.sync()
    scene.documents.set_grants(scene.there()["by hand"].id, ("group:board",), scene.owner)
    ingested = scene.jobs("ingest")
    scene.sources.change(NAME, SourceChange(grants=("group:sales",)))
    ring = scene.items.apply_defaults()
    assert scene.items.apply_defaults() is None
    assert ring is not None
    assert len(ring) == 1
    expected = {"plain": ("group:sales",), "own": ("group:hr",), "by hand": ("group:board",)}
    assert {name: scene.grants(name) for name in expected} == expected
    for name in expected:
        scene.source.put(name, "new bytes", grants=("group:hr",) if name == "own" else None)
    scene.sync()
    assert {name: scene.grants(name) for name in expected} == expected
    assert scene.jobs("ingest") == ingested + 3
    scene.sources.change(NAME, SourceChange(grants=()))
    scene.items.apply_defaults()
    assert scene.grants("plain") == (f"user:{ANN}",)


def test_grants_follow_the_source_without_a_fetch(scene: Scene) -> None:
    scene.source.put("a", "text", grants=("group:hr",))
    scene.source.put("b", "other text")
    scene.sync()
    scene.source.things["a"].grants = ("group:board",)
    scene.source.things["b"].grants = ()
    fetched = len(scene.source.fetched)
    scene.sync()
    assert (scene.grants("a"), scene.grants("b")) == (("group:board",), (f"user:{ANN}",))
    scene.source.things["a"].grants = None
    scene.sync()
    assert scene.grants("a") == ("group:all",)
    assert len(scene.source.fetched) == fetched


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (("everyone",), ("group:hr",), ("group:hr",)),
        (("everyone",), (), (f"user:{ANN}",)),
        (("group:hr", "group:it"), ("group:it", "group:law"), ("group:it",)),
        (("group:hr",), ("group:it",), (f"user:{ANN}",)),
        (("group:hr",), ("everyone",), ("group:hr",)),
        (("group:hr",), None, ("group:hr",)),
        (None, ("group:hr",), (f"user:{ANN}",)),
    ],
)
def test_grants_that_were_withdrawn_wait_for_no_fetch_and_new_ones_come_with_the_new_bytes(
    scene: Scene, before: tuple[str, ...] | None, now: tuple[str, ...] | None, expected: tuple[str, ...]
) -> None:
    scene.source.put("a", "old", grants=before)
    scene.sync()
    scene.source.put("a", "new", grants=now)
    scene.source.broken = {"a"}
    for _ in range(2):
        scene.sync()
        assert (scene.grants("a"), scene.texts()) == (expected, {"a": "old"})
    scene.source.broken = set()
    scene.sync()
    wanted = ("group:all",) if now is None else now or (f"user:{ANN}",)
    assert (scene.grants("a"), scene.texts()) == (wanted, {"a": "new"})


def test_a_failing_fetch_leaves_grants_that_somebody_changed_by_hand(scene: Scene) -> None:
    scene.source.put("a", "old", grants=("group:hr", "group:it"))
    scene.sync()
    scene.documents.set_grants(scene.there()["a"].id, ("group:board",), scene.owner)
    scene.source.put("a", "new", grants=("group:it", "group:hr"))
    scene.source.broken = {"a"}
    scene.sync()
    assert scene.grants("a") == ("group:board",)


def test_documents_of_a_folder_that_was_closed_are_read_by_nobody_else_until_it_is_open_again(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "handbook"
    (root / "d").mkdir(parents=True)
    for name in ("a.md", "d/b.md"):
        (root / name).write_text(f"text of {name}")
    root.chmod(0o755)
    options = {"path": str(root), "grants_from": "posix_group"}
    policy = policy_for(tmp_path)
    monkeypatch.setattr(scene.source, "connector", lambda: connector_for("folder", options, {}, policy=policy))
    scene.sync()
    assert (scene.grants("a.md"), scene.grants("d/b.md")) == (("everyone",), ("everyone",))
    with closed(root / "d"):
        row = scene.sync()
        assert (scene.grants("a.md"), scene.grants("d/b.md")) == (("everyone",), (f"user:{ANN}",))
        assert (row.source.outcome, len(scene.there())) == ("partly", 2)
    assert scene.sync().source.outcome == "done"
    assert scene.grants("d/b.md") == ("everyone",)


def test_a_batch_of_nothing_changes_nothing_and_shows_that_the_connector_is_alive(scene: Scene) -> None:
    class Quiet(ScriptedConnector):
        def changes(self, cursor: str | None) -> Iterator[Batch]:
            yield from super().changes(cursor)
            for _ in range(3):
                before = run.moved_at
                yield Batch(())
                moved.append(run.moved_at > before)

    scene.source.put("a", "text")
    moved = list[bool]()
    lease = scene.claim()
    run = scene.made(lease, Quiet(scene.source))
    run.run()
    assert (moved, sorted(scene.there()), scene.row().source.outcome) == ([True] * 3, ["a"], "done")


def test_removing_deletes_the_documents_at_once_and_asks_first(scene: Scene) -> None:
    for name in "abc":
        scene.source.put(name, name)
    scene.sync()
    with pytest.raises(ConflictError) as refused:
        scene.sources.remove(NAME, keep_documents=False, confirmed=False)
    assert refused.value.code == "confirmation_required"
    assert scene.sources.remove(NAME, keep_documents=False, confirmed=True) == 3
    assert scene.there() == {}
    with pytest.raises(NotFoundError):
        scene.row()
    assert len(scene.items.sweep() or ()) == 3
    assert scene.items.sweep() is None
    assert scene.jobs("delete") == 3
    scene.add()  # the name is free again
    assert scene.row().documents == 0


def test_documents_that_are_kept_are_like_uploads(scene: Scene) -> None:
    scene.source.put("a", "text")
    scene.sync()
    upload = handbook("c" * 64, data_source=NAME, external_id="a")
    with pytest.raises(ConflictError) as refused:
        scene.documents.register(upload, scene.owner)
    assert refused.value.code == "document_is_synced"
    other = handbook("d" * 64, data_source=NAME, external_id="another")
    alone, beside = scene.documents.register_all([upload, other], scene.owner)
    assert str(alone) == str(refused.value)
    assert isinstance(beside, Change)
    scene.documents.delete(beside.row.document.id, scene.owner)
    assert scene.sources.remove(NAME, keep_documents=True, confirmed=False) == 1
    assert scene.documents.register(upload, scene.owner).row.document.latest_version == 2


def test_a_sync_takes_over_its_owners_uploads_of_that_name_and_nobody_elses(scene: Scene) -> None:
    bob = someone(scene.database, BOB)
    blob = scene.blobs.put(b"text")
    mine = scene.documents.register(handbook(blob.sha256, data_source=NAME, external_id="a"), scene.owner)
    bobs = scene.documents.register(handbook(blob.sha256, data_source=NAME, external_id="b"), bob)
    make_ready(scene.database, mine)
    make_ready(scene.database, bobs)
    scene.source.put("a", "text")
    scene.source.put("b", "text")
    jobs = scene.jobs("ingest")
    scene.sync()
    assert scene.there()["a"].id == mine.row.document.id
    assert scene.documents.get(bobs.row.document.id, ROOT).grants == (f"user:{BOB}",)
    assert scene.jobs("ingest") == jobs + 1  # for b; a was here already


def test_a_sync_waits_while_the_workers_are_far_behind(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.db.syncs.CROWDED", 3)
    for number in range(3):
        scene.documents.register(handbook(f"{number}" * 64, external_id=str(number)), scene.owner)
    scene.source.put("a", "text")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        assert scene.source.fetched == []
        waited.append(seconds)
        if len(waited) == 2:
            scene.work()

    scene.run(scene.claim(), sleep=sleep)
    assert (len(waited), sorted(scene.there())) == (2, ["a"])


def test_a_sync_that_waits_for_the_workers_makes_way_for_another_data_source(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.db.syncs.CROWDED", 1)
    scene.documents.register(handbook("0" * 64, external_id="0"), scene.owner)
    scene.source.put("a", "text")
    scene.add(name="small")
    lease, waited = scene.claim(), list[float]()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 40:
            scene.sources.request_sync("small", confirm=False)

    with pytest.raises(StepAsideError):
        scene.run(lease, sleep=sleep)
    assert len(waited) == 40
    scene.syncs.release(lease, {})
    assert scene.syncs.due(limit=2) == [scene.row("small").source.id, lease.source_id]


def test_a_full_disk_ends_the_sync_and_loses_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.source.whole = False
    scene.source.put("a", "text")
    lease = scene.claim()

    def full(*_: object, **__: object) -> None:
        raise UnavailableError("The disk for originals is full: nothing was stored.", code="storage_full")

    with monkeypatch.context() as patch:
        patch.setattr(scene.blobs, "put_file", full)
        with pytest.raises(UnavailableError) as failed:
            scene.run(lease)
    scene.syncs.fail(lease, failed.value, {})
    assert scene.row().source.cursor is None
    scene.sync()
    assert sorted(scene.there()) == ["a"]


def test_a_document_that_somebody_deleted_stays_away_until_it_changes(scene: Scene) -> None:
    scene.source.put("a", "text")
    scene.source.put("b", "text b")
    scene.sync()
    scene.documents.delete(scene.there()["a"].id, scene.owner)
    scene.sync()
    assert sorted(scene.there()) == ["b"]
    scene.source.put("a", "new text")
    scene.sync()
    assert scene.texts() == {"a": "new text", "b": "text b"}


def test_names_are_taken_once_and_uploads_is_kept(scene: Scene) -> None:
    with pytest.raises(ConflictError):
        scene.add()
    for name in ("uploads", "Uploads"):
        with pytest.raises(InvalidInputError):
            scene.add(name=name)


def test_the_same_bytes_are_remembered_once_an_item(scene: Scene) -> None:
    scene.source.put("a", "text")
    scene.sync()
    scene.sync()
    with scene.database.read() as session:
        [item] = session.scalars(select(DataSourceItem))
    assert (item.external_id, item.revision, item.waiting, item.gone) == ("a", f"1-{zlib.crc32(b'text')}", None, False)
