"""Registering, changing and listing documents, each change in one transaction with its job.

Knows nothing of bytes, parsing or the index. Returns the ids of jobs whose doorbell the caller rings after the commit.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, NotFoundError
from retrieval.types import Principal
from services.db.database import Database, clock
from services.db.jobs import cancel, new_job
from services.db.models import DataSource, DataSourceItem, Document, DocumentGrant, Job, User, Version
from services.db.registry import may_read

NOT_FOUND = "There is no such document, or you may not read it."


@dataclass(frozen=True, slots=True)
class Registration:
    """What a caller says of a document whose bytes are stored. `grants` None: as they were, or the owner's alone."""

    sha256: str
    size: int
    file_name: str
    media_type: str
    data_source: str
    external_id: str
    title: str | None
    url: str | None
    grants: tuple[str, ...] | None
    modified_at: datetime | None
    effective_from: datetime | None
    effective_until: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document with its current job, version, grants and its owner's address, as lists and details show it."""

    document: Document
    job: Job
    version: Version
    grants: tuple[str, ...]
    owner: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a call changed: the document, whether anything is to be done, and the jobs to ring."""

    row: DocumentRow
    changed: bool
    ring: tuple[str, ...] = ()


class Documents:
    """The document table and everything that hangs on it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, registration: Registration, principal: Principal) -> Change:
        """Create a document or a new version of it. Same bytes, grants and metadata: unchanged.

        Raises UnavailableError where the database is down; then nothing was stored.
        """
        try:
            return self._register(registration, principal)
        except IntegrityError:  # another call created it since we looked: now it is there
            return self._register(registration, principal)

    def _register(self, new: Registration, principal: Principal) -> Change:
        with self._database.write() as session:
            document = editable_by_name(session, new, principal)
            if document is not None:
                _refuse_synced(session, document)
            return registered(session, document, new, principal)

    def set_grants(self, document_id: str, grants: tuple[str, ...], principal: Principal) -> Change:
        """Replace a document's grants; takes effect on the next request. Raises NotFoundError."""
        with self._database.write() as session:
            document = self._editable(session, document_id, principal)
            ring = granted(session, document, grants)
            session.flush()
            return Change(_row(session, document), bool(ring), ring)

    def delete(self, document_id: str, principal: Principal) -> tuple[str, ...]:
        """A tombstone, effective at once; the chunks follow. Raises NotFoundError."""
        with self._database.write() as session:
            return (deleted(session, self._editable(session, document_id, principal)),)

    def retry(self, document_id: str, principal: Principal) -> Change:
        """Queue a failed or quarantined document again. Raises NotFoundError, ConflictError in any other state."""
        with self._database.write() as session:
            document = self._editable(session, document_id, principal)
            job = session.get_one(Job, document.job_id)
            if job.state not in ("failed", "quarantined"):
                raise ConflictError(f"Only failed or quarantined documents can be retried; this one is {job.state}.")
            again = new_job(session, "ingest", document.id, job.version)
            document.job_id = again.id
            session.flush()
            return Change(_row(session, document), True, (again.id,))

    def get(self, document_id: str, principal: Principal) -> DocumentRow:
        """One document that the principal may read or edit. Raises NotFoundError."""
        with self._database.read() as session:
            visible = or_(may_read(principal), _may_edit(principal))
            document = session.scalar(select(Document).where(Document.id == document_id, visible))
            if document is None:
                raise NotFoundError(NOT_FOUND)
            return _row(session, document)

    def readable_version(self, document_id: str, principal: Principal, number: int | None) -> tuple[Document, Version]:
        """A version (None: the active one) whose content the principal may read. Raises NotFoundError."""
        with self._database.read() as session:
            found = select(Document).where(Document.id == document_id, may_read(principal))
            document = session.scalar(found)
            wanted = number if number is not None else document and document.active_version
            version = session.get(Version, (document_id, wanted)) if document is not None and wanted else None
            if document is None or version is None or version.activated_at is None:
                raise NotFoundError(NOT_FOUND)
            return document, version

    def page(
        self, principal: Principal, *, state: str | None = None, data_source: str | None = None,
        text: str | None = None, ids: Sequence[str] | None = None, after: tuple[str, str] | None = None,
        limit: int = 50,
    ) -> list[DocumentRow]:  # fmt: skip
        """Documents the principal may read or edit, by title then id, starting behind `after` (title, id)."""
        where: list[ColumnElement[bool]] = [or_(may_read(principal), _may_edit(principal))]
        if state:
            where.append(Job.state == state)
        if data_source:
            where.append(Document.data_source == data_source)
        if ids is not None:
            where.append(Document.id.in_(ids))
        if text:
            pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            named = or_(Document.title.ilike(pattern, escape="\\"), Document.external_id.ilike(pattern, escape="\\"))
            where.append(named)
        if after:
            title, last = after
            where.append(or_(Document.title > title, and_(Document.title == title, Document.id > last)))
        query = (
            select(Document, Job, Version, User.email)
            .join(Job, Job.id == Document.job_id)
            .join(User, User.id == Document.owner_id)
            .join(Version, and_(Version.document_id == Document.id, Version.number == Document.latest_version))
            .where(*where)
            .order_by(Document.title, Document.id)
            .limit(limit)
        )
        with self._database.read() as session:
            rows = session.execute(query).all()
            grants = grants_in(session, [row[0].id for row in rows])
            return [DocumentRow(d, job, version, tuple(grants.get(d.id, ())), owner) for d, job, version, owner in rows]

    def data_sources(self, principal: Principal) -> list[tuple[str, int]]:
        """Names of data sources with how many documents of each the principal may read or edit."""
        visible = or_(may_read(principal), _may_edit(principal))
        query = select(Document.data_source, func.count()).where(visible).group_by(Document.data_source)
        with self._database.read() as session:
            return list(session.execute(query.order_by(Document.data_source)))

    def _editable(self, session: Session, document_id: str, principal: Principal) -> Document:
        query = select(Document).where(Document.id == document_id, _may_edit(principal)).with_for_update()
        document = session.scalar(query)
        if document is None:
            raise NotFoundError(NOT_FOUND)
        return document


