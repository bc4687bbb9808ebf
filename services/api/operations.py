"""What operators see, in the wire's shapes. Knows nothing of how it is counted, or of who asks.

`Readiness` is public: it carries counts and seconds, no name and no text of anybody's.
"""

from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version

from pydantic import Field

from services.api.schemas import Progress, Response
from services.db.progress import Stuck, Working
from services.db.source_health import ATTENTION
from services.db.status import Figures, Rate
from services.pace import Spread


class DocumentCounts(Response):
    """Documents by state."""

    queued: int = 0
    running: int = 0
    ready: int = 0
    failed: int = 0
    quarantined: int = 0


class QueueStatus(Response):
    """Jobs waiting (`due` now, `later` at their next attempt) and running; how long the oldest due one has waited."""

    waiting: int
    due: int
    later: int
    running: int
    oldest_waiting_s: float


class QueueLength(Response):
    """How many jobs wait for a worker and are with one; `remaining_s` is null where nothing says how long it takes."""

    waiting: int
    running: int
    remaining_s: float | None


class MinuteRate(Response):
    """What became ready, a minute."""

    documents_per_minute: float
    chunks_per_minute: float


class Throughput(MinuteRate):
    """What became ready, a minute, over the last five minutes; and over the last one."""

    last_minute: MinuteRate


class StageTime(Response):
    """What a stage took in the `documents` that became ready last."""

    stage: str
    mean_ms: float
    p95_ms: float
    documents: int


class ReadyTime(Response):
    """From acceptance until searchable, over the `documents` that became ready last."""

    p50_s: float
    p95_s: float
    documents: int


class Failure(Response):
    """A document that did not make it, and why."""

    id: str
    title: str
    external_id: str
    state: str
    code: str | None
    reason: str | None
    attempts: int
    next_attempt_at: datetime | None


class RunningDocument(Response):
    """A document that a worker holds."""

    id: str
    title: str
    kind: str
    stage: str | None
    progress: Progress
    attempts: int


class Worker(Response):
    """A worker by what it did: the document it holds (null: none now), and when it last got on."""

    name: str
    document: RunningDocument | None
    progress_at: datetime | None


class StuckWork(Response):
    """Work that does not get on. `what` is queue, job or lease; `detail` says what to look at."""

    what: str
    since: datetime
    since_s: float
    count: int
    detail: str


class SourceAttention(Response):
    """A data source that somebody should look at: `state` is failed, partly, needs_confirmation or paused."""

    name: str
    connector: str
    state: str
    reason: str | None
    unconfirmed: int


class IndexStatus(Response):
    """The index's size in chunks and what serves it, with its version; null where it does not answer."""

    chunks: int | None
    engine: str | None


class AdminStatus(Response):
    """What an operator looks at first; of data sources those that need somebody.

    `remaining_s` is null where nothing waits, or nothing says how long it takes.
    """

    at: datetime
    documents: DocumentCounts
    queue: QueueStatus
    throughput: Throughput
    remaining_s: float | None
    stages: list[StageTime]
    ready_time: ReadyTime | None
    workers: list[Worker]
    progress_at: datetime | None
    stuck: list[StuckWork]
    index: IndexStatus
    failures: list[Failure]
    data_sources: list[SourceAttention]
    parts: dict[str, str]
    version: str


class Readiness(Response):
    """`ready` is false where a part without which no question is answered is down.

    Work that is stuck does not make it false, since questions go on: `stuck` says what does not get on, and
    `stuck_since_s` for how long, at most.
    """

    ready: bool
    parts: dict[str, str]
    stuck_since_s: float | None = None
    stuck: list[StuckWork] = Field(default=[])


def queue_length(figures: Figures) -> QueueLength:
    """The queue as everybody may know it."""
    return QueueLength(waiting=figures.queue.due, running=figures.queue.running, remaining_s=figures.remaining_s)


def admin_status(figures: Figures, *, parts: Mapping[str, str], index: IndexStatus) -> AdminStatus:
    """The whole status."""
    queue, counts = figures.queue, figures.documents
    return AdminStatus(
        at=figures.now,
        documents=DocumentCounts(**{state: counts.get(state, 0) for state in DocumentCounts.model_fields}),
        queue=QueueStatus(
            waiting=queue.due + queue.later,
            due=queue.due,
            later=queue.later,
            running=queue.running,
            oldest_waiting_s=queue.oldest_waiting_s,
        ),
        throughput=Throughput(**_rate(figures.last_minutes), last_minute=MinuteRate(**_rate(figures.last_minute))),
        remaining_s=figures.remaining_s,
        stages=[_stage(stage, times) for stage, times in figures.stages_ms.items()],
        ready_time=_ready_time(figures.ready_s),
        workers=[_worker(worker) for worker in figures.workers],
        progress_at=figures.progress_at,
        stuck=stuck_work(figures.now, figures.stuck),
        index=index,
        failures=_failures(figures),
        data_sources=[
            SourceAttention(
                name=source.name,
                connector=source.connector,
                state=source.state,
                reason=source.reason,
                unconfirmed=source.unconfirmed,
            )
            for source in figures.sources
            if source.state in ATTENTION
        ],
        parts=dict(parts),
        version=version("footnote"),
    )


def stuck_work(now: datetime, found: tuple[Stuck, ...]) -> list[StuckWork]:
    """What does not get on, in words."""
    return [
        StuckWork(
            what=stuck.what,
            since=stuck.since,
            since_s=round((now - stuck.since).total_seconds(), 1),
            count=stuck.count,
            detail=_DETAILS[stuck.what],
        )
        for stuck in found
    ]


_DETAILS = {
    "queue": "Jobs are due and no job ends or gets on: look at the workers and the broker.",
    "job": "A worker holds a job and does not get on: look at its log; starting it again puts the job back.",
    "lease": "A worker is gone and nobody took its job back: look at the scheduler.",
}


def _rate(rate: Rate) -> dict[str, float]:
    return {"documents_per_minute": rate.documents, "chunks_per_minute": rate.chunks}


def _stage(stage: str, times: Spread) -> StageTime:
    return StageTime(stage=stage, mean_ms=round(times.mean, 1), p95_ms=round(times.p95, 1), documents=times.count)


def _ready_time(times: Spread | None) -> ReadyTime | None:
    if times is None:
        return None
    return ReadyTime(p50_s=round(times.p50, 2), p95_s=round(times.p95, 2), documents=times.count)


def _worker(worker: Working) -> Worker:
    document, job = worker.document, worker.job
    held = None
    if document is not None and job is not None:
        held = RunningDocument(
            id=document.id,
            title=document.title,
            kind=job.kind,
            stage=job.stage,
            progress=Progress(chunks_done=job.chunks_done, chunks_total=job.chunks_total),
            attempts=job.attempts,
        )
    return Worker(name=worker.name, document=held, progress_at=worker.progress_at)


def _failures(figures: Figures) -> list[Failure]:
    return [
        Failure(
            id=document.id,
            title=document.title,
            external_id=document.external_id,
            state=job.state,
            code=job.code,
            reason=job.reason,
            attempts=job.attempts,
            next_attempt_at=job.next_attempt_at,
        )
        for document, job in figures.failures
    ]
