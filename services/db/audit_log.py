"""The audit log: who did what, hash-chained, written in the transaction of the change that it tells of.

`record` keeps an event until its transaction commits and writes it then, last of all: whoever writes one holds the
chain's lock from there to the commit, which is short, and takes no other lock behind it. A transaction that is rolled
back leaves no event. The names of events and their levels are those of OWASP's Logging Vocabulary.

Details hold ids, grants, addresses and counts: never a text or title of a document, a password or a token.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, event, func, insert, select, union
from sqlalchemy.orm import Session

from ingest.audit_chain import CLEARED_SUBJECT, GENESIS, Link, digest
from retrieval.storable import storable
from services.acting import Actor, acting
from services.db.database import Database, clock
from services.db.models import AuditEvent, User

LEVELS = {
    "authn_login_success": "INFO",
    "authn_login_fail": "WARN",
    "authn_password_change": "INFO",
    "authn_password_change_fail": "CRITICAL",
    "authn_token_created": "INFO",
    "authn_token_revoked": "INFO",
    "authz_admin": "WARN",
    "authz_change": "WARN",
    "authz_fail": "CRITICAL",
    "excess_rate_limit_exceeded": "WARN",
    "privilege_permissions_changed": "WARN",
    "sensitive_create": "WARN",
    "sensitive_delete": "WARN",
    "sensitive_read": "WARN",
    "sensitive_update": "WARN",
    "session_expired": "INFO",
    "upload_complete": "INFO",
    "user_created": "WARN",
    "user_updated": "WARN",
}
LOGGER = logging.getLogger("audit")
LOGGER.addHandler(logging.NullHandler())
LOGGER.propagate = False  # a verb that somebody typed prints none; `configure_audit_logging` gives it a way out
_LOCK = 0x41756469  # any number, the same in all our processes
_WAITING, _WRITTEN = "audit_waiting", "audit_written"
_LONGEST = 500
# SQLite's other writers wait while one is deleted: some hundredths of a second.
PORTION = 1_000
# So far may the database's clock have been set back between two events, for a list of a span of time to be whole.
SET_BACK = timedelta(days=1)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC) + SET_BACK, datetime.max.replace(tzinfo=UTC) - SET_BACK


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event that is to be written. `account` is an address that somebody gave: it is named if it is a person's."""

    event: str
    actor: Actor
    subject: str | None
    details: dict[str, Any]
    account: str | None = None


def record(
    session: Session, event_name: str, *, subject: str | None, actor: Actor | None = None, **details: Any
) -> None:
    """Have this transaction leave an event; without an `actor` it is whoever acts now."""
    keep(session, AuditEntry(event_name, actor or acting(), subject, details))


def keep(session: Session, entry: AuditEntry) -> None:
    """As `record`, of an entry that was made before."""
    waiting: list[AuditEntry] = session.info.setdefault(_WAITING, [])
    if not waiting:
        event.listen(session, "before_commit", _write)
        event.listen(session, "after_commit", _tell)
    waiting.append(entry)


