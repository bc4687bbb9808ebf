"""Data sources as administrators set them up: add, change, pause, ask for a sync, remove. Knows nothing of connectors.

How a sync goes on is `services/db/syncs.py`, what it remembers of items `services/db/source_items.py`.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Select, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, InvalidInputError, NotFoundError
from retrieval.types import Principal
from services.db.audit_log import record
from services.db.database import Database, clock
from services.db.models import DataSource, DataSourceItem, Document, Job, User
from services.db.syncs import record_sync

RESERVED = frozenset({"uploads"})
GIVEN_UP = ("failed", "quarantined")
SourceState = Literal["idle", "waiting", "syncing", "paused", "failed", "needs_confirmation"]


@dataclass(frozen=True, slots=True)
class NewDataSource:
    """A data source to be. `secrets` maps options to names of secrets; `every_s` None: synced when asked."""

    name: str
    connector: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str]
    grants: tuple[str, ...]
    every_s: int | None


@dataclass(frozen=True, slots=True)
class SourceChange:
    """What is to change; None stays. `every_s` 0: no schedule any more."""

    options: Mapping[str, Any] | None = None
    secrets: Mapping[str, str] | None = None
    grants: tuple[str, ...] | None = None
    every_s: int | None = None
    paused: bool | None = None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A data source as administrators see it. `state` is idle, waiting, syncing, paused, failed or needs_confirmation;
    `failed_items` counts what could not be fetched, `failed_documents` what could not be ingested."""

    source: DataSource
    owner: str
    state: SourceState
    documents: int
    failed_items: int
    failed_documents: int


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item of a data source, and the document that it became."""

    item: DataSourceItem
    document: Document | None
    job: Job | None


class DataSources:
    """The data sources that have a connector."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewDataSource, principal: Principal, *, sync: bool) -> SourceRow:
        """A new data source, its documents the principal's; `sync`: at once. Raises ConflictError for a name in use."""
        if new.name.casefold() in RESERVED:
            raise InvalidInputError(f"The name {new.name} is kept for uploads: choose another.", code="reserved_name")
        try:
            with self._database.write() as session:
                now = clock(session)
                session.add(_fresh(new, principal, now, first_sync=now if sync else None))
                session.flush()
                told = {"connector": new.connector, "options": sorted(new.options), "secrets": dict(new.secrets)}
                _record(session, new.name, "add", **told, grants=list(new.grants), every_s=new.every_s)
                return self._row(session, new.name)
        except IntegrityError:
            raise ConflictError(
                f"There is a data source named {new.name} already.", code="data_source_exists"
            ) from None

    def get(self, name: str) -> SourceRow:
        """Raises NotFoundError."""
        with self._database.read() as session:
            return self._row(session, name)

    def listing(self) -> list[SourceRow]:
        """All of them, by name."""
        with self._database.read() as session:
            rows = session.execute(_sources().order_by(DataSource.name))
            now, counts = clock(session), _counts(session)
            return [_view(source, owner, counts, now) for source, owner in rows]

    def names(self) -> frozenset[str]:
        """The names in use."""
        with self._database.read() as session:
            return frozenset(session.scalars(select(DataSource.name).where(DataSource.removed_at.is_(None))))

    def change(self, name: str, change: SourceChange) -> SourceRow:
        """Change what is given. Pausing, and other options, stop a sync that is running. Raises NotFoundError."""
        with self._database.write() as session:
            source, now = _live(session, name), clock(session)
            before = source.grants
            if change.options is not None or change.secrets is not None:
                source.options = dict(change.options if change.options is not None else source.options)
                source.secrets = dict(change.secrets if change.secrets is not None else source.secrets)
                source.cursor, source.failures = None, 0
                _stop(session, source, now, "It was stopped because its options changed.")
                source.next_sync_at = now
            if change.grants is not None and list(change.grants) != source.grants:
                source.grants, source.grants_revision = list(change.grants), source.grants_revision + 1
            if change.every_s is not None:
                _reschedule(source, change.every_s or None, now)
            if change.paused is not None:
                source.paused = change.paused
                if change.paused:
                    _stop(session, source, now, "It was stopped because the data source was paused.")
            session.flush()
            told = {field: getattr(change, field) for field in ("every_s", "paused")}
            said = {field: value for field, value in told.items() if value is not None}
            if list(before) != source.grants:
                said |= {"old": list(before), "new": source.grants}
            if change.options is not None or change.secrets is not None:
                said |= {"options": sorted(source.options), "secrets": source.secrets}
            _record(session, name, "change", **said)
            return self._row(session, name)

    def request_sync(self, name: str, *, confirm: bool) -> int:
        """Have it synced now; returns the number of the sync that will see everything there is now.

        `confirm` lets that sync delete however much has vanished. Raises NotFoundError, ConflictError while paused.
        """
        with self._database.write() as session:
            source = _live(session, name)
            if source.paused:
                raise ConflictError(f"{name} is paused: resume it first.", code="data_source_paused")
            source.requested_at = source.next_sync_at = clock(session)
            source.failures = 0
            source.confirmed = source.confirmed or confirm
            _record(session, name, "sync", confirm=confirm)
            return source.sync_number + 1

    def remove(self, name: str, *, keep_documents: bool, confirmed: bool) -> int:
        """End a data source; its documents go at once, or stay as if they had been uploaded. Returns how many.

        The chunks follow (`SourceItems.sweep`). Raises NotFoundError; ConflictError where documents would be deleted
        and that is not `confirmed`.
        """
        with self._database.write() as session:
            source, now = _live(session, name), clock(session)
            mine = select(DataSourceItem.document_id).where(DataSourceItem.data_source_id == source.id)
            alive = and_(Document.id.in_(mine), Document.deleted_at.is_(None))
            count = session.scalar(select(func.count()).select_from(Document).where(alive)) or 0
            if count and not keep_documents and not confirmed:
                message = f"Removing {name} deletes its documents ({count}): confirm that, or keep them."
                raise ConflictError(message, code="confirmation_required")
            _stop(session, source, now, "It was stopped because the data source was removed.")
            source.removed_at, source.next_sync_at = now, None
            if keep_documents:
                session.execute(delete(DataSourceItem).where(DataSourceItem.data_source_id == source.id))
            else:
                session.execute(update(Document).where(alive).values(deleted_at=now))
            _record(session, name, "remove", documents=count, kept=keep_documents)
            return count

    def items(self, name: str, *, failed: bool, after: str | None, limit: int) -> list[ItemRow]:
        """Items by external id, behind `after`; `failed`: only what could not be fetched or ingested."""
        query = (
            select(DataSourceItem, Document, Job)
            .outerjoin(Document, and_(Document.id == DataSourceItem.document_id, Document.deleted_at.is_(None)))
            .outerjoin(Job, Job.id == Document.job_id)
            .order_by(DataSourceItem.external_id)
            .limit(limit)
        )
        if failed:
            query = query.where(or_(DataSourceItem.reason.is_not(None), Job.state.in_(GIVEN_UP)))
        if after is not None:
            query = query.where(DataSourceItem.external_id > after)
        with self._database.read() as session:
            rows = session.execute(query.where(DataSourceItem.data_source_id == _live(session, name).id))
            return [ItemRow(item, document, job) for item, document, job in rows]

    def _row(self, session: Session, name: str) -> SourceRow:
        found = session.execute(_sources().where(DataSource.name == name)).first()
        if found is None:
            raise _unknown(name)
        source, owner = found
        return _view(source, owner, _counts(session, source.id), clock(session))


