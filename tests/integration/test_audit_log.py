"""The audit log over the registry: in the transaction of its change, one chain for all, cleared from its old end."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ingest.audit_chain import CLEARED_SUBJECT, ChainCheck, Link
from retrieval.errors import ConflictError, UnavailableError
from services.acting import acting_as, calling
from services.audit_notes import AuditNotes
from services.audit_retention import AuditRetention
from services.db import audit_log
from services.db.accounts import Accounts
from services.db.audit_log import AuditLog
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


def test_a_note_that_cannot_be_written_stops_nobody_and_is_counted(lacking: Database) -> None:
    before = METRICS.get_sample_value("footnote_audit_lost_total") or 0.0
    notes = AuditNotes(AuditLog(lacking))
    notes.add("sensitive_read", act="search")
    notes.close()
    assert METRICS.get_sample_value("footnote_audit_lost_total") == before + 1
