"""Which data sources are due, and the lease under which one is synced. Knows nothing of connectors or items.

The number of a sync is its fence: it rises with each claim, and whoever holds an older one can write nothing more.
Times are the database's, so two schedulers on two machines are fine.
"""

import random
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from retrieval.errors import FootnoteError
from retrieval.types import Principal
from services.db.audit_log import record
from services.db.database import Database, clock
from services.db.jobs import LeaseLostError
from services.db.models import DataSource, Job, User

LEASE = timedelta(seconds=20)
# A folder in which something changes all the time is synced no more often than this.
QUIET = timedelta(seconds=15)
# So many documents in the queue are enough to keep every worker busy; a sync waits rather than fill the disk.
CROWDED = 2000
BACKOFF_SECONDS = 10.0
BACKOFF_GROWTH = 3.0
MAX_BACKOFF_SECONDS = 3600.0
# Without a schedule somebody asked and looks: after so many tries in a row it waits until they ask again.
UNSCHEDULED_TRIES = 3
# Of a sync's counters those of which the audit log tells.
CHANGES = ("new", "changed", "moved", "deleted")


@dataclass(frozen=True, slots=True)
class SyncLease:
    """The right to sync one data source, and what that takes. `owner` is the principal whom its documents belong to.

    `owner` is no administrator here: a sync changes nobody else's documents.
    """

    source_id: str
    name: str
    number: int
    cursor: str | None
    connector: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str]
    owner: Principal
    confirmed: bool


class Syncs:
    """Claims, renews and ends syncs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, *, limit: int) -> list[str]:
        """Ids of data sources to be synced now, the longest due first."""
        with self._database.read() as session:
            query = select(DataSource.id).where(_claimable(clock(session)))
            return list(session.scalars(query.order_by(DataSource.next_sync_at).limit(limit)))

    def claim(self, source_id: str, owner: str) -> SyncLease | None:
        """Begin a sync if it is due and nobody is at it; None otherwise."""
        with self._database.write() as session:
            now = clock(session)
            due = select(DataSource).where(DataSource.id == source_id, _claimable(now)).with_for_update()
            source = session.scalar(due)
            if source is None:
                return None
            if source.lease_until is not None:  # it ran out: nobody else tells what the sync before has brought
                record_sync(session, source, "broken_off")
            source.lease_owner, source.lease_until = owner, now + LEASE
            source.sync_number, source.started_at, source.counters = source.sync_number + 1, now, {}
            return _lease(source, session.get_one(User, source.owner_id))

    def renew(self, lease: SyncLease, counters: Mapping[str, int]) -> None:
        """Extend the lease and show how far the sync is. Raises LeaseLostError."""
        with held(self._database, lease) as (session, source):
            source.lease_until, source.counters = clock(session) + LEASE, counted(source, counters)

    def end(self, lease: SyncLease, outcome: str, counters: Mapping[str, int], *, unconfirmed: int = 0) -> None:
        """The sync came to its end: `outcome` is done, partly or needs_confirmation. Raises LeaseLostError."""
        with held(self._database, lease) as (session, source):
            now = clock(session)
            _ended(source, outcome, now)
            source.failures, source.counters, source.unconfirmed = 0, counted(source, counters), unconfirmed
            source.confirmed = source.confirmed and not lease.confirmed
            if not _asked_again(source):
                source.next_sync_at = now + timedelta(seconds=source.every_s) if source.every_s else None
            record_sync(session, source, outcome)

    def fail(self, lease: SyncLease, error: FootnoteError, counters: Mapping[str, int]) -> None:
        """The data source cannot be read now: nothing was deleted, and it is tried again. Raises LeaseLostError."""
        with held(self._database, lease) as (session, source):
            source.counters = counted(source, counters)
            source.confirmed = source.confirmed and not lease.confirmed
            _failed(source, error.code, error.message, clock(session))
            record_sync(session, source, "failed")

    def release(self, lease: SyncLease, counters: Mapping[str, int]) -> None:
        """Give the sync back unfinished: it is due at once, behind others that are. Raises LeaseLostError."""
        with held(self._database, lease) as (session, source):
            source.counters = counted(source, counters)
            record_sync(session, source, "released")
            source.lease_owner = source.lease_until = None
            source.next_sync_at = clock(session)

    def crashed(self, source_id: str, owner: str, reason: str) -> None:
        """The process `owner` died without a word: what it synced is tried again, later each time."""
        with self._database.write() as session:
            mine = (DataSource.id == source_id, DataSource.lease_owner == owner, DataSource.lease_until.is_not(None))
            source = session.scalar(select(DataSource).where(*mine).with_for_update())
            if source is not None:
                _failed(source, "sync_crashed", reason, clock(session))
                record_sync(session, source, "crashed")

    def watched(self) -> dict[str, str]:
        """Paths of folders in which changes should be noticed, by data source: those that have a schedule."""
        alive = (DataSource.connector == "folder", DataSource.every_s.is_not(None), DataSource.removed_at.is_(None))
        with self._database.read() as session:
            query = select(DataSource.id, DataSource.options).where(*alive, DataSource.paused.is_(False))
            return {source_id: str(options["path"]) for source_id, options in session.execute(query)}

    def hasten(self, source_ids: Collection[str]) -> None:
        """Something changed there: they are due soon, though never at once after a sync that has just ended."""
        with self._database.write() as session:
            now = clock(session)
            changed = select(DataSource).where(DataSource.id.in_(source_ids), DataSource.removed_at.is_(None))
            for source in session.scalars(changed.with_for_update()):
                _due_soon(source, now)

    def crowded(self) -> bool:
        """Whether so much waits for the workers that a sync should wait too."""
        with self._database.read() as session:
            waiting = select(Job.id).where(Job.state == "queued").limit(CROWDED).subquery()
            return (session.scalar(select(func.count()).select_from(waiting)) or 0) >= CROWDED


@contextmanager
def held(database: Database, lease: SyncLease) -> Iterator[tuple[Session, DataSource]]:
    """A transaction in which this sync is the data source's newest, and stays it. Raises LeaseLostError."""
    with database.write() as session:
        mine = (DataSource.id == lease.source_id, DataSource.sync_number == lease.number)
        alive = (DataSource.lease_until.is_not(None), DataSource.removed_at.is_(None))
        source = session.scalar(select(DataSource).where(*mine, *alive).with_for_update())
        if source is None:
            raise LeaseLostError("This sync was overtaken by another one, or the data source was changed or removed.")
        yield session, source


