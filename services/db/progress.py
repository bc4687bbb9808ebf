"""Liveness is progress: what workers hold, when each last got on, what has stopped. Knows nothing of HTTP or Celery.

A process that is up proves nothing; a job that ended or reached a checkpoint does. Times are the database's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from services.db.jobs import LEASE
from services.db.models import Document, Job, Version
from services.pace import Made

# Due work that nothing happens to for this long is stuck; a worker needs seconds to notice a message.
PATIENCE = timedelta(seconds=120)
# Parsing ends by itself after two minutes, and embedding checkpoints more often: without either, a job hangs.
SLOW_STAGE = timedelta(minutes=5)
# A worker that made a document ready within this time is there, though it holds nothing now.
SEEN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Working:
    """A worker, the job it holds (None: it finished one lately and holds none), and when it last got on."""

    name: str
    document: Document | None
    job: Job | None
    progress_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stuck:
    """Work that does not get on: `what` is queue, job or lease, `since` when it last did."""

    what: str
    since: datetime
    count: int


Running = Sequence[tuple[Job, Document, Version | None]]


def running_jobs(session: Session) -> Running:
    """Jobs that workers hold, with the documents they are about; those of longest ago first."""
    version = and_(Version.document_id == Job.document_id, Version.number == Job.version)
    query = (
        select(Job, Document, Version)
        .join(Document, Document.id == Job.document_id)
        .outerjoin(Version, version)
        .where(Job.state == "running")
        .order_by(Job.created_at)
    )
    return [(job, document, version) for job, document, version in session.execute(query)]


def workers(running: Running, made: Sequence[tuple[Made, str | None]], now: datetime) -> tuple[Working, ...]:
    """Who holds a job with a living lease; then who made a document ready in the last minutes and holds none."""
    busy = [
        Working(_host_and_pid(job.lease_owner), document, job, job.progress_at)
        for job, document, _ in running
        if job.lease_owner and job.lease_until and job.lease_until > now
    ]
    seen = {worker.name for worker in busy}
    for one, owner in made:
        name = _host_and_pid(owner or "")
        if name and name not in seen and one.ready_at > now - SEEN:
            seen.add(name)
            busy.append(Working(name, None, None, one.ready_at))
    return tuple(busy)


def _host_and_pid(owner: str) -> str:
    """What people want to know of a lease's owner; the rest tells one process from another of the same pid."""
    return owner.partition("@")[0]


def last_progress(session: Session, running: Running) -> datetime | None:
    """When a job last ended or reached a checkpoint: the sign of life of the whole."""
    ended = session.scalar(select(func.max(Job.finished_at)))
    moments = [ended, *(job.progress_at for job, _, _ in running)]
    return max((moment for moment in moments if moment is not None), default=None)


def stuck(session: Session, running: Running, due_since: datetime | None, now: datetime) -> tuple[Stuck, ...]:
    """What nothing has happened to for two minutes: the queue, a worker's job, a lease that nobody took back."""
    found: list[Stuck] = []
    last = last_progress(session, running)
    waited_since = max(filter(None, (due_since, last))) if due_since else None
    if waited_since and now - waited_since > PATIENCE:
        count = session.scalar(select(func.count()).where(is_due(now))) or 0
        found.append(Stuck("queue", waited_since, count))
    lapsed = [job.lease_until for job, _, _ in running if job.lease_until and now - job.lease_until > LEASE]
    if lapsed:
        found.append(Stuck("lease", min(lapsed), len(lapsed)))
    still = [job.progress_at for job, _, _ in running if job.progress_at and now - job.progress_at > SLOW_STAGE]
    if still:
        found.append(Stuck("job", min(still), len(still)))
    return tuple(found)


def is_due(now: datetime) -> ColumnElement[bool]:
    """A job that waits for nothing but a worker."""
    return and_(Job.state == "queued", or_(Job.next_attempt_at.is_(None), Job.next_attempt_at <= now))


def due_at() -> ColumnElement[datetime]:
    """Since when it is due, or from when on it will be."""
    return func.coalesce(Job.next_attempt_at, Job.created_at)
