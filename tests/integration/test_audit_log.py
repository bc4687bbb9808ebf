"""The audit log over the registry: in the transaction of its change, one chain for all, cleared from its old end."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from sqlalchemy import event as hooks
from sqlalchemy import text
from sqlalchemy.engine import Engine
from structlog.testing import capture_logs

from ingest.audit_chain import CLEARED_SUBJECT, ChainCheck, Link
from retrieval.errors import ConflictError, UnavailableError
from services import audit_notes, audit_retention
from services.acting import acting_as, calling
from services.audit_notes import AuditNotes
from services.audit_retention import AuditRetention
from services.db import audit_log
from services.db.accounts import Accounts
from services.db.audit_log import AuditEntry, AuditLog
from services.db.database import Database
from services.db.documents import Documents
from services.db.dump import load, snapshot
from services.db.migrate import migrate
from services.telemetry import METRICS
from tests.integration.test_registry import ANN, handbook, someone

EMAIL = "ann@example.com"
WRITER = """
import sys
from services.db.accounts import Accounts
from services.db.database import Database
accounts = Accounts(Database(sys.argv[1]))
for _ in range(40):
    accounts.new_link(sys.argv[2])
"""


def events(database: Database, **asked: Any) -> list[dict[str, Any]]:
    return AuditLog(database).page(behind=0, limit=100_000, **asked)


def names(database: Database) -> list[str]:
    return [event["event"] for event in events(database)]


def verified(database: Database, kept: Link | None = None) -> ChainCheck:
    check = ChainCheck(kept)
    for event in events(database):
        check.take(event)
    check.end()
    return check


def head(database: Database) -> Link:
    last = events(database)[-1]
    return Link(last["sequence"], last["hash"])


@pytest.fixture
def lacking(tmp_path: Path) -> Iterator[Database]:
    """A registry that takes no audit event."""
    database = Database(f"sqlite:///{tmp_path / 'lacking.sqlite3'}")
    migrate(database)
    with database.rewriting() as connection:
        connection.execute(text("DROP TABLE audit_events"))
    yield database
    database.dispose()


def test_a_change_and_its_event_are_one_transaction(database: Database) -> None:
    accounts = Accounts(database)
    accounts.create(EMAIL, name="Ann", groups=["hr"], is_admin=True)
    with pytest.raises(ConflictError):
        accounts.create(EMAIL, name="Again", groups=[], is_admin=True)
    (only,) = events(database)
    assert (only["event"], only["details"]["groups"], only["sequence"]) == ("user_created", ["hr"], 1)
    with pytest.raises(ConflictError):  # the last administrator, found out behind a change in the same transaction
        accounts.change(only["subject"].removeprefix("user:"), name="Anna", is_admin=False, disabled=None)
    assert names(database) == ["user_created"]


def test_no_change_without_its_event(lacking: Database) -> None:
    with pytest.raises(UnavailableError):
        Accounts(lacking).create(EMAIL, name="Ann", groups=[], is_admin=True)
    assert Accounts(lacking).page(email=None, after=None, limit=10) == []


def test_what_changes_nothing_leaves_no_event(database: Database) -> None:
    accounts = Accounts(database)
    account = accounts.create(EMAIL, name="Ann", groups=["hr"], is_admin=False)
    accounts.join("hr", EMAIL)
    accounts.change(account.user.id, name="Ann", is_admin=False, disabled=False)
    documents, bob = Documents(database), someone(database, "bob@example.com")
    row = documents.register(handbook(), bob).row
    before = head(database)
    documents.register(handbook(), bob)
    documents.set_grants(row.document.id, row.grants, bob)
    assert head(database) == before


def test_changed_rights_say_from_what_to_what(database: Database) -> None:
    accounts, documents = Accounts(database), Documents(database)
    ann = someone(database, ANN)
    accounts.change(ann.user_id, name=None, is_admin=True, disabled=None)
    assert events(database)[-1]["event"] == "authz_change"
    assert events(database)[-1]["details"]["changed"] == {"is_admin": [False, True]}
    document = documents.register(handbook(), ann).row
    documents.set_grants(document.document.id, ("group:sales", "everyone"), ann)
    last = events(database, subject=f"document:{document.document.id}")[-1]
    assert last["event"] == "privilege_permissions_changed"
    assert last["details"] == {"old": sorted(document.grants), "new": ["everyone", "group:sales"]}


def test_many_documents_that_are_sent_together_are_one_event(database: Database) -> None:
    documents, ann = Documents(database), someone(database, ANN)
    before = len(events(database))
    documents.register_all([handbook(external_id=f"{number}.md") for number in range(30)], ann)
    (only,) = events(database)[before:]
    assert (only["event"], only["details"]["new"], len(only["details"]["documents"])) == ("upload_complete", 30, 10)
    assert sum(only["details"]["grants_of_new"].values()) >= 30


def test_processes_that_write_at_once_make_one_chain_without_gaps(database: Database) -> None:
    account = Accounts(database).create(EMAIL, name="Ann", groups=[], is_admin=False)
    before = len(events(database))
    address = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", WRITER, address, account.user.id]
    writers = [subprocess.Popen(command) for _ in range(2)]
    notes = AuditNotes(AuditLog(database))
    for _ in range(40):
        notes.add("sensitive_read", act="search")
    assert [writer.wait() for writer in writers] == [0, 0]
    notes.close()
    assert verified(database).events == before + 120


@pytest.mark.parametrize(
    ("broken", "at"),
    [
        ("UPDATE audit_events SET actor = 'somebody else' WHERE sequence = 2", 2),
        ("DELETE FROM audit_events WHERE sequence = 2", 2),
        ("DELETE FROM audit_events WHERE sequence = 1", 1),
        ("DELETE FROM audit_events WHERE sequence = 4", 4),
    ],
)
def test_whoever_writes_to_the_registry_is_found_out(database: Database, broken: str, at: int) -> None:
    for number in range(4):
        Accounts(database).create(f"{number}@example.com", name="", groups=[], is_admin=False)
    kept = head(database)
    assert verified(database, kept).events == 4
    with database.write() as session:
        session.execute(text(broken))
    with pytest.raises(Exception, match=f"broken at event {at}:"):
        verified(database, kept)


def test_old_events_are_cleared_and_what_is_left_is_whole(database: Database) -> None:
    accounts = Accounts(database)
    accounts.create(EMAIL, name="Ann", groups=[], is_admin=False)
    accounts.create("bob@example.com", name="Bob", groups=[], is_admin=False)
    kept = head(database)
    assert AuditRetention(AuditLog(database), days=1).round() == 0
    assert AuditLog(database).clear(timedelta(0)) == 1
    _, told = events(database)
    assert (told["sequence"], told["event"], told["subject"]) == (3, "sensitive_delete", CLEARED_SUBJECT)
    assert verified(database, kept).events == 2
    accounts.create("cid@example.com", name="Cid", groups=[], is_admin=False)
    assert verified(database, kept).events == 3
    assert AuditLog(database).clear(timedelta(0)) == 2
    assert verified(database).events == 2


def test_what_is_cleared_while_the_log_is_verified_breaks_nothing(database: Database) -> None:
    for number in range(6):
        Accounts(database).create(f"{number}@example.com", name="", groups=[], is_admin=False)
    log, check = AuditLog(database), ChainCheck()
    for event in log.page(behind=0, limit=2):
        check.take(event)
    assert log.clear(timedelta(0)) == 5
    for event in log.page(behind=2, limit=100):
        check.take(event)
    check.end()
    assert check.events == 4


def test_clearing_gives_others_their_turn_and_ends_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, cleared = threading.Event(), [3, 2, 1, 0]
    log = cast("AuditLog", SimpleNamespace(clear=lambda _: cleared.pop(0)))
    monkeypatch.setattr(audit_retention, "PAUSE_SECONDS", 30.0)
    clearing = threading.Thread(target=AuditRetention(log, days=1).round, args=(stop,), daemon=True)
    clearing.start()
    clearing.join(0.3)
    assert cleared == [2, 1, 0], "between two portions it waits"
    stop.set()
    clearing.join(10)
    assert (clearing.is_alive(), cleared) == (False, [2, 1, 0])
    assert audit_log.PORTION <= 1_000, "all other writers of SQLite wait while a portion is deleted"


def test_a_span_of_time_is_whole_though_the_clock_was_set_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    times = [noon + timedelta(minutes=m) for m in (0, 300, 360, 350, 361, 20_000, 20_001, 40_000)]
    coming = iter(times)
    monkeypatch.setattr(audit_log, "clock", lambda _: next(coming))
    for number in range(len(times)):
        AuditLog(database).record("sensitive_read", subject=None, number=number)
    ends = [None, *times, noon + timedelta(minutes=355), datetime.min.replace(tzinfo=UTC)]
    for since, until in product(ends, [*ends, datetime.max.replace(tzinfo=UTC)]):
        wanted = [n for n, time in enumerate(times) if (not since or time >= since) and (not until or time < until)]
        found = [event["details"]["number"] for event in events(database, since=since, until=until)]
        assert found == wanted, (since, until)


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, "sqlite_autoindex_audit_events_1 (sequence>? AND sequence<?)"),
        ({"event_name": "sensitive_read"}, "event_sequence (event=? AND sequence>? AND sequence<?)"),
        ({"subject": "document:1"}, "subject_sequence (subject=? AND sequence>? AND sequence<?)"),
        ({"actor": "u1"}, "user_id_sequence (user_id=? AND sequence>? AND sequence<?)"),
        ({"actor": "u1", "event_name": "sensitive_read"}, "actor_sequence (actor=? AND sequence>? AND sequence<?)"),
    ],
)
def test_a_page_of_a_grown_log_is_found_in_its_order_and_nothing_is_sorted(
    tmp_path: Path, asked: dict[str, str], index: str
) -> None:
    database, asked_for = Database(f"sqlite:///{tmp_path / 'grown.sqlite3'}"), list[tuple[str, Any]]()
    migrate(database)
    AuditLog(database).record("sensitive_read", subject=None)

    def note(*executed: Any) -> None:
        asked_for.append((executed[2], executed[3]))

    hooks.listen(Engine, "before_cursor_execute", note)
    try:
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        assert events(database, since=long_ago, until=long_ago, **asked) == []
    finally:
        hooks.remove(Engine, "before_cursor_execute", note)
    (*_, (query, values)) = [one for one in asked_for if one[0].startswith("SELECT")]
    with database.read() as session:
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all()
    steps = [str(row[3]) for row in plan]
    assert any(step.endswith(index) for step in steps), steps
    assert [step for step in steps if "ORDER BY" in step or "SCAN audit_events" in step] == []
    database.dispose()


def test_a_restore_goes_on_with_the_chain_and_says_what_it_replaced(database: Database) -> None:
    accounts = Accounts(database)
    accounts.create(EMAIL, name="Ann", groups=[], is_admin=True)
    with snapshot(database) as still:
        revision, rows = still.revision, {name: list(still.rows(name)) for name in still.tables()}
    accounts.create("later@example.com", name="", groups=[], is_admin=False)
    lost = head(database)
    load(database, revision, rows.items())
    assert verified(database).events == 2
    last = events(database)[-1]
    assert (last["event"], last["details"]["act"]) == ("authz_admin", "restore")
    assert last["details"]["replaced"] == {"sequence": lost.sequence, "hash": lost.hash}
    with pytest.raises(Exception, match="the log was rewritten"):
        verified(database, lost)


def test_the_process_log_has_the_same_line(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    audit_log.LOGGER.addHandler(caplog.handler)
    audit_log.LOGGER.setLevel(logging.INFO)
    try:
        Accounts(database).create(EMAIL, name="Ann", groups=[], is_admin=False)
    finally:
        audit_log.LOGGER.removeHandler(caplog.handler)
    (line,) = [json.loads(record.message) for record in caplog.records if record.name == "audit"]
    assert line.pop("logger") == "audit"
    assert line == events(database)[-1]


def test_a_note_names_who_acts_and_from_where(database: Database) -> None:
    ann = someone(database, ANN)
    notes = AuditNotes(AuditLog(database))
    with calling("203.0.113.7"):
        notes.add("sensitive_read", actor=acting_as(ann), act="search")
        notes.add("authn_login_fail", account=f" {ANN.upper()}", by="password")
        notes.add("authn_login_fail", account="hunter2 is my password", by="password")
    assert notes.settle()
    search, known, unknown = events(database)[-3:]
    assert (search["actor"], search["user_id"], search["address"]) == (ANN, ann.user_id, "203.0.113.7")
    assert (known["actor"], known["subject"]) == (None, f"user:{ann.user_id}")
    assert unknown["subject"] is None
    assert "hunter2" not in json.dumps(events(database))
    notes.close()
    assert [event["event"] for event in events(database, actor=ann.user_id)] == ["sensitive_read"]


def lost() -> float:
    return METRICS.get_sample_value("footnote_audit_lost_total") or 0.0


def test_a_note_that_cannot_be_written_stops_nobody_and_is_counted(lacking: Database) -> None:
    before = lost()
    notes = AuditNotes(AuditLog(lacking))
    notes.add("sensitive_read", act="search")
    notes.close()
    assert lost() == before + 1


def test_what_was_typed_as_an_address_is_not_in_the_process_log_either(lacking: Database) -> None:
    notes = AuditNotes(AuditLog(lacking))
    with capture_logs() as logs:
        notes.add("authn_login_fail", account="hunter2 is my password", by="password")
        notes.close()
    (entry,) = [one for one in logs if one["event"] == "audit_lost"]
    assert (entry["lost"]["event"], entry["lost"]["details"]) == ("authn_login_fail", {"by": "password"})
    assert "hunter2" not in repr(logs)


def notes_to(write: Callable[[Sequence[AuditEntry]], object]) -> AuditNotes:
    return AuditNotes(cast("AuditLog", SimpleNamespace(write=write)))


def test_what_still_waits_when_the_process_ends_is_in_the_process_log_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_notes, "AT_ONCE", 2)
    before, let_go = lost(), threading.Event()
    notes = notes_to(lambda _: let_go.wait(30))
    with capture_logs() as logs:
        for number in range(5):
            notes.add("sensitive_read", number=number)
        notes.close(0.5)
        notes.add("sensitive_read", number=5)
        assert lost() == before + 6
    let_go.set()
    assert {one["code"] for one in logs} == {"closed"}
    assert [one["lost"]["details"]["number"] for one in logs] == list(range(6))


def test_settling_waits_for_no_note_that_comes_later() -> None:
    quiet = threading.Event()

    def write(_: Sequence[AuditEntry]) -> None:
        if not quiet.is_set():
            notes.add("sensitive_read", act="search")  # somebody reads on

    notes = notes_to(write)
    notes.add("sensitive_read", act="search")
    assert notes.settle(10)
    quiet.set()
    notes.close()


def test_a_process_log_that_takes_nothing_ends_no_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def write(entries: Sequence[AuditEntry]) -> None:
        if not lost() > before:
            raise UnavailableError("Gone.")
        written.extend(entry.event for entry in entries)

    def refuse(*_: object, **__: object) -> NoReturn:
        raise BrokenPipeError

    before, notes = lost(), notes_to(write)
    monkeypatch.setattr(audit_notes, "_log", SimpleNamespace(error=refuse))
    notes.add("sensitive_read", act="search")
    assert notes.settle(10)
    notes.add("sensitive_delete")
    assert notes.settle(10)
    notes.close()
    assert (written, lost()) == (["sensitive_delete"], before + 1)
