"""The registry as rows and back, from each database into each: what a backup carries, and what it must not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from retrieval.errors import InvalidInputError
from services.db.accounts import Accounts
from services.db.database import Database
from services.db.documents import Documents
from services.db.dump import OURS, count_documents, load, snapshot
from services.db.jobs import JobQueue
from services.db.models import Base, BrowserSession, Job, User
from tests.integration.conftest import DATABASES
from tests.integration.test_audit_log import verified
from tests.integration.test_registry import ANN, handbook, someone

PASSWORD = "correct horse battery staple"
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=DATABASES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Another registry: SQLite without any table, or the session's PostgreSQL, which has them."""
    made: list[Database] = []

    def fresh() -> Database:
        url = f"sqlite:///{tmp_path / 'target.sqlite3'}"
        made.append(Database(url if request.param == "sqlite" else request.getfixturevalue("postgres_url")))
        return made[-1]

    yield fresh
    for database in made:
        with database.write() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
        database.dispose()


def dumped(database: Database) -> tuple[str, Rows]:
    with snapshot(database) as still:
        return still.revision, {name: list(still.rows(name)) for name in still.tables()}


def tables(rows: Rows) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    return ((name, held) for name, held in rows.items() if held)


@pytest.fixture
def filled(database: Database) -> Database:
    documents, ann = Documents(database), someone(database, ANN)
    change = documents.register(handbook(), ann)
    accounts = Accounts(database)
    accounts.set_password(ann.user_id, PASSWORD, current=None)
    accounts.sign_in_with_password(ANN, PASSWORD)
    JobQueue(database).claim(change.row.job.id, "a worker")
    return database


def test_every_table_is_carried_but_what_signs_somebody_in(filled: Database) -> None:
    _, rows = dumped(filled)
    assert set(rows) == OURS == set(Base.metadata.tables) - {
        "sessions", "provider_sessions", "sign_in_links", "sign_in_requests"
    }  # fmt: skip
    assert rows["documents"]
    with filled.read() as session:
        assert session.scalar(select(BrowserSession.id)) is not None, "else it is no wonder that there is none below"


def test_rows_come_back_as_they_were_and_unfinished_work_begins_again(
    filled: Database, target: Callable[[], Database]
) -> None:
    revision, rows = dumped(filled)
    other = target()
    if other.url == filled.url:
        other.dispose()
        other = filled
    load(other, revision, tables(rows))
    _, again = dumped(other)
    for name in OURS - {"jobs", "audit_events"}:
        assert sorted(map(repr, again[name])) == sorted(map(repr, rows[name])), name
    assert [event for event in again["audit_events"] if event["details"].get("act") != "restore"] == rows[
        "audit_events"
    ]
    assert verified(other).events == len(rows["audit_events"]) + 1
    with other.read() as session:
        job = session.scalars(select(Job)).one()
        assert (job.state, job.attempts, job.lease_owner, job.lease_until) == ("queued", 0, None, None)
        assert session.scalar(select(BrowserSession.id)) is None
        assert session.scalar(select(User.password_hash).where(User.email == ANN)) is not None
    assert JobQueue(other).claim(job.id, "another worker") is not None
    Accounts(other).sign_in_with_password(ANN, PASSWORD)


def test_a_dump_of_a_newer_release_changes_nothing(filled: Database) -> None:
    _, rows = dumped(filled)
    with pytest.raises(InvalidInputError) as caught:
        load(filled, "9999", tables(rows))
    assert caught.value.code == "newer_backup"
    assert dumped(filled)[1] == rows


def test_a_dump_that_breaks_off_changes_nothing(filled: Database) -> None:
    revision, rows = dumped(filled)

    def broken() -> Iterator[tuple[str, list[dict[str, Any]]]]:
        yield "users", rows["users"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        load(filled, revision, broken())
    assert dumped(filled)[1] == rows


def test_a_snapshot_stays_at_its_moment(filled: Database) -> None:
    with snapshot(filled) as still:
        before = still.active_versions(), len(list(still.rows("documents")))
        Documents(filled).register(handbook(external_id="later.pdf"), someone(filled, "bob@example.com"))
        assert (still.active_versions(), len(list(still.rows("documents")))) == before
    assert count_documents(filled) == before[1] + 1


def test_a_registry_without_tables_holds_no_documents(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    assert count_documents(empty) == 0
    empty.dispose()
