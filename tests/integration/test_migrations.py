"""Migrations beside others: one that takes long, one that must wait, tables in use, tables of a newer release."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, create_engine, text
from structlog.testing import capture_logs

from services import cli
from services.db import database as connections
from services.db import migrate as migrations
from services.db.accounts import Accounts
from services.db.audit_log import AuditLog
from services.db.database import Database, TablesInUseError
from services.db.generations import Generations
from services.db.migrate import LOCK, NewerRegistryError, migrate, upgrade
from services.db.models import Base
from services.settings import Settings
from services.wiring.core import Core
from tests import private_servers

on_postgres = pytest.mark.skipif(not private_servers.has_postgres(), reason="PostgreSQL is not installed")
LIMIT_MS = 500
LONGER_SECONDS = 2 * LIMIT_MS / 1000
NEWER = "9999"


@pytest.fixture
def fresh(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An empty PostgreSQL database whose requests have next to no time."""
    monkeypatch.setattr(connections, "STATEMENT_MS", LIMIT_MS)
    monkeypatch.setattr(connections, "IDLE_MS", LIMIT_MS)
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("CREATE DATABASE fresh"))
    registry = Database(postgres_url.rpartition("/")[0] + "/fresh")
    yield registry
    registry.dispose()
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE fresh WITH (FORCE)"))
    server.dispose()


@contextmanager
def session_of_another(registry: Database) -> Iterator[Connection]:
    """A connection in a transaction of its own, which ends by itself where whoever waits for it would wait for ever."""
    engine = create_engine(registry.url, connect_args={"options": "-c idle_in_transaction_session_timeout=30000"})
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def revision(registry: Database) -> str:
    with registry.read() as session:
        return str(session.scalar(text("SELECT version_num FROM alembic_version")))


def until_it_waits(connection: Connection) -> None:
    """Returns when somebody waits for the lock of migrations."""
    waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    deadline = time.monotonic() + 30
    while not connection.scalar(waits):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def replace(monkeypatch: pytest.MonkeyPatch, work: Callable[[Connection], object]) -> None:
    """This work instead of the migrations."""
    monkeypatch.setattr(migrations, "upgrade", lambda connection, _: work(connection))


def stamp(registry: Database, number: str) -> None:
    with registry.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})


@on_postgres
def test_a_statement_that_takes_longer_than_a_request_may_is_not_cancelled(
    fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(monkeypatch, lambda connection: connection.execute(text("SELECT pg_sleep(:s)"), {"s": LONGER_SECONDS}))
    migrate(fresh)


@on_postgres
def test_a_migration_that_computes_between_two_statements_keeps_its_connection(
    fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(connection: Connection) -> None:
        time.sleep(LONGER_SECONDS)
        connection.execute(text("SELECT 1"))

    replace(monkeypatch, compute)
    migrate(fresh)


@on_postgres
def test_whoever_comes_second_waits_for_the_first_however_long_it_takes(
    fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_MS", 200)
    monkeypatch.setattr(migrations, "TRIES", 1)
    with session_of_another(fresh) as first, ThreadPoolExecutor(1) as pool:
        first.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        second: Future[None] = pool.submit(migrate, fresh)
        until_it_waits(first)
        time.sleep(LONGER_SECONDS)
        assert not second.done()
        first.rollback()
        second.result(timeout=60)
    assert revision(fresh) > "0001"


@on_postgres
def test_a_table_that_is_in_use_is_given_up_before_those_who_read_it_notice_and_tried_again(
    fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_MS", 200)
    monkeypatch.setattr(migrations, "PAUSE_SECONDS", 0.01)
    with fresh.rewriting() as connection:
        upgrade(connection, "0007")
    with session_of_another(fresh) as backup:
        backup.execute(text("SELECT count(*) FROM api_keys"))
        with pytest.raises(TablesInUseError) as refused:
            migrate(fresh)
        assert (refused.value.code, revision(fresh)) == ("tables_in_use", "0007")

        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            backup.rollback()

        monkeypatch.setattr(migrations, "time", SimpleNamespace(sleep=pause))
        with capture_logs() as logs:
            migrate(fresh)
    assert (pauses, [entry["event"] for entry in logs]) == ([0.01], ["tables_in_use"])
    assert revision(fresh) > "0007"


@on_postgres
def test_where_nothing_is_missing_nobody_is_waited_for(fresh: Database) -> None:
    migrate(fresh)
    with session_of_another(fresh) as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        starting = threading.Thread(target=migrate, args=(fresh,), daemon=True)
        starting.start()
        starting.join(10)
        assert not starting.is_alive()


@on_postgres
def test_a_newer_release_that_was_waited_for_is_noticed(fresh: Database) -> None:
    with fresh.rewriting() as connection:
        upgrade(connection, "0007")
    with session_of_another(fresh) as newer, ThreadPoolExecutor(1) as pool:
        newer.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        older: Future[None] = pool.submit(migrate, fresh)
        until_it_waits(newer)
        newer.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": NEWER})
        newer.commit()
        with pytest.raises(NewerRegistryError):
            older.result(timeout=60)


def test_tables_that_a_former_releases_restore_left_are_taken_over_and_the_audit_log_goes_on(tmp_path: Path) -> None:
    registry = Database(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    migrate(registry)
    Accounts(registry).create("ann@example.com", name="", groups=["hr"], is_admin=True)
    later = {"audit_events", "identities", "sign_in_requests", "provider_sessions"}
    with registry.rewriting() as connection:  # it drops what it knows, and makes it as it was then
        known = MetaData()
        known.reflect(connection, only=lambda name, _: name not in later)
        known.drop_all(connection)
        upgrade(connection, "0009")
    migrate(registry)
    with registry.rewriting() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    Accounts(registry).create("ann@example.com", name="", groups=["hr"], is_admin=True)
    assert [event["sequence"] for event in AuditLog(registry).page(behind=0, limit=10)] == [1, 2]
    registry.dispose()


def installed_by_a_newer_release(folder: Path) -> Settings:
    settings = Settings(data_dir=folder)
    core = Core(settings)
    core.migrate()
    stamp(core.database, NEWER)
    core.close()
    return settings


def test_footnote_migrate_refuses_the_tables_of_a_newer_release_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed_by_a_newer_release(tmp_path)
    monkeypatch.setattr("sys.argv", ["footnote", "migrate", "--data-dir", str(tmp_path)])
    monkeypatch.setattr(cli, "configure_logging", lambda *_: None)  # which would be that of all tests behind this one
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, NewerRegistryError.code) == (cli.FAILED, "newer_registry")
    said = capsys.readouterr().err.splitlines()
    assert said == ["The registry is of a newer release of Footnote (revision 9999): use that one or a later one."]


def test_a_process_that_starts_on_the_tables_of_a_newer_release_says_so_and_goes_on(tmp_path: Path) -> None:
    core = Core(installed_by_a_newer_release(tmp_path))
    with capture_logs() as logs:
        core.migrate()
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("newer_registry", "warning")]
    assert Generations(core.database).current().generation.state == "active"
    assert revision(core.database) == NEWER
    core.close()
