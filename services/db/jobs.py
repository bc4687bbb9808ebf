"""The queue: work as rows, claimed by a fenced lease on the database's clock. Knows nothing of Celery or of the work.

A worker that lost its lease, because it was stopped or cut off, finds its fence overtaken and can change nothing more.
    queued -> running -> ready | failed | quarantined;  running -> queued (again later);  any -> cancelled (overtaken)
"""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Update, and_, func, or_, select, update
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, FootnoteError
from services.db.database import Database, clock
from services.db.models import Document, Job, Version

LEASE = timedelta(seconds=20)
MAX_ATTEMPTS = 3
RING_AGAIN = timedelta(seconds=15)
# Longer than the longest search: readers of the old version must have finished when its chunks go.
GRACE = timedelta(seconds=60)
MAX_BACKOFF_SECONDS = 60.0


class LeaseLostError(ConflictError):
    """Another worker, a newer version or a deletion overtook this job: stop, and leave everything as it is."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one job until the lease runs out, renewed by `JobQueue.renew`."""

    job_id: str
    kind: str
    document_id: str
    version: int | None
    fence: int
    attempts: int
    chunks_done: int


def new_job(
    session: Session, kind: str, document_id: str, version: int | None, *, after: timedelta | None = None
) -> Job:
    """Add a job to the caller's transaction, due now or `after` a while."""
    now = clock(session)
    job = Job(
        id=str(uuid.uuid4()),
        kind=kind,
        document_id=document_id,
        version=version,
        state="queued",
        attempts=0,
        fence=0,
        next_attempt_at=now + after if after else None,
        chunks_done=0,
        stages_ms={},
        created_at=now,
    )
    session.add(job)
    return job


def cancel(session: Session, job_id: str) -> None:
    """Overtake an unfinished job in the caller's transaction: its worker is fenced out, its half-written chunks go."""
    job = session.get(Job, job_id, with_for_update=True)
    if job is None or job.state not in ("queued", "running"):
        return
    job.state, job.fence, job.lease_until = "cancelled", job.fence + 1, None
    job.finished_at = clock(session)
    if job.version is not None:
        new_job(session, "retire", job.document_id, job.version, after=GRACE)


