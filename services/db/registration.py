"""Making stored bytes a document or its next version, and what changes with it, in the caller's transaction.

Knows nothing of bytes, parsing or the index. Returns the ids of jobs whose doorbell the caller rings after the commit.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, select
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError
from retrieval.types import Principal
from services.db.audit_log import record
from services.db.database import clock
from services.db.document_row import DocumentRow, ShownDocument, ShownJob, ShownVersion, row_of_objects
from services.db.edition import edition_of
from services.db.grants import grants_in
from services.db.jobs import cancel, new_job, overtake
from services.db.models import (
    Base,
    DataSource,
    DataSourceItem,
    Document,
    DocumentGrant,
    Job,
    Supersession,
    User,
    Version,
)

# A data source and an external id: what a sender knows a document by.
Name = tuple[str, str]
_METADATA = ("title", "url", "modified_at", "effective_from", "effective_until")
# What a new document has rows in, those that others refer to first.
_CREATED = (Document, DocumentGrant, Supersession, Version, Job)


@dataclass(frozen=True, slots=True)
class Registration:
    """What a caller says of a document whose bytes are stored. `grants` None: as they were, or the owner's alone.

    `supersedes` are names of documents that it replaces; None: those that were said before. `document_id` is the id of
    a document that is new (None: a random one); only `footnote eval` gives it, which is to be the same in every run.
    `own_only`: somebody else's document of this name is another one, for a name that was nobody's choice. `cleared`
    names fields that are None because the caller takes back what was said; any other None leaves it.
    """

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
    supersedes: tuple[Name, ...] | None = None
    document_id: str | None = None
    own_only: bool = False
    cleared: frozenset[str] = frozenset()

    @property
    def name(self) -> Name:
        """What the sender knows the document by."""
        return self.data_source, self.external_id


@dataclass(frozen=True, slots=True)
class LockedDocument:
    """A document that the caller has locked, with its current job, newest version, the one that is shown, grants and
    its owner's address."""

    document: Document
    job: Job
    version: Version
    shown: Version
    grants: tuple[str, ...]
    owner: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a call changed: the document, whether anything is to be done, and the jobs to ring.

    `new_version`: the document has one version more by it, which is to be read.
    """

    row: DocumentRow
    changed: bool
    ring: tuple[str, ...] = ()
    new_version: bool = False


def editable_by(principal: Principal) -> ColumnElement[bool]:
    """Owners and administrators edit, in SQL; it gives no right to read the content."""
    alive = Document.deleted_at.is_(None)
    return alive if principal.is_admin else and_(alive, Document.owner_id == principal.user_id)


def editable_by_name(session: Session, new: Registration, principal: Principal) -> Document | None:
    """The document of this name that the principal may edit: their own before anybody else's."""
    query = select(Document).where(
        Document.data_source == new.data_source, Document.external_id == new.external_id, editable_by(principal)
    )
    if new.own_only:
        query = query.where(Document.owner_id == principal.user_id)
    own_first = (Document.owner_id != principal.user_id, Document.created_at)
    return session.scalars(query.order_by(*own_first).limit(1).with_for_update()).first()


def registered(session: Session, document: Document | None, new: Registration, principal: Principal) -> Change:
    """Create a document, or change the one that is there. Raises IntegrityError where another call creates it at the
    same moment."""
    if document is None:
        return created(session, [new], principal)[0]
    change = changed(session, locked_rows(session, [document])[0], new, clock(session))
    session.flush()
    return change


def locked_rows(session: Session, documents: Sequence[Document]) -> list[LockedDocument]:
    """Documents that the caller has locked with what `changed` looks at, their jobs locked too, by id."""
    jobs = select(Job).where(Job.id.in_([document.job_id for document in documents])).order_by(Job.id)
    named = Version.number.in_([Document.latest_version, Document.shown_version])
    ids = [document.id for document in documents]
    job_of = {job.id: job for job in session.scalars(jobs.with_for_update())}
    versions = session.scalars(select(Version).join(Document).where(Document.id.in_(ids), named))
    version_of = {(version.document_id, version.number): version for version in versions}
    owners = select(User.id, User.email).where(User.id.in_({document.owner_id for document in documents}))
    owner_of = dict(session.execute(owners).all())
    grants = grants_in(session, ids)
    return [
        LockedDocument(
            d,
            job_of[d.job_id],
            version_of[d.id, d.latest_version],
            version_of[d.id, d.shown_version],
            tuple(grants.get(d.id, ())),
            owner_of[d.owner_id],
        )
        for d in documents
    ]


