"""Every table of the registry as rows of plain JSON values, and back: the same form for SQLite and PostgreSQL.

Tables are taken as the database has them, so that what a later release adds is in the dump without being named here.
Other programs' tables in the same database are neither dumped nor dropped. Browser sessions, and what signs somebody
in, are left out: they are short-lived, and nobody should be signed in by a restore. Knows nothing of files.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Connection, DateTime, MetaData, Table, func, inspect, select, text, update
from sqlalchemy.orm import Session

from retrieval.errors import InvalidInputError
from services.acting import acting
from services.db.audit_log import AuditEntry, chained, head, tell
from services.db.database import Database
from services.db.jobs import UNFINISHED
from services.db.leftovers import needed
from services.db.migrate import knows, upgrade
from services.db.models import AuditEvent, Base, CitedVersion, Document, Generation, Job, Version

OURS = frozenset(Base.metadata.tables) - {"sessions", "provider_sessions", "sign_in_links", "sign_in_requests"}
PAGE = 500
Row = dict[str, Any]


class Snapshot:
    """The registry at one moment; valid while the context of `snapshot` is open."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tables = [table for table in _reflected(session.connection()) if table.name in OURS]
        self.revision = str(session.scalar(text("SELECT version_num FROM alembic_version")))
        number = select(Generation.number).where(Generation.state == "active")
        self.generation: int | None = session.scalar(number)

    def close(self) -> None:
        """End the moment: the database need not keep it any longer."""
        self._session.rollback()

    def tables(self) -> list[str]:
        """Names, each behind those it refers to."""
        return [table.name for table in self._tables]

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a table."""
        table = next(table for table in self._tables if table.name == name)
        result = self._session.execute(select(table).execution_options(yield_per=PAGE))
        for row in result.mappings():
            yield {column: _plain(value) for column, value in row.items()}

    def blobs(self) -> set[str]:
        """What is needed of originals and parsed texts."""
        if CitedVersion.__tablename__ in self.tables():
            return needed(self._session)
        # Not brought up to this release yet: nothing was ever cleared away.
        rows = self._session.execute(select(Version.sha256, Version.parsed_sha256).execution_options(yield_per=PAGE))
        return {name for row in rows for name in row if name}

    def active_versions(self) -> dict[str, int]:
        """What readers see: the version of each living document."""
        alive = (Document.deleted_at.is_(None), Document.active_version.is_not(None))
        rows = self._session.execute(select(Document.id, Document.active_version).where(*alive))
        return {document: version for document, version in rows if version is not None}


@contextmanager
def snapshot(database: Database) -> Iterator[Snapshot]:
    """All that is read in this context is of one moment. Raises UnavailableError."""
    with database.snapshot() as session:
        yield Snapshot(session)


def count_documents(database: Database) -> int:
    """How many documents the registry knows; 0 where it has no tables yet."""
    with database.read() as session:
        if not inspect(session.connection()).has_table("documents"):
            return 0
        return session.scalar(select(func.count()).select_from(Document)) or 0


def load(database: Database, revision: str, tables: Iterable[tuple[str, Iterable[Row]]]) -> None:
    """Replace everything in the registry, in one transaction: all of it or nothing.

    The tables are made as they were when the dump was taken, filled, and then brought up to this release. Raises
    InvalidInputError for a dump of a newer release.
    """
    if not knows(revision):
        raise InvalidInputError(
            "This backup was made by a newer release of Footnote: restore it with that release.", code="newer_backup"
        )
    with database.rewriting() as connection:
        replaced = _audit_head(connection)
        _drop_everything(connection)
        upgrade(connection, revision)
        known = {table.name: table for table in _reflected(connection)}
        for name, rows in tables:
            _fill(connection, known[name], rows)
        upgrade(connection, "head")
        _let_go(connection)
        entry = AuditEntry("authz_admin", acting(), None, {"act": "restore", "replaced": replaced})
        with Session(connection) as session:
            written = chained(session, [entry])
    tell(written)


def _audit_head(connection: Connection) -> Row | None:
    """Where the audit log ended that is replaced: whoever kept its head can tell what is no longer there."""
    if not inspect(connection).has_table(AuditEvent.__tablename__):
        return None
    with Session(connection) as session:
        found = head(session)
    return asdict(found) if found else None


def _reflected(connection: Connection) -> list[Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type.none_as_null = True  # the database's own NULL, not the word null
    return metadata.sorted_tables


def _drop_everything(connection: Connection) -> None:
    ours = {*Base.metadata.tables, "alembic_version"}
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name in ours)
    metadata.drop_all(connection)


def _fill(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    page: list[Row] = []
    for row in rows:
        page.append({name: _typed(table, name, value) for name, value in row.items()})
        if len(page) == PAGE:
            connection.execute(table.insert(), page)
            page = []
    if page:
        connection.execute(table.insert(), page)


def _let_go(connection: Connection) -> None:
    """Nobody works on what the backup found unfinished: it begins again, and an attempt cut off by it is given back."""
    unfinished = update(Job).where(Job.state.in_(UNFINISHED))
    connection.execute(unfinished.where(Job.state == "running", Job.attempts > 0).values(attempts=Job.attempts - 1))
    free = {"state": "queued", "lease_owner": None, "lease_until": None, "rung_at": None, "chunks_done": 0}
    connection.execute(unfinished.values(**free))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return value


def _typed(table: Table, name: str, value: Any) -> Any:
    kind = table.columns[name].type
    if value is not None and isinstance(kind, DateTime):
        moment = datetime.fromisoformat(value)
        return moment if kind.timezone else moment.astimezone(UTC).replace(tzinfo=None)
    return value