def editable_by_name(session: Session, new: Registration, principal: Principal) -> Document | None:
    """The document of this name that the principal may edit: their own before anybody else's."""
    query = select(Document).where(
        Document.data_source == new.data_source, Document.external_id == new.external_id, _may_edit(principal)
    )
    own_first = (Document.owner_id != principal.user_id, Document.created_at)
    return session.scalars(query.order_by(*own_first).limit(1).with_for_update()).first()


def registered(session: Session, document: Document | None, new: Registration, principal: Principal) -> Change:
    """In the caller's transaction: create a document, or change the one that is there. Raises IntegrityError where
    another call creates it at the same moment."""
    if document is None:
        return _created(session, new, principal)
    latest = session.get_one(Version, (document.id, document.latest_version))
    state = session.get_one(Job, document.job_id).state
    ring: list[str] = []
    changed = _set_metadata(document, new)
    changed |= new.grants is not None and _set_grants(session, document, new.grants)
    if changed:
        ring.append(_metadata_job(session, document).id)
    if latest.sha256 != new.sha256 or state in ("failed", "quarantined", "cancelled"):
        ring.append(_add_version(session, document, new).id)
    session.flush()
    return Change(_row(session, document), bool(ring), tuple(ring))


def granted(session: Session, document: Document, grants: Sequence[str]) -> tuple[str, ...]:
    """In the caller's transaction: replace the grants. Returns the job to ring, none where they are the same."""
    return (_metadata_job(session, document).id,) if _set_grants(session, document, grants) else ()


def deleted(session: Session, document: Document) -> str:
    """In the caller's transaction: a tombstone. Returns the job that deletes the chunks."""
    document.deleted_at = clock(session)
    cancel(session, document.job_id)
    return new_job(session, "delete", document.id, None).id


def renamed(session: Session, document: Document, new: Registration) -> tuple[str, ...]:
    """In the caller's transaction: the same bytes under another external id. The document, its text and what cites it
    stay; its title, address and time follow. Returns the job to ring."""
    if document.title == document.external_id:
        document.title = new.title or new.external_id
    document.external_id = new.external_id
    session.get_one(Version, (document.id, document.latest_version)).file_name = new.file_name
    moved = _set_metadata(document, new)
    return (_metadata_job(session, document).id,) if moved else ()