def changed(session: Session, locked: LockedDocument, new: Registration, now: datetime) -> Change:
    """Change a document to what the caller said of it. Not flushed, so that many go to the database together."""
    document, job, version, grants = locked.document, locked.job, locked.version, locked.grants
    ring: list[str] = []
    loses_title = document.title_given and "title" in new.cleared
    is_changed = _set_metadata(document, new)
    if new.grants is not None and set(new.grants) != set(grants):
        _replace_grants(session, document, new.grants, before=grants)
        grants, is_changed = tuple(sorted(set(new.grants))), True
    if _set_supersedes(session, document, new):
        is_changed = True
    if is_changed:
        ring.append(_metadata_job(session, document, now).id)
    # The file's own title is in the file alone: it is read again.
    is_new = loses_title or version.sha256 != new.sha256 or job.state in ("failed", "quarantined", "cancelled")
    if is_new:
        overtake(session, job, now)
        document.latest_version += 1
        version = _version(document, new, now)
        job = new_job(session, "ingest", document.id, version.number, now=now)
        document.job_id = job.id
        session.add(version)
        ring.append(job.id)
    shown = locked.shown if document.active_version else version
    row = row_of_objects(document, job, shown, version, grants=grants, owner=locked.owner)
    return Change(row, bool(ring), tuple(ring), is_new)


def created(session: Session, news: Sequence[Registration], principal: Principal) -> list[Change]:
    """Create documents, queued in this order. Raises IntegrityError where another call creates one at the same moment.

    Rows and no objects, and nothing is read back: making and tracking objects was most of the work of a bulk load.
    """
    now = clock(session)
    session.flush()  # the inserts below do not do it, and what the session holds is to reach the database here
    begun = [_begun(new, principal, now + timedelta(microseconds=number)) for number, new in enumerate(news)]
    for entity in _CREATED:
        rows = [row for one in begun for row in one.rows[entity]]
        if rows:
            session.connection().execute(insert(entity), rows)
    return [one.change for one in begun]


def granted(session: Session, document: Document, grants: Sequence[str]) -> tuple[str, ...]:
    """Replace the grants. Returns the job to ring, none where they are the same."""
    before = grants_in(session, [document.id]).get(document.id, ())
    if set(before) == set(grants):
        return ()
    _replace_grants(session, document, grants, before=before)
    return (_metadata_job(session, document, clock(session)).id,)


def deleted(session: Session, document: Document) -> str:
    """A tombstone. Returns the job that deletes the chunks."""
    document.deleted_at = clock(session)
    cancel(session, document.job_id)
    return new_job(session, "delete", document.id, None).id


def renamed(session: Session, document: Document, new: Registration) -> tuple[str, ...]:
    """The same bytes under another external id. The document, its text and what cites it stay; its title, address and
    time follow. Returns the job to ring."""
    if document.title == document.external_id:
        document.title = new.title or new.external_id
    document.external_id = new.external_id
    session.get_one(Version, (document.id, document.latest_version)).file_name = new.file_name
    moved = _set_metadata(document, new)
    return (_metadata_job(session, document, clock(session)).id,) if moved else ()


def refusals_of_synced(session: Session, document_ids: Collection[str]) -> dict[str, ConflictError]:
    """Why uploads may not change these documents, by id: the next sync would not notice."""
    item = select(DataSourceItem.document_id, DataSource.name).join(
        DataSource, DataSourceItem.data_source_id == DataSource.id
    )
    return {
        document_id: ConflictError(
            f"This document comes from the data source {name} and is changed there, or sent under another name.",
            code="document_is_synced",
        )
        for document_id, name in session.execute(item.where(DataSourceItem.document_id.in_(document_ids)))
        if document_id is not None
    }


