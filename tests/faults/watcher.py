"""Looks at the registry's tables, past all proxies: what became active, what waits, and how soon killed work goes on.

Knows nothing of who killed it.
"""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select

from retrieval.errors import FootnoteError
from services.db.database import Database, clock
from services.db.models import Document, Job, Version
from tests.faults.ledger import Ledger

EVERY_SECONDS = 0.1
LOOK_BACK = timedelta(seconds=5)
EARLIEST = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Running:
    """A job in hand: who works on it (`pid`), in which stage, under which fence."""

    job_id: str
    document_id: str
    kind: str
    fence: int
    pid: int
    stage: str | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long a job lay still after what worked on it was killed."""

    kind: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Wipe:
    """The jobs that were queued when the broker lost everything: at `at` of the registry's clock, `began` of ours."""

    jobs: frozenset[str]
    at: datetime
    began: float


class Watcher:
    """One thread that looks ten times a second; faults tell it what they have just killed."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._since = EARLIEST
        self._killed: dict[str, tuple[Running, float, str]] = {}
        self._lock = threading.Lock()
        self._wipes: list[Wipe] = []
        self.recoveries: list[Recovery] = []
        self.requeued: list[float] = []
        """Seconds from each wipe until every job that was due had been rung for again or taken up."""
        self.waiting = 0
        self.stop = threading.Event()

    def run(self) -> None:
        """Look until `stop` is set. A registry that is away is looked at again."""
        while not self.stop.wait(EVERY_SECONDS):
            try:
                self._look()
            except FootnoteError:
                self._ledger.counts["watcher: registry away"] += 1

    def running(self) -> list[Running]:
        """The jobs in hand now; none where the registry is away."""
        try:
            with self._database.read() as session:
                jobs = session.scalars(select(Job).where(Job.state == "running")).all()
        except FootnoteError:
            return []
        return [
            Running(job.id, job.document_id, job.kind, job.fence, pid, getattr(job, "stage", None))
            for job in jobs
            if (pid := _pid(job.lease_owner))
        ]

    def killed(self, jobs: Collection[Running], what: str) -> None:
        """These jobs' worker was killed just now."""
        with self._lock:
            for job in jobs:
                self._killed.setdefault(job.job_id, (job, time.monotonic(), what))

    def queued(self, limit: int) -> list[str]:
        """Ids of jobs that wait, the oldest first."""
        query = select(Job.id).where(Job.state == "queued").order_by(Job.created_at).limit(limit)
        try:
            with self._database.read() as session:
                return list(session.scalars(query))
        except FootnoteError:
            return []

    def wiped(self) -> None:
        """Every message in the broker was lost just now: jobs that are due must be rung for again."""
        ids, at = self.queued(limit=10_000), time.monotonic()
        try:
            with self._database.read() as session, self._lock:
                self._wipes.append(Wipe(frozenset(ids), clock(session), at))
        except FootnoteError:
            self._ledger.counts["watcher: a wipe not followed"] += 1

    def unrecovered(self) -> list[str]:
        """Killed jobs that nobody has taken up again."""
        with self._lock:
            now = time.monotonic()
            waiting = [
                f"{job.kind} {job.job_id}: {now - at:.0f} s after {what}" for job, at, what in self._killed.values()
            ]
            return waiting + [f"{now - wipe.began:.0f} s after a wipe, jobs not rung for" for wipe in self._wipes]

    def _look(self) -> None:
        with self._database.read() as session:
            now = clock(session)
            active = (
                select(Version.sha256)
                .join(Document, Document.id == Version.document_id)
                .where(Version.number == Document.active_version, Version.activated_at > self._since)
            )
            shas = list(session.scalars(active))
            unfinished = Job.state.in_(("queued", "running"))
            count = select(func.count()).where(unfinished, Job.kind == "ingest").select_from(Job)
            self.waiting = session.scalar(count) or 0
            with self._lock:
                killed = list(self._killed)
            jobs = session.scalars(select(Job).where(Job.id.in_(killed))).all() if killed else []
            silent = [wipe for wipe in self._wipes if session.scalar(_silent(wipe, now))]
        looked = time.monotonic()
        with self._lock:
            self.requeued += [looked - wipe.began for wipe in self._wipes if wipe not in silent]
            self._wipes = silent
        for sha256 in shas:
            self._ledger.activated(sha256, looked)
        self._since = now - LOOK_BACK
        self._recover(jobs, looked)

    def _recover(self, jobs: Collection[Job], looked: float) -> None:
        with self._lock:
            for job in jobs:
                before, at, what = self._killed[job.id]
                ended = job.state not in ("queued", "running")
                if ended or job.fence > before.fence:
                    del self._killed[job.id]
                    self.recoveries.append(Recovery(what, looked - at))


def _silent(wipe: Wipe, now: datetime) -> Select[str]:
    """A job that was in the queue when the broker was wiped, is due, and has not been rung for since."""
    since = or_(Job.rung_at.is_(None), Job.rung_at < wipe.at)
    due = or_(Job.next_attempt_at.is_(None), Job.next_attempt_at <= now)
    return select(Job.id).where(Job.id.in_(wipe.jobs), Job.state == "queued", since, due).limit(1)


def _pid(owner: str | None) -> int:
    """The process in a lease's owner, `host:pid@…`."""
    last = (owner or "").partition("@")[0].rpartition(":")[2]
    return int(last) if last.isdigit() else 0