class JobQueue:
    """Claims, renews and ends jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, job_id: str, owner: str) -> Lease | None:
        """Take the job if it is due and nobody works on it; None otherwise."""
        with self._database.write() as session:
            now = clock(session)
            taken = _changed(
                session,
                update(Job)
                .where(Job.id == job_id, _claimable(now))
                .values(
                    state="running",
                    lease_owner=owner,
                    lease_until=now + LEASE,
                    fence=Job.fence + 1,
                    attempts=Job.attempts + 1,
                    reason=None,
                    code=None,
                ),
            )
            if not taken:
                return None
            job = session.get_one(Job, job_id, populate_existing=True)
            if job.attempts > MAX_ATTEMPTS:
                _quarantine(job, now)
                return None
            return Lease(job.id, job.kind, job.document_id, job.version, job.fence, job.attempts, job.chunks_done)

    def renew(self, lease: Lease, *, chunks_done: int | None = None) -> None:
        """Extend the lease, and record a checkpoint. Raises LeaseLostError."""
        with self._database.write() as session:
            values: dict[str, Any] = {"lease_until": clock(session) + LEASE}
            if chunks_done is not None:
                values["chunks_done"] = chunks_done
            _held(session, lease, values)

    def finish(self, lease: Lease) -> None:
        """The work is done. Raises LeaseLostError."""
        with self._database.write() as session:
            _held(session, lease, {"state": "ready", "lease_until": None, "finished_at": clock(session)})

    def activate(
        self, lease: Lease, *, parsed_sha256: str, media_type: str, title: str | None, chunks: int,
        metadata_revision: int, stages_ms: dict[str, float],
    ) -> list[str]:  # fmt: skip
        """The swap: move the document's active version to this job's, in one transaction.

        To be called when the index holds exactly the version's chunks. Returns the ids of follow-up jobs that are due
        now. Raises LeaseLostError.
        """
        with self._database.write() as session:
            now = clock(session)
            done = {"state": "ready", "lease_until": None, "finished_at": now, "stages_ms": stages_ms}
            _held(session, lease, done)
            document = session.get_one(Document, lease.document_id, with_for_update=True)
            version = session.get_one(Version, (lease.document_id, lease.version))
            version.parsed_sha256, version.media_type, version.chunks = parsed_sha256, media_type, chunks
            version.activated_at = now
            previous = document.active_version
            document.active_version, document.ready_at, document.media_type = version.number, now, media_type
            if title and document.title == document.external_id:
                document.title = title[:1000]
            if previous is not None and previous != version.number:
                new_job(session, "retire", document.id, previous, after=GRACE)
            if document.metadata_revision != metadata_revision:
                return [new_job(session, "metadata", document.id, None).id]
        return []

    def fail(self, lease: Lease, error: FootnoteError) -> None:
        """This file will never become a document: no retry. Raises LeaseLostError."""
        with self._database.write() as session:
            values = {"state": "failed", "lease_until": None, "finished_at": clock(session)}
            _held(session, lease, values | {"code": error.code, "reason": error.message})

    def postpone(self, lease: Lease, error: Exception, *, counts: bool) -> None:
        """Try again later, with backoff and jitter.

        `counts` is False where the fault lies with a part that is down, not with the document: then the attempt is
        given back, so that an outage quarantines nothing. Raises LeaseLostError.
        """
        code = error.code if isinstance(error, FootnoteError) else "internal_error"
        reason = error.message if isinstance(error, FootnoteError) else f"{type(error).__name__} while it was ingested."
        with self._database.write() as session:
            now = clock(session)
            job = session.get_one(Job, lease.job_id)
            if counts and lease.attempts >= MAX_ATTEMPTS:
                _held(session, lease, {"code": code, "reason": reason})
                session.refresh(job)
                _quarantine(job, now)
                return
            wait = min(2.0**lease.attempts, MAX_BACKOFF_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
            values: dict[str, Any] = {
                "state": "queued",
                "lease_until": None,
                "lease_owner": None,
                "code": code,
                "reason": reason,
                "next_attempt_at": now + timedelta(seconds=wait),
                "rung_at": None,
            }
            if not counts:
                values["attempts"] = max(lease.attempts - 1, 0)
            _held(session, lease, values)

    def reconcile(self, *, limit: int = 500) -> list[str]:
        """Put jobs with expired leases back in the queue and return the ids of those whose doorbell should ring."""
        with self._database.write() as session:
            now = clock(session)
            expired = select(Job).where(Job.state == "running", Job.lease_until < now).with_for_update(skip_locked=True)
            for job in session.scalars(expired):
                if job.attempts >= MAX_ATTEMPTS:
                    _quarantine(job, now)
                else:
                    job.state, job.lease_owner, job.lease_until, job.rung_at = "queued", None, None, None
                    job.reason, job.code = "The worker that ingested it stopped. It is tried again.", "worker_lost"
            session.flush()
            silent = or_(Job.rung_at.is_(None), Job.rung_at < now - RING_AGAIN)
            due = select(Job.id).where(_due(now), silent).order_by(Job.created_at).limit(limit)
            ids = list(session.scalars(due))
            session.execute(update(Job).where(Job.id.in_(ids)).values(rung_at=now))
            return ids

    def counts(self) -> dict[str, Any]:
        """Work waiting and running, and for how many seconds the oldest has waited."""
        with self._database.read() as session:
            now = clock(session)
            rows = session.execute(select(Job.state, func.count()).group_by(Job.state)).all()
            oldest = session.scalar(select(func.min(Job.created_at)).where(_due(now)))
        states = dict(rows)
        age = (now - oldest).total_seconds() if oldest else 0.0
        return {"waiting": states.get("queued", 0), "running": states.get("running", 0), "oldest_waiting_s": age}


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(Job.state == "queued", or_(Job.next_attempt_at.is_(None), Job.next_attempt_at <= now))


def _claimable(now: datetime) -> ColumnElement[bool]:
    return or_(_due(now), and_(Job.state == "running", Job.lease_until < now))


def _held(session: Session, lease: Lease, values: dict[str, Any]) -> None:
    """Write to the job only while this lease is the newest one."""
    mine = (Job.id == lease.job_id, Job.fence == lease.fence, Job.state == "running")
    if not _changed(session, update(Job).where(*mine).values(**values)):
        raise LeaseLostError("This work was overtaken by another worker, a newer version or a deletion.")


def _quarantine(job: Job, now: datetime) -> None:
    job.state, job.lease_until, job.finished_at = "quarantined", None, now
    last = job.reason or "Its worker died each time."
    job.reason = f"Given up after {MAX_ATTEMPTS} attempts. {last}"
    job.code = job.code or "worker_lost"


def _changed(session: Session, statement: Update) -> bool:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return isinstance(result, CursorResult) and result.rowcount == 1