def grants_in(session: Session, document_ids: Sequence[str]) -> dict[str, list[str]]:
    """Grants by document, sorted."""
    query = select(DocumentGrant).where(DocumentGrant.document_id.in_(document_ids)).order_by(DocumentGrant.grant_name)
    found: dict[str, list[str]] = {}
    for grant in session.scalars(query):
        found.setdefault(grant.document_id, []).append(grant.grant_name)
    return found


def may_edit(document: Document, principal: Principal) -> bool:
    """Owners and administrators edit; it gives no right to read the content."""
    return principal.is_admin or document.owner_id == principal.user_id


def _may_edit(principal: Principal) -> ColumnElement[bool]:
    alive = Document.deleted_at.is_(None)
    return alive if principal.is_admin else and_(alive, Document.owner_id == principal.user_id)


def _created(session: Session, new: Registration, principal: Principal) -> Change:
    now, job_id = clock(session), str(uuid.uuid4())
    document = Document(
        id=str(uuid.uuid4()),
        data_source=new.data_source,
        external_id=new.external_id,
        owner_id=principal.user_id,
        title=new.title or new.external_id,
        title_given=bool(new.title),
        url=new.url,
        media_type=new.media_type,
        latest_version=1,
        metadata_revision=0,
        job_id=job_id,
        modified_at=new.modified_at,
        effective_from=new.effective_from,
        effective_until=new.effective_until,
        created_at=now,
    )
    session.add(document)
    session.flush()
    grants = sorted(set(new.grants or (f"user:{principal.email.casefold()}",)))
    session.add_all(DocumentGrant(document_id=document.id, grant_name=grant) for grant in grants)
    version = _version(document, new, now)
    session.add(version)
    job = new_job(session, "ingest", document.id, 1, now=now, id=job_id)
    session.flush()
    # Nothing is read back: of a bulk load this is half the work.
    return Change(DocumentRow(document, job, version, tuple(grants), principal.email), True, (job.id,))


def _add_version(session: Session, document: Document, new: Registration) -> Job:
    cancel(session, document.job_id)
    document.latest_version += 1
    session.add(_version(document, new, clock(session)))
    job = new_job(session, "ingest", document.id, document.latest_version)
    document.job_id = job.id
    return job


def _version(document: Document, new: Registration, now: datetime) -> Version:
    return Version(
        document_id=document.id,
        number=document.latest_version,
        sha256=new.sha256,
        size=new.size,
        file_name=new.file_name,
        created_at=now,
    )


def _set_metadata(document: Document, new: Registration) -> bool:
    """Take over what the caller said; what it did not say stays."""
    changed = False
    for field in ("title", "url", "modified_at", "effective_from", "effective_until"):
        value = getattr(new, field)
        if value is not None and getattr(document, field) != value:
            setattr(document, field, value)
            changed = True
    document.title_given = document.title_given or bool(new.title)
    return changed


def _set_grants(session: Session, document: Document, grants: Sequence[str]) -> bool:
    """Replace the grants; False where they are the same already."""
    if set(grants_in(session, [document.id]).get(document.id, ())) == set(grants):
        return False
    session.execute(delete(DocumentGrant).where(DocumentGrant.document_id == document.id))
    session.add_all(DocumentGrant(document_id=document.id, grant_name=grant) for grant in grants)
    return True


def _metadata_job(session: Session, document: Document) -> Job:
    """Bring the index's copy of grants and times up to date; the registry's check already knows."""
    document.metadata_revision += 1
    return new_job(session, "metadata", document.id, None)


def _row(session: Session, document: Document) -> DocumentRow:
    job = session.get_one(Job, document.job_id)
    version = session.get_one(Version, (document.id, document.latest_version))
    owner = session.get_one(User, document.owner_id).email
    return DocumentRow(document, job, version, tuple(grants_in(session, [document.id]).get(document.id, ())), owner)


def _refuse_synced(session: Session, document: Document) -> None:
    """Uploads do not overwrite what a connector brought: the next sync would not notice."""
    item = select(DataSource.name).join(DataSourceItem, DataSourceItem.data_source_id == DataSource.id)
    name = session.scalar(item.where(DataSourceItem.document_id == document.id).limit(1))
    if name is not None:
        message = f"This document comes from the data source {name} and is changed there, or sent under another name."
        raise ConflictError(message, code="document_is_synced")
