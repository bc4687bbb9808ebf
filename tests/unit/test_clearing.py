"""What nothing needs any more leaves the blob store, and nothing else does: real files, a real SQLite, no server."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from retrieval.access import grants_of
from retrieval.sparse import RECIPE
from retrieval.types import Principal
from services.auditing import clearing
from services.auditing.clearing import Clearing
from services.auditing.findings import Finding
from services.auditing.originals import StoreAudit, absent
from services.blobs import StoredBlob
from services.blobs.directory import DirectoryStore
from services.db.accounts import SCOPES, Accounts
from services.db.activation import Activation, Swap
from services.db.audit import AuditRegistry
from services.db.conversations import Conversations, Exchange
from services.db.database import Database, clock
from services.db.documents import Documents
from services.db.dump import snapshot
from services.db.generations import CHUNK_TOKENS, Generations
from services.db.jobs import JobQueue, new_job
from services.db.leftovers import Leftovers
from services.db.migrate import migrate, upgrade
from services.db.models import CitedVersion, DataSource, DataSourceItem, Document, Version
from services.db.registration import Registration

OWNER = "ann@example.com"
AGED = timedelta(hours=2)


@dataclass
class Store:
    database: Database
    blobs: DirectoryStore
    owner: Principal

    def send(self, name: str, data: bytes) -> str:
        """Register these bytes as the document `name`; its id."""
        blob = self.blobs.put(data)
        new = Registration(
            blob.sha256, blob.size, name, "text/plain", "uploads", name, None, None, None, None, None, None
        )
        return Documents(self.database).register(new, self.owner).row.document.id

    def ready(self, name: str, data: bytes) -> str:
        """The same, ingested: its parsed text is the bytes after `text of `."""
        document_id = self.send(name, data)
        with self.database.read() as session:
            job = session.get_one(Document, document_id).job_id
        lease = JobQueue(self.database).claim(job, "worker")
        assert lease is not None
        text = self.blobs.put(b"text of " + data).sha256
        swap = Swap(lease, text, "text/plain", None, 1, 1, 0, 0, {})
        assert Activation(self.database).activate([swap], generation=1).ready == {job}
        return document_id

    def delete(self, document_id: str) -> None:
        Documents(self.database).delete(document_id, self.owner)

    def age(self) -> None:
        """Everything that is there happened two hours ago."""
        with self.database.write() as session:
            past = clock(session) - AGED
            session.execute(update(Version).where(Version.activated_at.is_not(None)).values(activated_at=past))
            session.execute(update(Document).where(Document.deleted_at.is_not(None)).values(deleted_at=past))
        for blob in self.blobs.stored():
            self.age_file(self.place(blob))

    def place(self, blob: StoredBlob) -> Path:
        folder = self.blobs._directory
        return folder / blob.name[:2] / blob.name if blob.sha256 else folder / blob.name

    def age_file(self, path: Path) -> None:
        then = time.time() - AGED.total_seconds()
        os.utime(path, (then, then))

    def ask(self, *shown: tuple[str, int], where: str = "sources") -> str:
        """A stored answer that shows these (document, version); its conversation."""
        passages = [{"document_id": document_id, "version": version} for document_id, version in shown]
        answer: dict[str, Any] = {"id": os.urandom(8).hex(), "sources": [], "sentences": [], "refusal": None}
        if where == "closest":
            answer["refusal"] = {"closest": passages}
        elif where == "citations":
            answer["sentences"] = [{"citations": passages}]
        else:
            answer["sources"] = passages
        Conversations(self.database).add(answer["id"], self.owner, Exchange("Who?", "Ann.", answer))
        return str(answer["id"])

    def clear(self) -> int:
        return Clearing(leftovers=Leftovers(self.database), blobs=self.blobs).round()

    def kept(self) -> set[bytes]:
        """What the store holds."""
        return {self.place(blob).read_bytes() for blob in self.blobs.stored() if blob.sha256 is not None}

    def findings(self) -> list[Finding]:
        """What the audit says of the store."""
        registry = AuditRegistry(self.database)
        found = [one for one in StoreAudit(self.blobs, registry).findings() if one is not None]
        for batch in registry.batches():
            for expected in registry.expected(batch).values():
                found += absent(expected, self.blobs)
        return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    migrate(database)
    Generations(database).first(embedding_model="words", chunk_tokens=CHUNK_TOKENS, recipe=RECIPE)
    account = Accounts(database).create(OWNER, name="Ann", groups=(), is_admin=False)
    owner = Principal(account.user.id, OWNER, grants_of(OWNER, []), False, SCOPES)
    yield Store(database, DirectoryStore(tmp_path / "blobs"), owner)
    database.dispose()


def test_a_deleted_document_leaves_the_store_an_hour_later(store: Store) -> None:
    gone = store.ready("gone.txt", b"gone")
    store.ready("here.txt", b"here")
    store.age()
    store.delete(gone)
    assert store.clear() == 0
    store.age()
    assert store.clear() == 2
    assert store.kept() == {b"here", b"text of here"}
    assert store.findings() == []
    assert store.clear() == 0


def test_a_file_written_within_the_hour_stays_whatever_the_registry_says(store: Store) -> None:
    gone = store.ready("gone.txt", b"gone")
    store.delete(gone)
    store.age()
    store.blobs.put(b"gone")
    store.clear()
    assert store.kept() == {b"gone"}


def test_of_a_version_that_was_replaced_neither_original_nor_text_is_kept(store: Store) -> None:
    store.ready("plan.txt", b"old")
    store.age()
    store.ready("plan.txt", b"new")
    assert store.clear() == 0
    store.age()
    store.clear()
    assert store.kept() == {b"new", b"text of new"}
    assert store.findings() == []


@pytest.mark.parametrize("where", ["sources", "citations", "closest"])
def test_a_version_that_a_stored_answer_shows_keeps_its_text_for_as_long_as_the_answer_is(
    store: Store, where: str
) -> None:
    plan = store.ready("plan.txt", b"old")
    chat = store.ask((plan, 1), where=where)
    store.ready("plan.txt", b"new")
    store.age()
    store.clear()
    assert store.kept() == {b"text of old", b"new", b"text of new"}
    assert store.findings() == []
    Conversations(store.database).delete(chat, store.owner)
    store.clear()
    assert store.kept() == {b"new", b"text of new"}
    assert store.findings() == []


def test_of_a_deleted_document_nothing_is_kept_even_where_an_answer_cites_it(store: Store) -> None:
    gone = store.ready("gone.txt", b"gone")
    store.ask((gone, 1), where="citations")
    store.delete(gone)
    store.age()
    store.clear()
    assert store.kept() == set()
    assert store.findings() == []


def test_the_audit_misses_the_text_that_an_answer_shows_and_not_what_nothing_needs(store: Store) -> None:
    plan = store.ready("plan.txt", b"old")
    store.ask((plan, 1))
    store.ready("plan.txt", b"new")
    store.age()
    for blob in store.blobs.stored():
        place = store.place(blob)
        place.unlink() if b"old" in place.read_bytes() else None
    assert [(one.kind, one.what, one.version) for one in store.findings()] == [("missing", "parsed_text", 1)]


def test_what_is_on_its_way_or_failed_keeps_its_original_for_another_try(store: Store) -> None:
    store.ready("plan.txt", b"old")
    store.send("plan.txt", b"newer")
    store.send("plan.txt", b"newest")
    store.age()
    store.clear()
    assert store.kept() == {b"old", b"text of old", b"newest"}


def test_what_a_job_works_on_stays(store: Store) -> None:
    plan = store.ready("plan.txt", b"old")
    store.ready("plan.txt", b"new")
    store.age()
    with store.database.write() as session:
        new_job(session, "ingest", plan, 1)
    assert store.clear() == 0


def test_what_a_sync_keeps_for_an_item_that_may_have_moved_stays(store: Store) -> None:
    moved = store.ready("a.txt", b"moved")
    store.delete(moved)
    with store.database.write() as session:
        now = clock(session)
        source = {
            "id": "s", "name": "s", "connector": "folder", "options": {}, "secrets": {}, "grants": [],
            "grants_revision": 0, "owner_id": store.owner.user_id, "paused": False, "confirmed": False,
            "sync_number": 1, "counters": {}, "ended_number": 0, "failures": 0, "unconfirmed": 0, "created_at": now,
        }  # fmt: skip
        session.execute(insert(DataSource).values(source))
        item = {
            "data_source_id": "s", "external_id": "b.txt", "own_grants": False, "grants_revision": 0, "seen_in": 1,
            "tried_in": 0, "gone": False, "waiting": {"sha256": store.blobs.put(b"moved").sha256, "size": 5},
        }  # fmt: skip
        session.execute(insert(DataSourceItem).values(item))
    store.age()
    store.clear()
    assert store.kept() == {b"moved"}


def test_bytes_that_another_document_has_as_well_stay(store: Store) -> None:
    first = store.ready("a.txt", b"same")
    store.ready("b.txt", b"same")
    store.delete(first)
    store.age()
    assert store.clear() == 0
    assert store.kept() == {b"same", b"text of same"}


def test_what_the_registry_has_never_heard_of_stays_for_the_operator(store: Store, tmp_path: Path) -> None:
    store.blobs.put(b"of a registry that was put back from an older copy")
    (tmp_path / "blobs" / ".incoming-x").write_bytes(b"half")
    store.age()
    assert store.clear() == 0
    assert {finding.what for finding in store.findings()} == {"blob", "unfinished_upload"}


def test_nothing_is_cleared_away_during_a_backup(store: Store, tmp_path: Path) -> None:
    gone = store.ready("gone.txt", b"gone")
    store.delete(gone)
    store.age()
    with store.blobs.holds.hold() as keep:
        assert store.clear() == 0
        (hold,) = (tmp_path / "blobs").glob(".hold-*")
        store.age_file(hold)  # its process was killed, it seems
        keep()
        assert store.clear() == 0
    assert list((tmp_path / "blobs").glob(".hold-*")) == []
    with store.blobs.holds.hold():
        (hold,) = (tmp_path / "blobs").glob(".hold-*")
        store.age_file(hold)
        assert store.clear() == 2


def test_a_backup_that_begins_while_a_blob_is_judged_still_gets_it(store: Store) -> None:
    gone = store.ready("gone.txt", b"gone")
    store.delete(gone)
    store.age()
    blob = next(store.blobs.stored())
    with store.blobs.holds.hold():
        judged = Clearing(leftovers=Leftovers(store.database), blobs=store.blobs)
        assert not store.blobs.discard(blob, wanted=lambda: judged._is_wanted(str(blob.sha256)), before=time.time())
    assert store.blobs.has(str(blob.sha256))


def test_a_backup_takes_what_is_needed_and_nothing_else(store: Store) -> None:
    plan = store.ready("plan.txt", b"old")
    store.ask((plan, 1))
    store.ready("plan.txt", b"new")
    store.delete(store.ready("gone.txt", b"gone"))
    store.age()
    with snapshot(store.database) as still:
        wanted = {store.blobs.read(name) for name in still.blobs()}
    assert wanted == {b"text of old", b"new", b"text of new"}


def test_a_round_looks_at_a_part_and_the_next_goes_on_behind_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "LOOKED_AT", 3)
    for number in range(5):
        store.delete(store.ready(f"{number}.txt", f"gone {number}".encode()))
    store.age()
    rounds = Clearing(leftovers=Leftovers(store.database), blobs=store.blobs)
    assert [rounds.round() for _ in range(5)] == [3, 3, 3, 1, 0]


# --- the same bytes are sent again at that very moment


def leftover(store: Store, data: bytes = b"again") -> StoredBlob:
    """An original that nothing needs any more, as the clearing finds it."""
    store.delete(store.ready("again.txt", data))
    store.age()
    sha256 = store.blobs.put(data).sha256
    store.age_file(store.blobs.path(sha256))
    return next(store.blobs.named(sha256))


def discard(store: Store, blob: StoredBlob, meanwhile: Callable[[], object]) -> bool:
    """Delete it as the clearing does; `meanwhile` happens when it was moved aside already."""
    leftovers = Leftovers(store.database)

    def wanted() -> bool:
        meanwhile()
        return leftovers.needs(str(blob.sha256))

    return store.blobs.discard(blob, wanted=wanted, before=time.time() - 3600)


def test_bytes_that_were_stored_but_not_registered_yet_are_not_lost(store: Store) -> None:
    blob = leftover(store)
    assert discard(store, blob, lambda: store.blobs.put(b"again"))
    assert store.blobs.read(str(blob.sha256)) == b"again"
    assert store.blobs.path(str(blob.sha256)).stat().st_mtime > time.time() - 60
    assert store.clear() == 1  # the text of before: the bytes themselves are new, for an hour from now on


def test_bytes_that_were_stored_and_registered_are_not_lost(store: Store) -> None:
    blob = leftover(store)
    assert not discard(store, blob, lambda: store.send("again.txt", b"again"))
    assert store.blobs.read(str(blob.sha256)) == b"again"
    assert store.blobs.path(str(blob.sha256)).stat().st_mtime > time.time() - 60


def test_bytes_that_were_sent_between_the_look_and_the_deletion_are_not_even_moved(store: Store) -> None:
    blob = leftover(store)
    store.send("again.txt", b"again")
    assert not discard(store, blob, lambda: pytest.fail("It was moved aside."))


def test_whoever_looks_for_a_blob_while_it_is_judged_finds_it_and_so_it_stays(store: Store) -> None:
    blob = leftover(store)
    assert not discard(store, blob, lambda: store.blobs.read(str(blob.sha256)))
    assert store.blobs.read(str(blob.sha256)) == b"again"


def test_two_that_clear_the_same_blob_cannot_delete_what_was_sent_between_them(store: Store) -> None:
    blob = leftover(store)

    def send_and_discard() -> None:
        store.blobs.put(b"again")
        store.blobs.discard(blob, wanted=lambda: False, before=time.time() - 3600)

    discard(store, blob, send_and_discard)
    assert store.blobs.read(str(blob.sha256)) == b"again"


def test_what_a_killed_process_had_moved_aside_is_found_again(store: Store) -> None:
    blob = leftover(store)

    def killed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        discard(store, blob, killed)
    assert not store.place(blob).exists()
    assert DirectoryStore(store.blobs._directory).has(str(blob.sha256))
    store.clear()
    assert store.kept() == set()


def test_uploads_and_clearing_at_the_same_time_lose_nothing(store: Store) -> None:
    lost: list[int] = []
    for number in range(40):
        leftover(store, data := f"again {number}".encode())
        together = threading.Barrier(2)

        def clear(together: threading.Barrier = together) -> None:
            together.wait()
            store.clear()

        thread = threading.Thread(target=clear)
        thread.start()
        together.wait()
        time.sleep(0.0005 * (number % 8))
        document_id = store.send("again.txt", data)
        thread.join()
        with store.database.read() as session:
            sha256 = session.scalar(select(Version.sha256).where(Version.document_id == document_id))
        if not store.blobs.has(str(sha256)):
            lost.append(number)
        store.delete(document_id)
    assert lost == []


def test_answers_of_before_this_release_keep_their_texts_too(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    with database.rewriting() as connection:
        upgrade(connection, "0004")
        now = "2026-01-01 00:00:00.000000"
        connection.exec_driver_sql(
            "INSERT INTO users (id, email, name, is_admin, created_at) VALUES ('u', 'a@b.c', 'A', 0, ?)", (now,)
        )
        connection.exec_driver_sql(
            "INSERT INTO conversations (id, user_id, title, created_at, updated_at) VALUES ('c', 'u', 'T', ?, ?)",
            (now, now),
        )
        source = '{"sources": [{"document_id": "d", "version": 3}], "sentences": [], "refusal": null}'
        refusal = '{"sources": [], "sentences": [], "refusal": {"closest": [{"document_id": "e", "version": 1}]}}'
        for position, answer in enumerate((None, source, "null", refusal)):
            connection.exec_driver_sql(
                "INSERT INTO messages (id, conversation_id, position, role, content, answer, created_at) "
                "VALUES (?, 'c', ?, 'assistant', '', ?, ?)",
                (f"m{position}", position, answer, now),
            )
        upgrade(connection, "head")
    with database.read() as session:
        kept = session.execute(select(CitedVersion.message_id, CitedVersion.document_id, CitedVersion.version)).all()
    database.dispose()
    assert sorted(tuple(row) for row in kept) == [("m1", "d", 3), ("m3", "e", 1)]
