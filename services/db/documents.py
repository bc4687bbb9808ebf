"""Registering, changing and listing documents, each change in one transaction with its job.

Knows nothing of bytes, parsing or the index. Returns the ids of jobs whose doorbell the caller rings after the commit.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, NotFoundError
from retrieval.types import Principal
from services.db.audit_log import record
from services.db.batch import registered_together, rounds
from services.db.database import Database, clock
from services.db.document_row import COLUMNS, NEWEST, DocumentRow, ShownDocument, row_from
from services.db.grants import grants_in
from services.db.jobs import new_job
from services.db.models import Document, Job, Supersession, User, Version
from services.db.registration import (
    Change,
    Name,
    Registration,
    deleted,
    editable_by,
    editable_by_name,
    granted,
    refusals_of_synced,
    registered,
    row_of,
)
from services.db.registry import SUCCESSION, may_read

NOT_FOUND = "There is no such document, or you may not read it."
# The largest number that a column of versions holds: a larger one cannot be asked for.
LARGEST_NUMBER = 2**31 - 1
# Of many that were sent together, so many are named in the audit log; the others have the same time and owner.
NAMED = 10
# The version that readers see, or until there is one the newest.
_SHOWN = and_(Version.document_id == Document.id, Version.number == Document.shown_version)
# One statement, so that a document is never shown half before and half behind its swap.
_WITH_ALL = (
    select(*COLUMNS)
    .select_from(Document)
    .join(Job, Job.id == Document.job_id)
    .join(User, User.id == Document.owner_id)
    .join(Version, _SHOWN)
    .join(NEWEST, and_(NEWEST.document_id == Document.id, NEWEST.number == Document.latest_version))
)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a document stands: what took its place, and what its sender said that it takes the place of."""

    superseded_by: str | None
    supersedes: tuple[Name, ...]


