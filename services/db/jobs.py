"""The queue: work as rows, claimed by a fenced lease on the database's clock. Knows nothing of Celery or of the work.

A worker that lost its lease, because it was stopped or cut off, finds its fence overtaken and can change nothing more.
    queued -> running -> ready | failed | quarantined;  running -> queued (again later);  any -> cancelled (overtaken)
"""

import random
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Update, and_, case, exists, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, FootnoteError
from services.db.database import Database, clock
from services.db.generation_lease import GenerationChangedError
from services.db.models import Document, Job, Version

LEASE = timedelta(seconds=20)
MAX_ATTEMPTS = 3
UNFINISHED = ("queued", "running")
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


# In the order of its fields.
_LEASED = (Job.id, Job.kind, Job.document_id, Job.version, Job.fence, Job.attempts, Job.chunks_done)


def new_job(
    session: Session, kind: str, document_id: str, version: int | None, *, after: timedelta | None = None,
    now: datetime | None = None,
) -> Job:  # fmt: skip
    """Add a job to the caller's transaction, due now or `after` a while. `now`: where it is known already."""
    now = now or clock(session)
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
    """Overtake a job in the caller's transaction, where there is one."""
    job = session.get(Job, job_id, with_for_update=True)
    if job is not None:
        overtake(session, job, clock(session))


def overtake(session: Session, job: Job, now: datetime) -> None:
    """End a job that the caller has locked: its worker is fenced out. What it wrote of its version goes, also where it
    was given up: until now that was kept for a retry."""
    if job.state in ("ready", "cancelled"):
        return
    if job.state in UNFINISHED:
        job.state, job.fence, job.lease_until = "cancelled", job.fence + 1, None
        job.finished_at = now
    if job.version is not None:
        new_job(session, "retire", job.document_id, job.version, after=GRACE, now=now)