def count(source: DataSource, name: str, by: int = 1) -> None:
    """Count one of `CHANGES` in the transaction that makes it: a process that dies at once has told nobody else."""
    source.counters = {**source.counters, name: source.counters.get(name, 0) + by}


def counted(source: DataSource, counters: Mapping[str, int]) -> dict[str, int]:
    """The sync's own counters, which may be behind what its transactions have counted, and never ahead of it."""
    return {**counters, **{name: max(counters.get(name, 0), source.counters.get(name, 0)) for name in CHANGES}}


def record_sync(session: Session, source: DataSource, outcome: str) -> None:
    """One event for all that a sync brought, where it brought something; changed grants have events of their own."""
    if any(source.counters.get(name) for name in CHANGES):
        told: dict[str, Any] = {"sync": source.sync_number, "outcome": outcome, "counters": source.counters}
        record(session, "upload_complete", subject=f"data_source:{source.name}", **told)


def _claimable(now: datetime) -> ColumnElement[bool]:
    free = or_(DataSource.lease_until.is_(None), DataSource.lease_until < now)
    wanted = and_(DataSource.paused.is_(False), DataSource.removed_at.is_(None), DataSource.next_sync_at <= now)
    return and_(wanted, free)


def _lease(source: DataSource, owner: User) -> SyncLease:
    return SyncLease(
        source_id=source.id,
        name=source.name,
        number=source.sync_number,
        cursor=source.cursor,
        connector=source.connector,
        options=source.options,
        secrets=source.secrets,
        owner=Principal(owner.id, owner.email, frozenset(), scopes=frozenset({"write"})),
        confirmed=source.confirmed,
    )


def _ended(source: DataSource, outcome: str, now: datetime) -> None:
    source.outcome, source.code, source.reason, source.finished_at = outcome, None, None, now
    source.ended_number = source.sync_number
    source.lease_owner = source.lease_until = None


def _failed(source: DataSource, code: str, reason: str, now: datetime) -> None:
    _ended(source, "failed", now)
    source.code, source.reason, source.failures = code, reason, source.failures + 1
    if _asked_again(source):
        return
    if source.every_s is None and source.failures >= UNSCHEDULED_TRIES:
        source.next_sync_at = None
        return
    wait = min(BACKOFF_SECONDS * BACKOFF_GROWTH ** (source.failures - 1), MAX_BACKOFF_SECONDS)
    source.next_sync_at = now + timedelta(seconds=wait * random.uniform(0.75, 1.25))  # noqa: S311 - jitter


def _due_soon(source: DataSource, now: datetime) -> None:
    """While a sync runs, the time at which it was due itself says nothing of the next one."""
    runs = source.lease_until is not None
    if runs and _asked_again(source) and source.next_sync_at is not None and source.next_sync_at <= now:
        return
    last = now if runs else source.finished_at
    soon = max(now, last + QUIET) if last is not None else now
    due = None if runs else source.next_sync_at
    source.requested_at, source.next_sync_at = now, min(due or soon, soon)


def _asked_again(source: DataSource) -> bool:
    """Somebody asked for a sync after this one had begun: it is due already."""
    return source.requested_at is not None and source.started_at is not None and source.requested_at > source.started_at
