"""Figures for operators: documents by state, throughput, failures. Knows nothing of HTTP."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, func, select

from services.db.database import Database, clock
from services.db.models import Document, Job, Version

WINDOW = timedelta(minutes=5)
FAILURES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by state, what became ready per minute, and the newest failures with their jobs."""

    documents: dict[str, int]
    documents_per_minute: float
    chunks_per_minute: float
    failures: tuple[tuple[Document, Job], ...]


class Status:
    """Reads for operators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(self) -> Figures:
        """The state of ingestion, now."""
        alive = and_(Job.id == Document.job_id, Document.deleted_at.is_(None))
        states = select(Job.state, func.count()).join(Document, alive).group_by(Job.state)
        failed = (
            select(Document, Job)
            .join(Job, alive)
            .where(Job.state.in_(("failed", "quarantined")) | Job.reason.is_not(None))
            .order_by(Job.created_at.desc())
            .limit(FAILURES_SHOWN)
        )
        with self._database.read() as session:
            since = clock(session) - WINDOW
            fresh = select(func.count(), func.coalesce(func.sum(Version.chunks), 0)).where(Version.activated_at > since)
            ready, chunks = session.execute(fresh).one()
            minutes = WINDOW.total_seconds() / 60
            return Figures(
                documents=dict(session.execute(states).all()),
                documents_per_minute=round((ready or 0) / minutes, 2),
                chunks_per_minute=round((chunks or 0) / minutes, 2),
                failures=tuple(session.execute(failed).all()),
            )