def row_of(session: Session, document: Document) -> DocumentRow:
    """The document with what lists and details show of it."""
    job = session.get_one(Job, document.job_id)
    newest = session.get_one(Version, (document.id, document.latest_version))
    shown = session.get_one(Version, (document.id, document.shown_version))
    owner = session.get_one(User, document.owner_id).email
    grants = grants_in(session, [document.id]).get(document.id, ())
    return row_of_objects(document, job, shown, newest, grants=grants, owner=owner)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A document that is to be created: what will have changed by that, and its rows, by table."""

    change: Change
    rows: dict[type[Base], list[dict[str, Any]]]


def _begun(new: Registration, principal: Principal, now: datetime) -> _Begun:
    """A document with its grants, first version and job."""
    document = _document(new, principal, now)
    job, version = _first_job(), ShownVersion(new.sha256, new.size, chunks=None)
    grants = tuple(sorted(set(new.grants or (f"user:{principal.email.casefold()}",))))
    said = edition_of(document.title)
    title = {"title_given": bool(new.title), "subject": said.subject, "edition": said.number}
    of = {"document_id": document.id}
    ingest = {"kind": "ingest", "version": 1, "fence": 0, "stages_ms": {}, "created_at": now}
    rows: dict[type[Base], list[dict[str, Any]]] = {
        Document: [document._asdict() | title | {"job_id": job.id}],
        DocumentGrant: [of | {"grant_name": grant} for grant in grants],
        Supersession: [of | {"data_source": s, "external_id": e} for s, e in sorted(set(new.supersedes or ()))],
        Version: [version._asdict() | of | {"number": 1, "file_name": new.file_name, "created_at": now}],
        Job: [job._asdict() | of | ingest],
    }
    row = DocumentRow(document, job, version, version.sha256, grants, principal.email)
    return _Begun(Change(row, True, (job.id,), True), rows)


def _document(new: Registration, principal: Principal, now: datetime) -> ShownDocument:
    return ShownDocument(
        id=new.document_id or str(uuid.uuid4()),
        data_source=new.data_source,
        external_id=new.external_id,
        owner_id=principal.user_id,
        title=new.title or new.external_id,
        url=new.url,
        media_type=new.media_type,
        active_version=None,
        latest_version=1,
        metadata_revision=0,
        modified_at=new.modified_at,
        effective_from=new.effective_from,
        effective_until=new.effective_until,
        created_at=now,
        ready_at=None,
        deleted_at=None,
    )


def _first_job() -> ShownJob:
    """As `new_job` makes it."""
    return ShownJob(
        id=str(uuid.uuid4()),
        state="queued",
        code=None,
        reason=None,
        attempts=0,
        next_attempt_at=None,
        stage=None,
        chunks_done=0,
        chunks_total=None,
    )


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
    """Take over what the caller said, and what it takes back; what it did not say stays."""
    said = {field: getattr(new, field) for field in _METADATA}
    given = {field: value for field, value in said.items() if value is not None or field in new.cleared}
    if "title" in new.cleared:
        # Until the file is read again, which may have a title of its own. One that nobody gave is there already.
        given["title"] = document.external_id if document.title_given else document.title
        document.title_given = False
    changed = {field: value for field, value in given.items() if getattr(document, field) != value}
    for field, value in changed.items():
        setattr(document, field, value)
    document.title_given = document.title_given or bool(new.title)
    return bool(changed)


def _set_supersedes(session: Session, document: Document, new: Registration) -> bool:
    """Take over what the document is said to supersede; whether that is something else than before."""
    if new.supersedes is None:
        return False
    before = session.scalars(select(Supersession).where(Supersession.document_id == document.id)).all()
    if {(one.data_source, one.external_id) for one in before} == set(new.supersedes):
        return False
    session.execute(delete(Supersession).where(Supersession.document_id == document.id))
    session.add_all(_declared(document, new.supersedes))
    return True


def _declared(document: Document, names: Iterable[Name]) -> list[Supersession]:
    return [Supersession(document_id=document.id, data_source=s, external_id=e) for s, e in sorted(set(names))]


def _replace_grants(session: Session, document: Document, grants: Sequence[str], *, before: Sequence[str]) -> None:
    session.execute(delete(DocumentGrant).where(DocumentGrant.document_id == document.id))
    session.add_all(DocumentGrant(document_id=document.id, grant_name=grant) for grant in grants)
    told: dict[str, Any] = {"old": sorted(before), "new": sorted(set(grants))}
    record(session, "privilege_permissions_changed", subject=f"document:{document.id}", **told)


def _metadata_job(session: Session, document: Document, now: datetime) -> Job:
    """Bring the index's copy of grants and times up to date; the registry's check already knows."""
    document.metadata_revision += 1
    return new_job(session, "metadata", document.id, None, now=now)
