"""Brings the metrics of ingestion up to date before they are shown. Knows nothing of Prometheus' text or of HTTP.

Read from the database at most once in five seconds, however many ask. A part that is down shows as `footnote_part_up`
0, and what only it knows as not a number: a figure that is old would look like one that is true.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from retrieval.errors import FootnoteError
from services import telemetry
from services.db.ended import Ended, EndedJobs
from services.db.source_health import STATES as SOURCE_STATES
from services.db.source_health import SourceHealth
from services.db.status import Figures

EVERY_SECONDS = 5.0
UNKNOWN = float("nan")
STATES = ("queued", "running", "ready", "failed", "quarantined")
STUCK = ("queue", "job", "lease")
OUTCOMES = ("ready", "failed", "quarantined", "cancelled")


class Scrape:
    """Reads what ended since the last time, and how things are now.

    Every outcome and state is shown from the beginning, as 0: a counter that appears with its first event hides it
    from `increase()`.
    """

    def __init__(self, *, figures: Callable[[], Figures], ended: EndedJobs) -> None:
        self._figures = figures
        self._ended = ended
        self._lock = threading.Lock()
        self._due_at = 0.0
        self._syncs: dict[str, int] | None = None
        for outcome in OUTCOMES:
            telemetry.JOBS.labels("ingest", outcome)
        for outcome in ("done", "partly", "failed", "needs_confirmation", "stopped"):
            telemetry.SYNCS.labels(outcome)
        for how in ("embedded", "reused"):
            telemetry.CHUNKS.labels(how)

    def refresh(self, look: Callable[[], tuple[Mapping[str, bool], int | None]]) -> None:
        """Bring every metric up to date, if that is due. `look` says which parts are up and the index's size in chunks.

        Raises nothing.
        """
        with self._lock:
            if time.monotonic() < self._due_at:
                return
            self._due_at = time.monotonic() + EVERY_SECONDS
            states, chunks = look()
            for part, up in states.items():
                telemetry.PART_UP.labels(part).set(up)
            telemetry.INDEX_CHUNKS.set(UNKNOWN if chunks is None else chunks)
            try:
                for job in self._ended.new():
                    _count(job)
                figures = self._figures()
                _show(figures)
                self._count_syncs(figures.sources)
            except FootnoteError:
                _forget()

    def _count_syncs(self, sources: Sequence[SourceHealth]) -> None:
        """A data source remembers its last sync only: of two that end between two looks one is counted."""
        before, self._syncs = self._syncs, {source.id: source.syncs for source in sources}
        for source in sources:
            if before is not None and source.syncs > before.get(source.id, 0):
                telemetry.SYNCS.labels(source.outcome or "unknown").inc()


def _count(job: Ended) -> None:
    telemetry.JOBS.labels(job.kind, job.state).inc()
    telemetry.ATTEMPTS.labels(job.kind).inc(job.attempts)
    if job.state in ("failed", "quarantined"):
        telemetry.FAILURES.labels(job.state, job.code or "unknown").inc()
    if job.kind != "ingest" or job.state != "ready":
        return
    telemetry.READY_SECONDS.observe(job.taken.total_seconds())
    for how, count in job.chunks.items():
        telemetry.CHUNKS.labels(how).inc(count)
    for stage, taken in job.stages_ms.items():
        telemetry.STAGE_SECONDS.labels(stage).observe(float(taken) / 1000)


def _show(figures: Figures) -> None:
    for state in STATES:
        telemetry.DOCUMENTS.labels(state).set(figures.documents.get(state, 0))
    queue = figures.queue
    for when, count in (("due", queue.due), ("later", queue.later), ("running", queue.running)):
        telemetry.QUEUE_JOBS.labels(when).set(count)
    telemetry.QUEUE_OLDEST_SECONDS.set(queue.oldest_waiting_s)
    since = {stuck.what: (figures.now - stuck.since).total_seconds() for stuck in figures.stuck}
    for what in STUCK:
        telemetry.STUCK_SECONDS.labels(what).set(since.get(what, 0.0))
    states = Counter(source.state for source in figures.sources)
    for state in SOURCE_STATES:
        telemetry.DATA_SOURCES.labels(state).set(states[state])
    telemetry.REMAINING_SECONDS.set(UNKNOWN if figures.remaining_s is None else figures.remaining_s)
    telemetry.WORKERS_BUSY.set(sum(worker.job is not None for worker in figures.workers))


def _forget() -> None:
    """The database is away: nothing is known."""
    for state in STATES:
        telemetry.DOCUMENTS.labels(state).set(UNKNOWN)
    for when in ("due", "later", "running"):
        telemetry.QUEUE_JOBS.labels(when).set(UNKNOWN)
    for what in STUCK:
        telemetry.STUCK_SECONDS.labels(what).set(UNKNOWN)
    for gauge in (telemetry.QUEUE_OLDEST_SECONDS, telemetry.REMAINING_SECONDS, telemetry.WORKERS_BUSY):
        gauge.set(UNKNOWN)
