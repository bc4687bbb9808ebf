"""Jobs that ended, each told once: what counters and histograms are made of. Knows nothing of metrics.

A transaction may commit later than the time it carries, so the last half minute is read again each time and what was
told already is left out.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from services.db.database import Database, clock
from services.db.models import Job

OVERLAP = timedelta(seconds=30)
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that is done or given up. `code` says why it failed; `taken` is from its making to its end.

    `chunks` are those of its document that were embedded, and those whose vectors were there already.
    """

    kind: str
    state: str
    code: str | None
    attempts: int
    taken: timedelta
    stages_ms: Mapping[str, float]
    chunks: Mapping[str, int]


class EndedJobs:
    """Reads on from where it last was, beginning with what ended after it was made. For one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made_at = time.monotonic()
        self._reached: datetime | None = None
        self._told: dict[str, datetime] = {}

    def new(self) -> Iterator[Ended]:
        """What ended since the last call. Raises UnavailableError; the next call then gives what this one did not."""
        with self._database.read() as session:
            now = clock(session)
            if self._reached is None:
                self._reached = now - timedelta(seconds=time.monotonic() - self._made_at) + OVERLAP
            floor = self._reached - OVERLAP
            self._told = {job_id: ended for job_id, ended in self._told.items() if ended >= floor}
            query = select(Job).where(Job.finished_at > floor, Job.finished_at <= now).order_by(Job.finished_at)
            for job in session.scalars(query.execution_options(yield_per=PAGE)):
                if job.finished_at is None or job.id in self._told:
                    continue
                self._told[job.id] = self._reached = job.finished_at
                yield _ended(job)
            self._reached = now


def _ended(job: Job) -> Ended:
    return Ended(
        kind=job.kind,
        state=job.state,
        code=job.code,
        attempts=job.attempts,
        taken=(job.finished_at or job.created_at) - job.created_at,
        stages_ms=job.stages_ms or {},
        chunks={"embedded": job.chunks_embedded or 0, "reused": job.chunks_reused or 0},
    )
