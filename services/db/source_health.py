"""How each data source's last sync went, for operators. Knows nothing of connectors or of what a sync does."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.db.models import DataSource

# What somebody should look at: it does not mend itself, or nobody meant it to.
ATTENTION = ("failed", "partly", "needs_confirmation", "paused")
STATES = ("new", "syncing", "done", "stopped", *ATTENTION)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A data source: `state` is new, syncing, paused, or its last sync's outcome; `syncs` rises with each that ended.

    `unconfirmed` deletions wait for somebody to confirm them.
    """

    id: str
    name: str
    connector: str
    state: str
    outcome: str | None
    reason: str | None
    unconfirmed: int
    syncs: int
    finished_at: datetime | None
    next_sync_at: datetime | None


def source_health(session: Session, now: datetime) -> tuple[SourceHealth, ...]:
    """All data sources that have a connector, by name."""
    sources = session.scalars(select(DataSource).where(DataSource.removed_at.is_(None)).order_by(DataSource.name))
    return tuple(
        SourceHealth(
            id=source.id,
            name=source.name,
            connector=source.connector,
            state=_state(source, now),
            outcome=source.outcome,
            reason=source.reason,
            unconfirmed=source.unconfirmed,
            syncs=source.ended_number,
            finished_at=source.finished_at,
            next_sync_at=source.next_sync_at,
        )
        for source in sources
    )


def _state(source: DataSource, now: datetime) -> str:
    if source.lease_until is not None and source.lease_until > now:
        return "syncing"
    if source.paused:
        return "paused"
    return source.outcome or "new"
