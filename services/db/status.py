"""Figures for operators: documents by state, the queue, its pace, workers, failures. Knows nothing of HTTP.

Every query goes over an index of jobs that are not finished or that finished lately: the cost of a look does not grow
with the number of documents, but for counting those that are there. Times are the database's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from services import pace
from services.db.database import Database, clock
from services.db.jobs import UNFINISHED
from services.db.models import Document, Job, Version
from services.db.progress import Running, Stuck, Working, due_at, is_due, last_progress, running_jobs, stuck, workers
from services.db.source_health import SourceHealth, source_health
from services.pace import Left, Made

WINDOW = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
SHOWN = 50
# What stage times, the time to ready and the pace are taken from.
RECENT = 500
GIVEN_UP = ("failed", "quarantined")


@dataclass(frozen=True, slots=True)
class Queue:
    """Jobs waiting (`due` now, `later` at their next attempt) and running; seconds the oldest due one has waited."""

    due: int
    later: int
    running: int
    oldest_waiting_s: float


@dataclass(frozen=True, slots=True)
class Rate:
    """What became ready, a minute."""

    documents: float
    chunks: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of ingestion at one moment, `now`."""

    now: datetime
    documents: dict[str, int]
    queue: Queue
    last_minute: Rate
    last_minutes: Rate
    remaining_s: float | None
    stages_ms: dict[str, pace.Spread]
    ready_s: pace.Spread | None
    workers: tuple[Working, ...]
    progress_at: datetime | None
    stuck: tuple[Stuck, ...]
    failures: tuple[tuple[Document, Job], ...]
    sources: tuple[SourceHealth, ...]


class Status:
    """Reads for operators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(self) -> Figures:
        """The state of ingestion, now."""
        with self._database.read() as session:
            now = clock(session)
            queue, due_since = _queue(session, now)
            made = _made(session)
            running = running_jobs(session)
            return Figures(
                now=now,
                documents=_documents(session),
                queue=queue,
                last_minute=_rate(session, now, MINUTE),
                last_minutes=_rate(session, now, WINDOW),
                remaining_s=_remaining(session, made, running, due_since, now),
                stages_ms=pace.stage_times(one for one, _ in made),
                ready_s=pace.spread((one.ready_at - one.queued_at).total_seconds() for one, _ in made),
                workers=workers(running, made, now),
                progress_at=last_progress(session, running),
                stuck=stuck(session, running, due_since, now),
                failures=_failures(session),
                sources=source_health(session, now),
            )

    def stuck(self) -> tuple[datetime, tuple[Stuck, ...]]:
        """The time, and what does not get on."""
        with self._database.read() as session:
            now = clock(session)
            return now, stuck(session, running_jobs(session), _queue(session, now)[1], now)


def _documents(session: Session) -> dict[str, int]:
    """Ready is what is neither waiting nor given up: those few are counted by their jobs' states, all by one index."""
    current = and_(Document.id == Job.document_id, Document.job_id == Job.id, Document.deleted_at.is_(None))
    unready = select(Job.state, func.count()).join(Document, current).where(Job.state.in_((*UNFINISHED, *GIVEN_UP)))
    counts = dict(session.execute(unready.group_by(Job.state)).all())
    everything = session.scalar(select(func.count()).select_from(Document).where(Document.deleted_at.is_(None))) or 0
    return {**counts, "ready": everything - sum(counts.values())}


def _queue(session: Session, now: datetime) -> tuple[Queue, datetime | None]:
    """The queue, and since when its oldest due job has been due."""
    due = is_due(now)
    columns = (
        func.coalesce(func.sum(case((due, 1), else_=0)), 0),
        func.coalesce(func.sum(case((and_(Job.state == "queued", ~due), 1), else_=0)), 0),
        func.coalesce(func.sum(case((Job.state == "running", 1), else_=0)), 0),
    )
    counted = session.execute(select(*columns).where(Job.state.in_(UNFINISHED))).one()
    since = session.scalar(select(due_at()).where(due).order_by(due_at()).limit(1))
    oldest = max((now - since).total_seconds(), 0.0) if since else 0.0
    return Queue(*counted, oldest_waiting_s=round(oldest, 1)), since


