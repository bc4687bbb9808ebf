"""Registering many documents in one transaction. Knows nothing of bytes, or of what is done with what is refused.

Locks are taken in one order for all: documents by id, then their jobs by id, then the names of new documents. So two
batches of the same documents, in whatever order these were sent, wait for each other and never both stand still.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError
from retrieval.types import Principal
from services.db.database import clock
from services.db.models import Document
from services.db.registration import (
    Change,
    Name,
    Registration,
    changed,
    created,
    editable_by,
    locked_rows,
    refusals_of_synced,
)


def rounds(news: Sequence[Registration]) -> Iterator[list[int]]:
    """The positions of these registrations, parted so that no name comes twice in a part: what is sent twice is
    registered twice, one after the other."""
    left = list(range(len(news)))
    while left:
        taken: dict[Name, int] = {}
        for number in left:
            taken.setdefault(news[number].name, number)
        yield list(taken.values())
        left = sorted(set(left).difference(taken.values()))


def registered_together(
    session: Session, news: Sequence[Registration], principal: Principal
) -> list[Change | ConflictError]:
    """Register documents of different names: what became of each, in this order.

    Raises IntegrityError where another call creates one of them at the same moment; then none is registered.
    """
    there = _locked(session, news, principal)
    refused = refusals_of_synced(session, [document.id for document in there.values()])
    locked = {row.document.id: row for row in locked_rows(session, list(there.values()))} if there else {}
    now = clock(session)
    found: dict[Name, Change | ConflictError] = {}
    for new in news:
        document = there.get(new.name)
        if document is not None:
            found[new.name] = refused.get(document.id) or changed(session, locked[document.id], new, now)
    missing = sorted((new for new in news if new.name not in there), key=lambda new: new.name)
    made = created(session, missing, principal)
    found |= {new.name: change for new, change in zip(missing, made, strict=True)}
    return [found[new.name] for new in news]


def _locked(session: Session, news: Sequence[Registration], principal: Principal) -> dict[Name, Document]:
    """The documents of these names that the principal may edit: their own before anybody else's."""
    by_source: dict[str, list[str]] = {}
    for new in news:
        by_source.setdefault(new.data_source, []).append(new.external_id)
    # Not as pairs: for a list of pairs SQLite uses no index.
    named = or_(*(and_(Document.data_source == s, Document.external_id.in_(ids)) for s, ids in by_source.items()))
    query = select(Document).where(named, editable_by(principal)).order_by(Document.id).with_for_update()
    own_only = {new.name for new in news if new.own_only}
    found = [d for d in session.scalars(query) if d.owner_id == principal.user_id or _name(d) not in own_only]
    own_first = sorted(found, key=lambda document: (document.owner_id != principal.user_id, document.created_at))
    return {_name(document): document for document in reversed(own_first)}


def _name(document: Document) -> Name:
    return document.data_source, document.external_id