def chained(session: Session, entries: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """Write events at the end of the chain; nothing but a commit should follow. As they were written."""
    if session.get_bind().dialect.name != "sqlite":  # whose writers wait for each other from their start on
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    last, now = head(session) or Link(0, GENESIS), clock(session)
    rows: list[dict[str, Any]] = []
    for entry in entries:
        row = _row(session, entry) | {"sequence": last.sequence + 1, "time": now, "previous_hash": last.hash}
        row["hash"] = digest(shown(row))
        rows.append(row)
        last = Link(row["sequence"], row["hash"])
    session.execute(insert(AuditEvent), rows)
    return [shown(row) for row in rows]


def tell(written: Sequence[dict[str, Any]]) -> None:
    """The process log has a copy of each, out of reach of whoever may write the registry."""
    for one in written:
        LOGGER.info(json.dumps({"logger": "audit", **one}))


def head(session: Session) -> Link | None:
    """The newest event."""
    newest = select(AuditEvent.sequence, AuditEvent.hash).order_by(AuditEvent.sequence.desc()).limit(1)
    found = session.execute(newest).one_or_none()
    return Link(*found) if found else None


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """An event as everybody sees and hashes it: its time to the microsecond, in UTC."""
    time: datetime = row["time"]
    return row | {"time": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


class AuditLog:
    """Reads and clears the chain, and writes to it what belongs to no change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, entries: Sequence[AuditEntry]) -> None:
        """All of them or none. Raises UnavailableError."""
        with self._database.write() as session:
            for entry in entries:
                keep(session, entry)

    def record(self, event_name: str, *, subject: str | None, **details: Any) -> None:
        """One event of whoever acts now. Raises UnavailableError."""
        self.write([AuditEntry(event_name, acting(), subject, details)])

    def page(
        self, *, behind: int, limit: int, since: datetime | None = None, until: datetime | None = None,
        event_name: str | None = None, actor: str | None = None, subject: str | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Events with numbers above `behind`, oldest first. `actor` is an address, a person's id or a key's."""
        wanted: list[ColumnElement[bool]] = [AuditEvent.sequence > behind]
        if event_name is not None:
            kind = AuditEvent.event == event_name
            wanted.append(kind if actor is None and subject is None else _not_sought(kind))
        if subject is not None:
            wanted.append(AuditEvent.subject == subject)
        with self._database.read() as session:
            wanted += _span(session, since, until)
            query = _first(limit, *wanted) if actor is None else _first_of(limit, actor, *wanted)
            return [shown(_values(row)) for row in session.scalars(query)]

    def clear(self, age: timedelta) -> int:
        """Delete the oldest events, of more than this age, up to some; how many that were.

        One event tells of it, by the last that was cleared: without that the chain would lack its beginning.
        """
        with self._database.write() as session:
            last = session.execute(_overdue(clock(session) - age)).one_or_none()
            if last is None:
                return 0
            through, hashed = last
            count = session.scalar(select(func.count()).where(AuditEvent.sequence <= through)) or 0
            session.execute(delete(AuditEvent).where(AuditEvent.sequence <= through))
            told = {"through": through, "hash": hashed, "events": count}
            record(session, "sensitive_delete", subject=CLEARED_SUBJECT, **told)
            return count


def _first(limit: int, *wanted: ColumnElement[bool]) -> Select[AuditEvent]:
    return select(AuditEvent).where(*wanted).order_by(AuditEvent.sequence).limit(limit)


def _first_of(limit: int, actor: str, *wanted: ColumnElement[bool]) -> Select[AuditEvent]:
    """The first events of one who acted. Each column is asked by itself: by OR, all they ever did would be sorted."""
    columns = (AuditEvent.actor, AuditEvent.user_id, AuditEvent.key_id)
    found = [_first(limit, *wanted, one == actor).with_only_columns(AuditEvent.sequence).subquery() for one in columns]
    return _first(limit, AuditEvent.sequence.in_(union(*(select(one.c.sequence) for one in found))))


def _span(session: Session, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """What holds for events of this time: their numbers lie between two, so that not the whole log is read for them.

    Times rise with the numbers, but for a clock that was set back; so the two are those of events well outside.
    """
    wanted: list[ColumnElement[bool]] = []
    if since is not None:
        earlier = select(AuditEvent.sequence).where(AuditEvent.time < max(since, _EARLIEST) - SET_BACK)
        last = session.scalar(earlier.order_by(AuditEvent.time.desc()).limit(1))
        wanted += [_not_sought(AuditEvent.time >= since), AuditEvent.sequence > (last or 0)]
    if until is not None:
        wanted.append(_not_sought(AuditEvent.time < until))
        later = select(AuditEvent.sequence).where(AuditEvent.time >= min(until, _LATEST) + SET_BACK)
        first = session.scalar(later.order_by(AuditEvent.time).limit(1))
        wanted += [AuditEvent.sequence < first] if first is not None else []
    return wanted


def _not_sought(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same, in a form for which no index is used: what others have found is held against it.

    SQLite does not know that events of a kind, or of a span, are many: it would read and sort all of them for a page.
    """
    return condition.is_(True)


def _overdue(before: datetime) -> Select[Any]:
    """The last of the oldest events, some at a time, that lies before this. Never the newest: the next follows it."""
    some = select(AuditEvent.sequence, AuditEvent.hash, AuditEvent.time).order_by(AuditEvent.sequence).limit(PORTION)
    oldest = some.subquery()
    return (
        select(oldest.c.sequence, oldest.c.hash)
        .where(oldest.c.time < before, oldest.c.sequence < select(func.max(AuditEvent.sequence)).scalar_subquery())
        .order_by(oldest.c.sequence.desc())
        .limit(1)
    )


def _write(session: Session) -> None:
    session.flush()
    session.info[_WRITTEN] = chained(session, session.info[_WAITING])


def _tell(session: Session) -> None:
    tell(session.info.pop(_WRITTEN, ()))


def _row(session: Session, entry: AuditEntry) -> dict[str, Any]:
    subject, actor = entry.subject, entry.actor
    if entry.account is not None:
        known = session.scalar(select(User.id).where(User.email == storable(entry.account).strip().casefold()))
        subject = f"user:{known}" if known else None
    return {
        "event": entry.event,
        "level": LEVELS[entry.event],
        "actor": _short(actor.name),
        "user_id": actor.user_id,
        "key_id": actor.key_id,
        "address": _short(actor.address),
        "subject": _short(subject),
        "details": _storable(entry.details),
    }


def _short(text: str | None) -> str | None:
    return None if text is None else storable(text)[:_LONGEST]


def _storable(value: Any) -> Any:
    """The value as JSON brings it back."""
    if isinstance(value, dict):
        return {str(name): _storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return storable(value) if isinstance(value, str) else value


def _values(row: AuditEvent) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in AuditEvent.__table__.columns}