def _sources() -> Select[DataSource, str]:
    alive = select(DataSource, User.email).join(User, User.id == DataSource.owner_id)
    return alive.where(DataSource.removed_at.is_(None))


def _record(session: Session, name: str, act: str, **told: Any) -> None:
    """Of options their names only: values may hold what is nobody else's business."""
    record(session, "authz_admin", subject=f"data_source:{name}", act=act, **told)


def _live(session: Session, name: str) -> DataSource:
    alive = select(DataSource).where(DataSource.name == name, DataSource.removed_at.is_(None)).with_for_update()
    source = session.scalar(alive)
    if source is None:
        raise _unknown(name)
    return source


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no data source {name} with a connector.", code="unknown_data_source")


def _fresh(new: NewDataSource, principal: Principal, now: datetime, *, first_sync: datetime | None) -> DataSource:
    return DataSource(
        id=str(uuid.uuid4()),
        name=new.name,
        connector=new.connector,
        options=dict(new.options),
        secrets=dict(new.secrets),
        grants=list(new.grants),
        grants_revision=0,
        owner_id=principal.user_id,
        every_s=new.every_s,
        paused=False,
        next_sync_at=first_sync or (now + timedelta(seconds=new.every_s) if new.every_s else None),
        requested_at=first_sync,
        confirmed=False,
        sync_number=0,
        counters={},
        ended_number=0,
        failures=0,
        unconfirmed=0,
        created_at=now,
    )


def _stop(session: Session, source: DataSource, now: datetime, reason: str) -> None:
    """Fence out the sync that is running, if one is; the lease's next write fails."""
    if source.lease_until is None:
        return
    record_sync(session, source, "stopped")
    source.outcome, source.code, source.reason, source.finished_at = "stopped", "stopped", reason, now
    source.sync_number += 1
    source.ended_number = source.sync_number
    source.lease_owner = source.lease_until = None


def _reschedule(source: DataSource, every_s: int | None, now: datetime) -> None:
    source.every_s = every_s
    asked = source.requested_at is not None and (source.started_at is None or source.requested_at > source.started_at)
    if not asked:
        last = source.finished_at or now
        source.next_sync_at = max(now, last + timedelta(seconds=every_s)) if every_s else None


Counts = Mapping[str, tuple[int, int, int]]


def _counts(session: Session, source_id: str | None = None) -> Counts:
    """Per data source: living documents, items that could not be fetched, documents that could not be ingested."""
    query = (
        select(
            DataSourceItem.data_source_id,
            func.count(Document.id),
            func.count(DataSourceItem.reason),
            func.count(Job.id),
        )
        .outerjoin(Document, and_(Document.id == DataSourceItem.document_id, Document.deleted_at.is_(None)))
        .outerjoin(Job, and_(Job.id == Document.job_id, Job.state.in_(GIVEN_UP)))
        .group_by(DataSourceItem.data_source_id)
    )
    if source_id is not None:
        query = query.where(DataSourceItem.data_source_id == source_id)
    return {id_: (documents, items, failed) for id_, documents, items, failed in session.execute(query)}


def _view(source: DataSource, owner: str, counts: Counts, now: datetime) -> SourceRow:
    documents, failed_items, failed_documents = counts.get(source.id, (0, 0, 0))
    return SourceRow(source, owner, _state(source, now), documents, failed_items, failed_documents)


def _state(source: DataSource, now: datetime) -> SourceState:
    if source.paused:
        return "paused"
    if source.lease_until is not None and source.lease_until > now:
        return "syncing"
    if source.next_sync_at is not None and source.next_sync_at <= now:
        return "waiting"
    if source.outcome == "failed":
        return "failed"
    return "needs_confirmation" if source.outcome == "needs_confirmation" else "idle"
