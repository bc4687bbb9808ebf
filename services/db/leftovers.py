"""Which originals and parsed texts are still needed: one rule for clearing away, for the audit and for backups.

Of a deleted document nothing is. An original is needed while its version is the one that readers have, or the newest,
or being ingested; a text for as long, and also while a stored answer shows a passage of it. Both are kept for an hour
longer: an answer that is being written, and copies of registry and originals that are taken one after the other, may
begin before and end after. Knows nothing of where the bytes lie.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from services.db.database import Database, clock
from services.db.jobs import UNFINISHED
from services.db.models import CitedVersion, DataSourceItem, Document, Job, Version

LONGER = timedelta(hours=1)
NAMES_AT_ONCE = 500


class Leftovers:
    """Asks the registry. Methods raise UnavailableError where it does not answer: then nothing is known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def among(self, names: Collection[str]) -> list[str]:
        """Those of the digests that versions refer to and that none needs any more.

        What no version has ever referred to is not among them: the registry may be an older copy that was put back.
        """
        found: list[str] = []
        ids = sorted(names)
        for start in range(0, len(ids), NAMES_AT_ONCE):
            with self._database.snapshot() as session:
                found += _leftovers(session, ids[start : start + NAMES_AT_ONCE])
        return found

    def needs(self, name: str) -> bool:
        """Whether the digest is needed now, or not known."""
        return not self.among([name])


def original_needed(now: datetime) -> ColumnElement[bool]:
    """In a query over versions with their documents."""
    return and_(_is_there(now), _in_use(now))


def text_needed(now: datetime) -> ColumnElement[bool]:
    """In a query over versions with their documents."""
    shown = exists().where(CitedVersion.document_id == Version.document_id, CitedVersion.version == Version.number)
    return and_(_is_there(now), or_(_in_use(now), shown))


def needed(session: Session) -> set[str]:
    """Every digest that is needed now, and what syncs keep."""
    now = clock(session)
    originals = select(Version.sha256).join(Document).where(original_needed(now))
    texts = select(Version.parsed_sha256).join(Document).where(text_needed(now))
    found = {name for query in (originals, texts) for name in session.scalars(query) if name}
    return found | fetched(session)


def fetched(session: Session) -> set[str]:
    """What syncs have fetched and not registered yet, because it may be another item that moved."""
    listings = session.scalars(select(DataSourceItem.waiting).where(DataSourceItem.waiting.is_not(None)))
    return {str(listing["sha256"]) for listing in listings if listing and "sha256" in listing}


def _leftovers(session: Session, names: Collection[str]) -> list[str]:
    now = clock(session)
    original, text = Version.sha256.in_(names), Version.parsed_sha256.in_(names)
    of_original = select(Version.sha256, original_needed(now)).join(Document).where(original)
    of_text = select(Version.parsed_sha256, text_needed(now)).join(Document).where(text)
    rows = [row for query in (of_original, of_text) for row in session.execute(query)]
    kept = {name for name, is_needed in rows if is_needed} | fetched(session)
    return sorted({name for name, _ in rows if name} - kept)


def _is_there(now: datetime) -> ColumnElement[bool]:
    """Of a deleted document nobody reads anything, whatever was cited of it."""
    return or_(Document.deleted_at.is_(None), Document.deleted_at > now - LONGER)


def _in_use(now: datetime) -> ColumnElement[bool]:
    """The active version, the newest, one that a job makes, and one that was active within the last hour."""
    later = aliased(Version)
    overtaken = exists().where(
        later.document_id == Version.document_id, later.number > Version.number, later.activated_at <= now - LONGER
    )
    made = exists().where(
        and_(Job.document_id == Version.document_id, Job.version == Version.number, Job.kind == "ingest"),
        Job.state.in_(UNFINISHED),
    )
    ends = or_(Version.number == Document.active_version, Version.number == Document.latest_version)
    return or_(ends, made, and_(Version.activated_at.is_not(None), ~overtaken))