def _made_ready() -> ColumnElement[bool]:
    """Jobs that made a document ready. The bare column would have SQLite sort all of them by an index of states: of
    100,000 that took 1.6 s, and the newest few by the time they ended take 26 ms."""
    return and_(Job.kind == "ingest", func.lower(Job.state) == "ready")


def _rate(session: Session, now: datetime, window: timedelta) -> Rate:
    version = and_(Version.document_id == Job.document_id, Version.number == Job.version)
    fresh = (
        select(func.count(), func.coalesce(func.sum(Version.chunks), 0))
        .select_from(Job)
        .join(Version, version)
        .where(Job.finished_at > now - window, _made_ready())
    )
    documents, chunks = session.execute(fresh).one()
    minutes = window / MINUTE
    return Rate(round((documents or 0) / minutes, 2), round((chunks or 0) / minutes, 2))


def _made(session: Session) -> list[tuple[Made, str | None]]:
    """The newest documents that became ready, with the worker that did it; newest first."""
    version = and_(Version.document_id == Job.document_id, Version.number == Job.version)
    query = (
        select(
            Document.media_type, Version.size, Version.chunks, Job.created_at, Job.finished_at, Job.stages_ms,
            Job.lease_owner,
        )
        .select_from(Job)
        .join(Version, version)
        .join(Document, Document.id == Job.document_id)
        .where(Job.finished_at.is_not(None), _made_ready())
        .order_by(Job.finished_at.desc())
        .limit(RECENT)
    )  # fmt: skip
    return [
        (Made(media_type, size, chunks or 0, queued_at, ready_at, stages_ms or {}), owner)
        for media_type, size, chunks, queued_at, ready_at, stages_ms, owner in session.execute(query)
    ]


def _remaining(
    session: Session,
    made: Sequence[tuple[Made, str | None]],
    running: Running,
    due_since: datetime | None,
    now: datetime,
) -> float | None:
    """Seconds until the documents that are due or running now are ready, at the pace of the last minutes."""
    documents = [one for one, _ in made]
    left = [_left(job, version) for job, _, version in running if job.kind == "ingest" and version is not None]
    version = and_(Version.document_id == Job.document_id, Version.number == Job.version)
    waiting = (
        select(Document.media_type, func.sum(Version.size))
        .select_from(Job)
        .join(Version, version)
        .join(Document, Document.id == Job.document_id)
        .where(is_due(now), Job.kind == "ingest")
        .group_by(Document.media_type)
    )
    left += [Left(media_type, int(size)) for media_type, size in session.execute(waiting)]
    if not left:
        return None
    began = [job.created_at for job, _, _ in running] + ([due_since] if due_since else [])
    rate = pace.chunks_per_second(
        documents,
        unfinished_since=min(began, default=None),
        unfinished_chunks=sum(job.chunks_done for job, _, _ in running if job.kind == "ingest"),
        now=now,
        window=_window(documents, now),
    )
    chunks = pace.chunks_left(left, documents)
    return round(chunks / rate, 1) if rate and chunks is not None else None


def _window(made: Sequence[Made], now: datetime) -> timedelta:
    """The last minutes, or as far back as the documents go that were read: what lies before them was not counted."""
    return WINDOW if len(made) < RECENT else min(WINDOW, now - made[-1].ready_at)


def _failures(session: Session) -> tuple[tuple[Document, Job], ...]:
    """Documents that are not ready for a reason, the newest jobs first."""
    current = and_(Document.id == Job.document_id, Document.job_id == Job.id, Document.deleted_at.is_(None))
    query = (
        select(Document, Job)
        .select_from(Job)
        .join(Document, current)
        .where(Job.state.in_((*UNFINISHED, *GIVEN_UP)), Job.reason.is_not(None))
        .order_by(Job.created_at.desc())
        .limit(SHOWN)
    )
    return tuple((document, job) for document, job in session.execute(query))


def _left(job: Job, version: Version) -> Left:
    """What a running job still has to do: counted once its document is cut."""
    total = job.chunks_total
    return Left(version.media_type or "", version.size, None if total is None else max(total - job.chunks_done, 0))
