"""What the read path asks of the database: which versions are active and who may read them, right now.

Knows nothing of the index. Implements `retrieval.retriever.Registry`. Every guard on documents' content goes through
`readable` or `may_read`: search, passages, originals, history.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from retrieval.types import DocumentView, Principal
from services.db.database import Database, clock
from services.db.models import Document, DocumentGrant, Version


def may_read(principal: Principal) -> ColumnElement[bool]:
    """The access rule in SQL: not deleted, and a grant in common. Its owner always holds `user:<email>` on it."""
    granted = exists().where(
        DocumentGrant.document_id == Document.id, DocumentGrant.grant_name.in_(sorted(principal.grants))
    )
    return and_(Document.deleted_at.is_(None), granted)


class SqlRegistry:
    """Answers for a search's candidates in one query."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def clock(self) -> datetime:
        """The database's time, now."""
        with self._database.read() as session:
            return clock(session)

    def readable(
        self, document_ids: Collection[str], principal: Principal, *, at: datetime, as_of: datetime | None
    ) -> Mapping[str, DocumentView]:
        """See `retrieval.retriever.Registry.readable`."""
        if not document_ids:
            return {}
        valid = as_of or at
        newest = (
            select(func.max(Version.number))
            .where(Version.document_id == Document.id, Version.activated_at <= at)
            .scalar_subquery()
        )
        query = select(Document, newest).where(
            Document.id.in_(document_ids),
            may_read(principal),
            or_(Document.effective_from.is_(None), Document.effective_from <= valid),
            or_(Document.effective_until.is_(None), Document.effective_until > valid),
        )
        with self._database.read() as session:
            rows = session.execute(query).all()
            newer = dict(session.execute(_superseding([row[0].id for row in rows], principal)).all())
        return {document.id: _view(document, version, newer.get(document.id)) for document, version in rows if version}

    def still_readable(self, document_ids: Collection[str], principal: Principal) -> frozenset[str]:
        """Those of the ids that exist and may be read now, whichever version is active or in force."""
        with self._database.read() as session:
            query = select(Document.id).where(Document.id.in_(document_ids), may_read(principal))
            return frozenset(session.scalars(query))


def _superseding(document_ids: Collection[str], principal: Principal):  # type: ignore[no-untyped-def]
    """(old id, new id) where a readable document of the same title came into force later."""
    old = aliased(Document)
    return select(old.id, func.max(Document.id)).where(
        old.id.in_(document_ids),
        Document.title == old.title,
        Document.data_source == old.data_source,
        Document.id != old.id,
        Document.active_version.is_not(None),
        Document.effective_from > old.effective_from,
        may_read(principal),
    ).group_by(old.id)  # fmt: skip


def _view(document: Document, version: int, superseded_by: str | None) -> DocumentView:
    return DocumentView(
        document_id=document.id,
        version=version,
        title=document.title,
        url=document.url,
        data_source=document.data_source,
        external_id=document.external_id,
        media_type=document.media_type,
        modified_at=document.modified_at,
        superseded_by=superseded_by,
    )
