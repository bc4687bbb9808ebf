"""Who works on a generation, and that the active one stays that until a swap is through. Knows nothing of members.

One process at a time works on generations: it holds a lease on the database's clock, renewed while it lives.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, UnavailableError
from services.db.database import clock
from services.db.models import Generation

LEASE = timedelta(seconds=20)


class GenerationChangedError(UnavailableError):
    """Another generation became the active one while a document was ingested: it is done again, into that one."""

    code = "generation_changed"


class GenerationBusyError(ConflictError):
    """Another process works on a generation: `until` is when it will have stopped if it is dead."""

    code = "reindex_running"

    def __init__(self, owner: str, until: datetime) -> None:
        super().__init__(f"Another reindex is at work ({owner}). `footnote reindex --abort` ends it.")
        self.until = until


class GenerationLostError(ConflictError):
    """The generation that was worked on was aborted, or taken over by another process."""

    code = "reindex_overtaken"


def lock_active(session: Session, number: int) -> None:
    """Keep this generation the active one until the transaction ends. Raises GenerationChangedError where it is not.

    To be called before any other row is locked: a switch takes these locks first as well.
    """
    row = session.get(Generation, number, with_for_update={"read": True})
    if row is None or row.state != "active":
        raise GenerationChangedError("The index was rebuilt meanwhile: the document goes into the new generation.")


def locked(session: Session) -> list[Generation]:
    """All generations, oldest first, each locked until the transaction ends."""
    return list(session.scalars(select(Generation).order_by(Generation.number).with_for_update()))


def refuse_busy(session: Session, rows: list[Generation], owner: str) -> datetime:
    """The time now. Raises GenerationBusyError where somebody else has a lease."""
    now = clock(session)
    for row in rows:
        if row.lease_owner not in (None, owner) and row.lease_until is not None and row.lease_until > now:
            raise GenerationBusyError(row.lease_owner or "", row.lease_until)
    return now


def held(session: Session, number: int, owner: str) -> Generation:
    """The generation, locked, while `owner` has the lease. Raises GenerationLostError."""
    row = session.get(Generation, number, with_for_update=True, populate_existing=True)
    if row is None or row.lease_owner != owner:
        raise GenerationLostError("This reindex was aborted, or taken over by another process.")
    return row