class JobQueue:
    """Claims, renews and ends jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, job_id: str, owner: str) -> Lease | None:
        """Take the job if it is due and nobody works on it; None otherwise, which costs one read."""
        if not self._is_any(lambda now: and_(Job.id == job_id, _claimable(now))):
            return None
        with self._database.write() as session:
            now = clock(session)
            taken = _changed(session, update(Job).where(Job.id == job_id, _claimable(now)).values(_taken(owner, now)))
            if not taken:
                return None
            return next(iter(_leases(session, [job_id], now)), None)

    def claim_more(self, owner: str, *, limit: int, max_bytes: int) -> list[Lease]:
        """Take the oldest jobs that are due: at most `limit`, their originals at most `max_bytes` but for the first.

        A job that was tried before comes alone, so that a document that kills its worker drags no other with it twice.
        """
        if not self._is_any(_due):
            return []
        with self._database.write() as session:
            now = clock(session)
            ids = _batch(session, now, limit=limit, max_bytes=max_bytes)
            if not ids:
                return []
            session.execute(_write(ids, _taken(owner, now)))
            return _leases(session, ids, now)

    def renew_all(self, leases: Collection[Lease]) -> frozenset[str]:
        """Extend these leases. Returns the ids of the jobs on which they are still good."""
        with self._database.write() as session:
            held = hold(session, leases)
            session.execute(_write(held, {"lease_until": clock(session) + LEASE}))
            return held

    def enter(
        self, leases: Collection[Lease], stage: str, *, totals: Mapping[str, int] | None = None
    ) -> frozenset[str]:
        """Record that these jobs are in a stage now, and by id how many chunks they come to. Returns as `renew_all`."""
        with self._database.write() as session:
            held = hold(session, leases)
            values: dict[str, Any] = {"stage": stage, "progress_at": clock(session)}
            if totals:
                values["chunks_total"] = case(totals, value=Job.id, else_=Job.chunks_total)
            session.execute(_write(held, values))
            return held

    def release(self, leases: Collection[Lease]) -> None:
        """Give these jobs back untried: their worker is told to stop."""
        back: dict[str, Any] = {
            "state": "queued",
            "lease_owner": None,
            "lease_until": None,
            "rung_at": None,
            "stage": None,
        }
        with self._database.write() as session:
            held = hold(session, leases)
            session.execute(_write(held, back | {"attempts": Job.attempts - 1}))

    def overtaken(self, lease: Lease) -> None:
        """Clear up behind a lease that was lost: what was written of a version that nobody goes on with has to go; of
        one that readers see by now, it may say who could read it some time ago.
        """
        if lease.kind != "ingest" or lease.version is None:
            return
        with self._database.write() as session:
            document = session.get(Document, lease.document_id, with_for_update=True)
            same = (Job.document_id == lease.document_id, Job.version == lease.version)
            wanted = or_(
                and_(Job.kind == "ingest", Job.state.in_(UNFINISHED)),
                and_(Job.kind == "retire", Job.state == "queued"),
            )
            if document is None:
                return
            if document.deleted_at is None and document.active_version == lease.version:
                new_job(session, "metadata", lease.document_id, None)
                return
            if session.scalar(select(exists().where(*same, wanted))):
                return
            new_job(session, "retire", lease.document_id, lease.version, after=GRACE)

    def renew(self, lease: Lease, *, chunks_done: int | None = None) -> None:
        """Extend the lease, and record a checkpoint. Raises LeaseLostError."""
        with self._database.write() as session:
            now = clock(session)
            values: dict[str, Any] = {"lease_until": now + LEASE}
            if chunks_done is not None:
                values |= {"chunks_done": chunks_done, "progress_at": now}
            _held(session, lease, values)

    def finish(self, lease: Lease) -> None:
        """The work is done. Raises LeaseLostError."""
        with self._database.write() as session:
            _held(session, lease, {"state": "ready", "lease_until": None, "finished_at": clock(session)})

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
                "stage": None,
            }
            if isinstance(error, GenerationChangedError):
                values["chunks_done"] = 0
            if not counts:
                values["attempts"] = max(lease.attempts - 1, 0)
            _held(session, lease, values)

    def owners(self) -> list[str]:
        """Who has jobs in hand."""
        with self._database.read() as session:
            return list(session.scalars(select(Job.lease_owner).where(Job.state == "running").distinct()))

    def put_back(self, owners: Collection[str]) -> list[str]:
        """Put back what these owners have in hand, who are gone for certain; returns the ids of what is due now."""
        with self._database.write() as session:
            now = clock(session)
            return _put_back(session, Job.lease_owner.in_(owners), now)

    def reconcile(self, *, limit: int = 500) -> list[str]:
        """Put jobs with expired leases back in the queue and return the ids of those whose doorbell should ring."""
        with self._database.write() as session:
            now = clock(session)
            _put_back(session, Job.lease_until < now, now)
            session.flush()
            silent = or_(Job.rung_at.is_(None), Job.rung_at < now - RING_AGAIN)
            due = select(Job.id).where(_due(now), silent).order_by(Job.created_at).limit(limit)
            ids = list(session.scalars(due))
            session.execute(update(Job).where(Job.id.in_(ids)).values(rung_at=now))
            return ids

    def _is_any(self, condition: Callable[[datetime], ColumnElement[bool]]) -> bool:
        with self._database.read() as session:
            return bool(session.scalar(select(exists().where(condition(clock(session))))))


def _put_back(session: Session, lost: ColumnElement[bool], now: datetime) -> list[str]:
    """Queue the running jobs that were `lost` with their worker, or give them up; the ids of those that are queued."""
    jobs = select(Job).where(Job.state == "running", lost).with_for_update(skip_locked=True)
    queued: list[str] = []
    for job in session.scalars(jobs):
        if job.attempts >= MAX_ATTEMPTS:
            _quarantine(job, now)
            continue
        job.state, job.lease_owner, job.lease_until, job.rung_at, job.stage = "queued", None, None, None, None
        job.reason, job.code = "The worker that ingested it stopped. It is tried again.", "worker_lost"
        queued.append(job.id)
    return queued


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(Job.state == "queued", or_(Job.next_attempt_at.is_(None), Job.next_attempt_at <= now))


def _claimable(now: datetime) -> ColumnElement[bool]:
    return or_(_due(now), and_(Job.state == "running", Job.lease_until < now))


def hold(session: Session, leases: Collection[Lease]) -> frozenset[str]:
    """Lock the jobs on which these leases are still the newest ones, in one order for all; their ids."""
    mine = tuple_(Job.id, Job.fence).in_([(lease.job_id, lease.fence) for lease in leases])
    query = select(Job.id).where(mine, Job.state == "running").order_by(Job.id).with_for_update()
    return frozenset(session.scalars(query))


def _taken(owner: str, now: datetime) -> dict[str, Any]:
    return {
        "state": "running",
        "lease_owner": owner,
        "lease_until": now + LEASE,
        "fence": Job.fence + 1,
        "attempts": Job.attempts + 1,
        "reason": None,
        "code": None,
        "stage": case((Job.kind == "ingest", "parse"), else_=None),
        "progress_at": now,
    }


def _leases(session: Session, ids: Collection[str], now: datetime) -> list[Lease]:
    """The leases on jobs that were just taken, oldest first, without those that were taken once too often."""
    taken = select(*_LEASED).where(Job.id.in_(ids)).order_by(Job.created_at, Job.id)
    leases = [Lease(*row) for row in session.execute(taken)]
    for lease in leases:
        if lease.attempts > MAX_ATTEMPTS:
            _quarantine(session.get_one(Job, lease.job_id, populate_existing=True), now)
    return [lease for lease in leases if lease.attempts <= MAX_ATTEMPTS]


def _write(ids: Collection[str], values: Mapping[str, Any]) -> Update:
    return update(Job).where(Job.id.in_(ids)).values(values).execution_options(synchronize_session=False)


def _batch(session: Session, now: datetime, *, limit: int, max_bytes: int) -> list[str]:
    """The ids of the oldest due jobs that may be worked on together, locked."""
    query = (
        select(Job.id, Job.attempts, func.coalesce(Version.size, 0))
        .outerjoin(Version, and_(Version.document_id == Job.document_id, Version.number == Job.version))
        .where(_due(now))
        .order_by(Job.created_at, Job.id)
        .limit(limit)
        .with_for_update(of=Job, skip_locked=True)
    )
    ids: list[str] = []
    size, alone = 0, False
    for job_id, attempts, original in session.execute(query):
        size += original
        if ids and (attempts or alone or size > max_bytes):
            break
        alone = attempts > 0
        ids.append(job_id)
    return ids


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
