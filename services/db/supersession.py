"""Which document took the place of which, for somebody who may read both.

Knows nothing of search. What counts is declared by the sender of the newer document, or said by two titles and their
dates; the newer one's owner must be one who may edit the older, or anybody could set a company's policies aside.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, bindparam, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from services.db.models import Document, Supersession, User, UtcDateTime

# A text with more replacements in a row than this is taken for as old as it was found to be.
LONGEST_CHAIN = 20
_EVER = datetime(9999, 1, 1, tzinfo=UTC)
Age = tuple[float, float, float, str]


@dataclass
class _Found:
    """What has been found of successors: edges from the old to the new, and what of the new decides."""

    edges: dict[str, dict[str, bool]] = field(default_factory=dict)
    ages: dict[str, Age] = field(default_factory=dict)
    in_force: set[str] = field(default_factory=set)
    later: dict[str, set[str]] = field(default_factory=dict)

    def add(self, row: Any, valid: datetime) -> None:
        edges = self.edges.setdefault(row.old, {})
        edges[row.new] = edges.get(row.new, False) or bool(row.declared)
        times = (row.effective_from, row.modified_at, row.created_at)
        began, modified, created = (time.timestamp() if time else float("-inf") for time in times)
        self.ages[row.new] = (began, modified, created, row.new)
        if row.effective_until is None or row.effective_until > valid:
            self.in_force.add(row.new)

    def settle(self) -> None:
        """What a sender said goes before what titles say the other way round."""
        said = {(old, new) for old, news in self.edges.items() for new, declared in news.items() if declared}
        for old, new in said:
            if (new, old) not in said:
                self.edges.get(new, {}).pop(old, None)

    def behind(self, document_id: str) -> set[str]:
        """All that supersede it, and what supersedes them."""
        if document_id in self.later:
            return self.later[document_id]
        reached = self.later[document_id] = set()
        left = [document_id]
        while left:
            new = set(self.edges.get(left.pop(), ())) - reached
            reached |= new
            left += new
        return reached

    def newest(self, document_id: str) -> str | None:
        """The last one in force; none of those that it supersedes itself, for then nobody knows which is the newer."""
        after = {new: self.behind(new) for new in self.behind(document_id) & self.in_force}
        newer = {new for new, later in after.items() if document_id not in later}
        last = [new for new in newer if not (after[new] - {new}) & newer] or newer
        return max(last, key=self.ages.__getitem__, default=None)


class Succession:
    """What superseded what, under an access rule over `Document` whose grants are the parameter `grants`.

    What the rule leaves out is as good as not there. The query is made once: making it takes longer than asking it.
    """

    def __init__(self, access: ColumnElement[bool]) -> None:
        self._query = _successors(access)

    def newest(
        self,
        session: Session,
        document_ids: Collection[str],
        grants: Collection[str],
        *,
        at: datetime,
        as_of: datetime | None,
    ) -> dict[str, str]:
        """The newest document that superseded each and is in force, by the old one's id; without those that none has.

        At `as_of` (None: `at`) nothing counts that came into force later, or, where nobody said when it did, that was
        written later.
        """
        valid = as_of or at
        asks = {"grants": sorted(grants), "valid": valid, "written_by": as_of or _EVER}
        found = _Found()
        known, asked = set(document_ids), set(document_ids)
        for _ in range(LONGEST_CHAIN):
            if not asked:
                break
            # Not through the ORM, as every search asks this.
            rows = session.connection().execute(self._query, asks | {"ids": sorted(asked)}).all()
            for row in rows:
                found.add(row, valid)
            asked = {row.new for row in rows} - known
            known |= asked
        found.settle()
        newest = {document_id: found.newest(document_id) for document_id in document_ids if document_id in found.edges}
        return {old: new for old, new in newest.items() if new is not None}


def _successors(access: ColumnElement[bool]) -> CompoundSelect[*tuple[Any, ...]]:
    """Rows of old and new where one directly supersedes the other. Each part of the union has an index of its own."""
    old = aliased(Document)
    valid, written_by = (bindparam(name, type_=UtcDateTime()) for name in ("valid", "written_by"))
    written = or_(Document.modified_at.is_(None), Document.modified_at <= written_by)
    begun = or_(Document.effective_from <= valid, and_(Document.effective_from.is_(None), written))
    counts = and_(access, Document.active_version.is_not(None), begun)
    # Sums, so that a database takes the index of what is compared below: of one subject there may be thousands.
    no_draft = and_(Document.edition + 0 >= 0, Document.edition + old.edition >= -1)
    subject = and_(Document.data_source == old.data_source, Document.subject == old.subject, no_draft)
    in_force_later = and_(subject, Document.effective_from > old.effective_from)
    # Titles alone say too little where nobody knows since when: pages of one name are many, and files get touched.
    # So the dates must agree with what the titles number.
    numbered_later = and_(
        subject,
        Document.edition > old.edition,
        Document.effective_from.is_(None),
        old.effective_from.is_(None),
        Document.modified_at > old.modified_at,
    )

    def rows(declared: int, is_newer: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
        columns = (Document.effective_from, Document.effective_until, Document.modified_at, Document.created_at)
        return (
            select(old.id.label("old"), Document.id.label("new"), literal(declared).label("declared"), *columns)
            .join(Document, and_(is_newer, Document.id != old.id))
            .join(User, User.id == Document.owner_id)
            .where(
                old.id.in_(bindparam("ids", expanding=True)),
                counts,
                or_(Document.owner_id == old.owner_id, User.is_admin),
            )
        )

    named = select(Supersession.document_id).where(
        Supersession.data_source == old.data_source, Supersession.external_id == old.external_id
    )
    return union_all(rows(1, Document.id.in_(named)), rows(0, in_force_later), rows(0, numbered_later))