class Documents:
    """The document table and everything that hangs on it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, registration: Registration, principal: Principal) -> Change:
        """Create a document or a new version of it. Same bytes, grants and metadata: unchanged.

        Raises ConflictError for a document that a connector brought, UnavailableError where the database is down; then
        nothing was stored.
        """
        try:
            return self._register(registration, principal)
        except IntegrityError:  # another call created it since we looked: now it is there
            return self._register(registration, principal)

    def register_all(self, news: Sequence[Registration], principal: Principal) -> list[Change | Exception]:
        """As `register` for each of them in order: the change, or what it raised.

        One transaction, or where a name comes more than once as many. Raises UnavailableError for all of them.
        """
        found: dict[int, Change | Exception] = {}
        for numbers in rounds(news):
            outcomes = self._register_round([news[number] for number in numbers], principal)
            found |= dict(zip(numbers, outcomes, strict=True))
        return [found[number] for number in range(len(news))]

    def _register(self, new: Registration, principal: Principal) -> Change:
        with self._database.write() as session:
            document = editable_by_name(session, new, principal)
            if document is not None and (refusal := refusals_of_synced(session, [document.id]).get(document.id)):
                raise refusal
            change = registered(session, document, new, principal)
            _record_upload(session, [change])
            return change

    def _register_round(self, news: Sequence[Registration], principal: Principal) -> Sequence[Change | Exception]:
        try:
            with self._database.write() as session:
                outcomes = registered_together(session, news, principal)
                _record_upload(session, outcomes)
                return outcomes
        except DBAPIError:  # another call created one of them since we looked, or one cannot be stored
            return [self._register_alone(new, principal) for new in news]

    def _register_alone(self, new: Registration, principal: Principal) -> Change | Exception:
        try:
            return self.register(new, principal)
        except ConflictError as refusal:
            return refusal
        except DBAPIError as error:
            _log.error("document_not_registered", why=type(error.orig).__name__)  # its words may hold the document's
            return error

    def set_grants(self, document_id: str, grants: tuple[str, ...], principal: Principal) -> Change:
        """Replace a document's grants; takes effect on the next request. Raises NotFoundError."""
        with self._database.write() as session:
            document = self._editable(session, document_id, principal)
            ring = granted(session, document, grants)
            session.flush()
            return Change(row_of(session, document), bool(ring), ring)

    def delete(self, document_id: str, principal: Principal) -> tuple[str, ...]:
        """A tombstone, effective at once; the chunks follow. Raises NotFoundError."""
        with self._database.write() as session:
            job_id = deleted(session, self._editable(session, document_id, principal))
            record(session, "sensitive_delete", subject=f"document:{document_id}")
            return (job_id,)

    def retry(self, document_id: str, principal: Principal) -> Change:
        """Queue a failed or quarantined document again. Raises NotFoundError, ConflictError in any other state."""
        with self._database.write() as session:
            document = self._editable(session, document_id, principal)
            job = session.get_one(Job, document.job_id)
            if job.state not in ("failed", "quarantined"):
                raise ConflictError(f"Only failed or quarantined documents can be retried; this one is {job.state}.")
            again = new_job(session, "ingest", document.id, job.version)
            document.job_id = again.id
            record(session, "sensitive_update", subject=f"document:{document_id}", act="retry", version=job.version)
            session.flush()
            return Change(row_of(session, document), True, (again.id,))

    def get(self, document_id: str, principal: Principal) -> DocumentRow:
        """One document that the principal may read or edit. Raises NotFoundError."""
        visible = or_(may_read(principal), editable_by(principal))
        with self._database.read() as session:
            rows = _shown(session, _WITH_ALL.where(Document.id == document_id, visible))
        if not rows:
            raise NotFoundError(NOT_FOUND)
        return rows[0]

    def standing(self, document_id: str, principal: Principal) -> Standing:
        """What superseded a document, of what the principal may read, and what it is said to supersede."""
        with self._database.read() as session:
            newer = SUCCESSION.newest(session, [document_id], principal.grants, at=clock(session), as_of=None)
            said = select(Supersession.data_source, Supersession.external_id).order_by(
                *Supersession.__table__.primary_key
            )
            named = session.execute(said.where(Supersession.document_id == document_id)).all()
            return Standing(newer.get(document_id), tuple((source, external_id) for source, external_id in named))

    def readable_version(self, document_id: str, principal: Principal, number: int | None) -> tuple[Document, Version]:
        """A version (None: the active one) whose content the principal may read. Raises NotFoundError."""
        with self._database.read() as session:
            found = select(Document).where(Document.id == document_id, may_read(principal))
            document = session.scalar(found)
            wanted = number if number is not None else document and document.active_version
            possible = document is not None and wanted and wanted <= LARGEST_NUMBER
            version = session.get(Version, (document_id, wanted)) if possible else None
            if document is None or version is None or version.activated_at is None:
                raise NotFoundError(NOT_FOUND)
            return document, version

    def original(self, document_id: str, principal: Principal) -> Version:
        """The version whose original is shown to whoever may read the document: also of one that has not become
        readable text, or not yet. Raises NotFoundError."""
        with self._database.read() as session:
            query = select(Version).join(Document, _SHOWN).where(Document.id == document_id, may_read(principal))
            version = session.scalar(query)
        if version is None:
            raise NotFoundError(NOT_FOUND)
        return version

    def page(
        self, principal: Principal, *, state: str | None = None, data_source: str | None = None,
        text: str | None = None, ids: Sequence[str] | None = None, after: tuple[str, str] | None = None,
        limit: int = 50,
    ) -> list[DocumentRow]:  # fmt: skip
        """Documents the principal may read or edit, by title then id, starting behind `after` (title, id)."""
        visible = or_(may_read(principal), editable_by(principal))
        where: list[ColumnElement[bool]] = [visible]
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
        in_order = (Document.title, Document.id)
        # Asked for the page and what is shown of it together, PostgreSQL joins the versions of all documents first: it
        # cannot tell how few are shown ones.
        asked = select(Document.id).join(Job, Job.id == Document.job_id) if state else select(Document.id)
        with self._database.read() as session:
            chosen = session.scalars(asked.where(*where).order_by(*in_order).limit(limit)).all()
            return _shown(session, _WITH_ALL.where(Document.id.in_(chosen), visible).order_by(*in_order))

    def data_sources(self, principal: Principal) -> list[tuple[str, int]]:
        """Names of data sources with how many documents of each the principal may read or edit."""
        visible = or_(may_read(principal), editable_by(principal))
        query = select(Document.data_source, func.count()).where(visible).group_by(Document.data_source)
        with self._database.read() as session:
            return list(session.execute(query.order_by(Document.data_source)))

    def _editable(self, session: Session, document_id: str, principal: Principal) -> Document:
        query = select(Document).where(Document.id == document_id, editable_by(principal)).with_for_update()
        document = session.scalar(query)
        if document is None:
            raise NotFoundError(NOT_FOUND)
        return document


def _record_upload(session: Session, outcomes: Sequence[Change | Exception]) -> None:
    """One event for what was sent together: the first documents, how many are new, and who may read how many of these.

    Who may read an older one has an event of its own where that changes.
    """
    changes = [one for one in outcomes if isinstance(one, Change) and one.changed]
    if not changes:
        return
    new = [change.row for change in changes if change.row.document.latest_version == 1]
    told: dict[str, Any] = {
        "documents": [change.row.document.id for change in changes[:NAMED]],
        "changed": len(changes),
        "new": len(new),
        "grants_of_new": Counter(grant for row in new for grant in row.grants),
    }
    subject = f"document:{changes[0].row.document.id}" if len(outcomes) == 1 else None
    record(session, "upload_complete", subject=subject, **told)


def _shown(session: Session, query: Select[Any]) -> list[DocumentRow]:
    rows = session.execute(query).all()
    grants = grants_in(session, [row[0] for row in rows])
    return [row_from(row, grants.get(row[0], ())) for row in rows]


def may_edit(document: ShownDocument, principal: Principal) -> bool:
    """Owners and administrators edit; it gives no right to read the content."""
    return principal.is_admin or document.owner_id == principal.user_id
