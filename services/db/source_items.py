"""What a sync remembers of each item, written together with the documents that the items become.

Every write stands under the sync's lease, and locks items before documents. Knows nothing of connectors or bytes.
Returns ids of jobs to be rung.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from retrieval.errors import FootnoteError
from services.db.database import Database
from services.db.grants import grants_in
from services.db.jobs import cancel, new_job
from services.db.models import DataSource, DataSourceItem, Document, User
from services.db.registration import Registration, deleted, editable_by_name, granted, registered, renamed
from services.db.syncs import SyncLease, count, counted, held

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Bytes:
    """What is to be registered: the registration without its grants, the grants that the source gives (None: none),
    and the revision that stands for these bytes."""

    registration: Registration
    own_grants: tuple[str, ...] | None
    revision: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One batch of a listing: what is as it was, what is gone, what could not be listed, and where to go on."""

    unchanged: Collection[str]
    gone: Collection[str]
    failed: Sequence[tuple[str, str]]
    cursor: str | None


class SourceItems:
    """The items of data sources, for syncs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, lease: SyncLease, external_ids: Collection[str]) -> dict[str, DataSourceItem]:
        """What is remembered of these items."""
        with self._database.read() as session:
            query = select(DataSourceItem).where(_of(lease), DataSourceItem.external_id.in_(external_ids))
            return {item.external_id: item for item in session.scalars(query)}

    def register(self, lease: SyncLease, new: Bytes) -> tuple[bool, tuple[str, ...]]:
        """Make the bytes a document, or its next version; whether that is work to do, and the jobs to ring."""
        try:
            return self._register(lease, new)
        except IntegrityError:  # an upload of that name came in between
            return self._register(lease, new)

    def _register(self, lease: SyncLease, new: Bytes) -> tuple[bool, tuple[str, ...]]:
        with held(self._database, lease) as (session, source):
            item = _item(session, lease, new.registration.external_id)
            registration = _with_grants(source, lease, item, new)
            document = editable_by_name(session, registration, lease.owner)
            change = registered(session, document, registration, lease.owner)
            if item.document_id is None:
                count(source, "new")
            elif change.changed:
                count(source, "changed")
            _remember(source, item, new, change.row.document.id, lease)
            return change.changed, change.ring

    def set_grants(self, lease: SyncLease, external_id: str, own: tuple[str, ...] | None) -> tuple[str, ...]:
        """The source changed who may read an item whose bytes are as they were."""
        with held(self._database, lease) as (session, source):
            item = _item(session, lease, external_id)
            wanted = _wanted(source, lease.owner.email, own)
            document = session.get(Document, item.document_id, with_for_update=True) if item.document_id else None
            item.own_grants, item.grants_revision = own is not None, source.grants_revision
            if document is None or document.deleted_at is not None or item.grants == list(wanted):
                return ()
            item.grants = list(wanted)
            return granted(session, document, wanted)

    def has_twin(self, lease: SyncLease, external_id: str, sha256: str) -> bool:
        """Whether another item with these bytes may prove to have moved: this sync has not seen it yet."""
        with self._database.read() as session:
            query = select(DataSourceItem.external_id).where(
                _of(lease), _twin(external_id, sha256), or_(DataSourceItem.seen_in < lease.number, DataSourceItem.gone)
            )
            return session.scalar(query.limit(1)) is not None

    def defer(self, lease: SyncLease, external_id: str, waiting: Mapping[str, Any]) -> None:
        """Keep what was fetched until the whole listing is known."""
        with held(self._database, lease) as (session, _):
            item = _item(session, lease, external_id)
            _seen(item, lease)
            item.waiting, item.reason, item.code = dict(waiting), None, None

    def move(self, lease: SyncLease, new: Bytes) -> tuple[str, ...] | None:
        """Give the document of an item with these bytes that is gone to this one; None where there is none."""
        external_id, sha256 = new.registration.external_id, new.registration.sha256
        with held(self._database, lease) as (session, source):
            gone = select(DataSourceItem).where(_of(lease), _twin(external_id, sha256), DataSourceItem.gone)
            old = session.scalars(gone.order_by(DataSourceItem.external_id).limit(1).with_for_update()).first()
            item = _item(session, lease, external_id)
            document = session.get(Document, old.document_id, with_for_update=True) if old is not None else None
            taken = editable_by_name(session, new.registration, lease.owner) is not None
            if old is None or document is None or taken:
                return None
            item.grants = old.grants
            grants = _with_grants(source, lease, item, new).grants
            session.delete(old)
            count(source, "moved")
            ring = renamed(session, document, new.registration)
            ring += granted(session, document, grants) if grants else ()
            _remember(source, item, new, document.id, lease)
            return ring

    def fail(self, lease: SyncLease, external_id: str, error: FootnoteError, waiting: Mapping[str, Any] | None) -> None:
        """An item could not be fetched; its document, if there is one, stays. `waiting` is what to try again with."""
        with held(self._database, lease) as (session, _):
            item = _item(session, lease, external_id)
            _seen(item, lease)
            item.tried_in, item.code, item.reason = lease.number, error.code, error.message
            item.waiting = dict(waiting) if waiting is not None else None

    def lost(self, lease: SyncLease, external_id: str) -> None:
        """An item proved to be gone when it was fetched."""
        with held(self._database, lease) as (session, _):
            _change(session, lease, [external_id], gone=True, waiting=None)

    def save(self, lease: SyncLease, listed: Listed, counters: Mapping[str, int]) -> None:
        """A batch is done: what it said is remembered, and the next sync goes on behind it."""
        with held(self._database, lease) as (session, source):
            seen = {"seen_in": lease.number, "gone": False}
            settled = {"reason": None, "code": None, "waiting": None}
            _change(session, lease, listed.unchanged, **seen, **settled)
            _change(session, lease, listed.gone, gone=True, waiting=None)
            for external_id, reason in listed.failed:
                item = _item(session, lease, external_id)
                _seen(item, lease)
                item.tried_in, item.code, item.reason = lease.number, "not_listed", reason
            if listed.cursor is not None:
                source.cursor = listed.cursor
            source.counters = counted(source, counters)

    def mark_unseen(self, lease: SyncLease) -> None:
        """The listing named everything there is: what it did not name is gone."""
        with held(self._database, lease) as (session, _):
            unseen = update(DataSourceItem).where(_of(lease), DataSourceItem.seen_in < lease.number)
            session.execute(unseen.values(gone=True, waiting=None))

    def waiting(self, lease: SyncLease, *, after: str) -> list[DataSourceItem]:
        """Items behind `after` that are to be registered or tried again, and were not tried in this sync."""
        with self._database.read() as session:
            due = and_(DataSourceItem.waiting.is_not(None), DataSourceItem.tried_in < lease.number)
            query = select(DataSourceItem).where(_of(lease), due, DataSourceItem.external_id > after)
            return list(session.scalars(query.order_by(DataSourceItem.external_id).limit(CHUNK)))

    def gone(self, lease: SyncLease) -> tuple[int, int]:
        """How many documents are to be deleted, and how many there are."""
        with self._database.read() as session:
            query = select(func.count(), func.count().filter(DataSourceItem.gone)).select_from(DataSourceItem)
            mine = query.join(Document, Document.id == DataSourceItem.document_id)
            every, gone = session.execute(mine.where(_of(lease), Document.deleted_at.is_(None))).one()
            return gone, every

    def delete_gone(self, lease: SyncLease) -> tuple[int, tuple[str, ...]] | None:
        """Delete some of what is gone: how many documents, and the jobs to ring; None once nothing is left."""
        with held(self._database, lease) as (session, source):
            some = select(DataSourceItem).where(_of(lease), DataSourceItem.gone).limit(CHUNK)
            items = list(session.scalars(some.with_for_update()))
            documents = _living(session, items)
            for item in items:
                session.delete(item)
            ring = tuple(deleted(session, document) for document in documents)
            count(source, "deleted", len(ring))
            return (len(ring), ring) if items else None

    def failing(self, lease: SyncLease) -> int:
        """Items that could not be listed or fetched."""
        with self._database.read() as session:
            query = select(func.count()).select_from(DataSourceItem)
            return session.scalar(query.where(_of(lease), DataSourceItem.reason.is_not(None))) or 0

    # --- what needs no lease: the scheduler's chores, in portions, until they answer None

    def apply_defaults(self) -> tuple[str, ...] | None:
        """Bring some documents to their data source's changed default grants. Those with grants from the source keep
        them, and so do those whose grants somebody changed by hand. None once nothing is left."""
        behind = DataSourceItem.grants_revision < DataSource.grants_revision
        query = (
            select(DataSourceItem, DataSource, User.email)
            .join(DataSource, DataSource.id == DataSourceItem.data_source_id)
            .join(User, User.id == DataSource.owner_id)
        )
        with self._database.write() as session:
            some = query.where(behind, DataSource.removed_at.is_(None)).limit(CHUNK)
            rows = session.execute(some.with_for_update(of=DataSourceItem, skip_locked=True)).all()
            documents = {document.id: document for document in _living(session, [item for item, *_ in rows])}
            held_now = grants_in(session, list(documents))
            ring: list[str] = []
            for item, source, owner in rows:
                item.grants_revision = source.grants_revision
                document = documents.get(item.document_id or "")
                if item.own_grants or document is None:
                    continue
                wanted = _wanted(source, owner, None)
                if sorted(item.grants or ()) == held_now.get(document.id, []):
                    ring.extend(granted(session, document, wanted))
                item.grants = list(wanted)
            return tuple(ring) if rows else None

    def sweep(self) -> tuple[str, ...] | None:
        """Give some deleted documents of removed data sources the jobs that delete their chunks. None: nothing left."""
        with self._database.write() as session:
            removed = select(DataSource.id).where(DataSource.removed_at.is_not(None))
            query = select(DataSourceItem).where(DataSourceItem.data_source_id.in_(removed)).limit(CHUNK)
            items = list(session.scalars(query.with_for_update(skip_locked=True)))
            ring: list[str] = []
            for item in items:
                document = session.get(Document, item.document_id) if item.document_id else None
                if document is not None:
                    cancel(session, document.job_id)
                    ring.append(new_job(session, "delete", document.id, None).id)
                session.delete(item)
            return tuple(ring) if items else None


def _of(lease: SyncLease) -> ColumnElement[bool]:
    return DataSourceItem.data_source_id == lease.source_id


def _twin(external_id: str, sha256: str) -> ColumnElement[bool]:
    """Another item with these bytes and a living document."""
    document = aliased(Document)
    alive = exists().where(document.id == DataSourceItem.document_id, document.deleted_at.is_(None))
    return and_(DataSourceItem.sha256 == sha256, DataSourceItem.external_id != external_id, alive)


def _item(session: Session, lease: SyncLease, external_id: str) -> DataSourceItem:
    item = session.get(DataSourceItem, (lease.source_id, external_id), with_for_update=True)
    if item is None:
        item = DataSourceItem(
            data_source_id=lease.source_id,
            external_id=external_id,
            own_grants=False,
            grants_revision=0,
            seen_in=lease.number,
            tried_in=0,
            gone=False,
        )
        session.add(item)
    return item


def _seen(item: DataSourceItem, lease: SyncLease) -> None:
    item.seen_in, item.gone = lease.number, False


def _wanted(source: DataSource, owner: str, own: tuple[str, ...] | None) -> tuple[str, ...]:
    """Who is to read an item. Nobody named means the owner alone, as for an upload."""
    return (own if own is not None else tuple(source.grants)) or (f"user:{owner.casefold()}",)


def _with_grants(source: DataSource, lease: SyncLease, item: DataSourceItem, new: Bytes) -> Registration:
    """The registration with its grants; None where they are what the last sync gave: what somebody changed by hand
    since then is not widened again by new bytes."""
    wanted = _wanted(source, lease.owner.email, new.own_grants)
    same = item.grants == list(wanted)
    return replace(new.registration, grants=None if same else wanted)


def _remember(source: DataSource, item: DataSourceItem, new: Bytes, document_id: str, lease: SyncLease) -> None:
    _seen(item, lease)
    item.document_id, item.revision, item.sha256 = document_id, new.revision, new.registration.sha256
    item.grants, item.own_grants = list(_wanted(source, lease.owner.email, new.own_grants)), new.own_grants is not None
    item.grants_revision = source.grants_revision
    item.waiting, item.reason, item.code = None, None, None


def _living(session: Session, items: Sequence[DataSourceItem]) -> list[Document]:
    ids = [item.document_id for item in items if item.document_id]
    query = select(Document).where(Document.id.in_(ids), Document.deleted_at.is_(None)).with_for_update()
    return list(session.scalars(query))


def _change(session: Session, lease: SyncLease, external_ids: Collection[str], **values: object) -> None:
    if external_ids:
        these = update(DataSourceItem).where(_of(lease), DataSourceItem.external_id.in_(external_ids))
        session.execute(these.values(**values).execution_options(synchronize_session=False))
