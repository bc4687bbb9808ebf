"""What operators see, counted by real SQL on both databases: states, queue, pace, workers, what is stuck, failures."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from retrieval.errors import DocumentError, IndexUnavailableError
from retrieval.types import Principal
from services.db.database import Database, clock
from services.db.documents import Documents
from services.db.ended import EndedJobs
from services.db.jobs import JobQueue, Lease
from services.db.models import DataSource, Job, Version
from services.db.registration import Change
from services.db.status import Figures, Status
from tests.integration.test_registry import ANN, handbook, make_ready, someone


def send(database: Database, principal: Principal, name: str, size: int = 1000) -> Change:
    return Documents(database).register(handbook(external_id=name, size=size), principal)


def claimed(database: Database, change: Change, worker: str = "node:1") -> Lease:
    lease = JobQueue(database).claim(change.row.job.id, worker)
    assert lease is not None
    return lease


def alter(database: Database, change: Change, **ago_s: float | None) -> None:
    """Move the times of a document's job to so many seconds ago; other values are set as they are."""
    with database.write() as session:
        now = clock(session)
        values = {name: None if s is None else now - timedelta(seconds=s) for name, s in ago_s.items()}
        session.execute(update(Job).where(Job.id == change.row.job.id).values(**values))


def put(database: Database, change: Change, **values: Any) -> None:
    with database.write() as session:
        session.execute(update(Job).where(Job.id == change.row.job.id).values(**values))


def figures(database: Database) -> Figures:
    return Status(database).figures()


def test_an_empty_registry_has_zeros_and_no_guesses(database: Database) -> None:
    found = figures(database)
    assert found.documents == {"ready": 0}
    assert (found.queue.due, found.queue.running, found.queue.oldest_waiting_s) == (0, 0, 0.0)
    assert (found.remaining_s, found.ready_s, found.progress_at) == (None, None, None)
    assert (found.stages_ms, found.workers, found.stuck, found.failures, found.sources) == ({}, (), (), (), ())


def test_documents_are_counted_by_the_state_of_their_newest_job(database: Database) -> None:
    ann = someone(database, ANN)
    ready, failed, queued, running, deleted = (send(database, ann, name) for name in "abcde")
    make_ready(database, ready)
    JobQueue(database).fail(claimed(database, failed), DocumentError("Encrypted.", code="encrypted"))
    claimed(database, running)
    Documents(database).delete(deleted.row.document.id, ann)
    assert figures(database).documents == {"ready": 1, "failed": 1, "queued": 1, "running": 1}
    # A failed document that is tried again has two jobs and counts once.
    Documents(database).retry(failed.row.document.id, ann)
    assert figures(database).documents == {"ready": 1, "queued": 2, "running": 1}
    assert queued.row.job.state == "queued"


def test_the_queue_tells_what_is_due_from_what_waits_for_its_time(database: Database) -> None:
    ann = someone(database, ANN)
    due, later, running = (send(database, ann, name) for name in "abc")
    alter(database, due, created_at=90)
    alter(database, later, created_at=500, next_attempt_at=-30)
    claimed(database, running)
    queue = figures(database).queue
    assert (queue.due, queue.later, queue.running) == (1, 1, 1)
    assert 90 <= queue.oldest_waiting_s < 120  # the older one does not wait for a worker


def test_the_pace_and_the_time_to_ready_come_from_what_became_ready(database: Database) -> None:
    ann = someone(database, ANN)
    for number, (queued, ready) in enumerate(((400, 390), (100, 90), (30, 20))):
        change = send(database, ann, str(number))
        make_ready(database, change)
        alter(database, change, created_at=queued, finished_at=ready)
        put(database, change, stages_ms={"parse": 100 * number, "embed": 7})
    found = figures(database)
    assert (found.last_minute.documents, found.last_minutes.documents) == (1.0, 0.4)
    assert found.stages_ms["parse"].mean == 100
    assert found.stages_ms["parse"].p95 == 200
    assert found.ready_s is not None
    assert 9.9 < found.ready_s.p50 < 10.1


def test_the_remaining_time_is_the_waiting_chunks_at_the_measured_pace(database: Database) -> None:
    ann = someone(database, ANN)
    done = send(database, ann, "done")
    make_ready(database, done)
    alter(database, done, created_at=50, finished_at=40)
    with database.write() as session:
        session.execute(update(Version).values(chunks=20))
    assert figures(database).remaining_s is None  # nothing waits
    send(database, ann, "waiting", size=3000)  # three times as large: 60 chunks, at 20 chunks in 10 s
    remaining = figures(database).remaining_s
    assert remaining is not None
    assert 29 < remaining < 34


def test_a_fast_system_is_measured_over_the_time_that_its_newest_documents_took(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.db.status.RECENT", 11)
    ann = someone(database, ANN)
    for second in range(20):
        change = send(database, ann, f"done {second}")
        make_ready(database, change)
        alter(database, change, created_at=290, finished_at=second + 0.5)
    alter(database, send(database, ann, "waiting", size=10_000), created_at=290)
    # Ten documents' worth waits, at one a second: only the newest eleven were read, and they took eleven seconds.
    remaining = figures(database).remaining_s
    assert remaining is not None
    assert 8 < remaining < 14


def test_of_a_document_that_is_cut_the_rest_is_counted(database: Database) -> None:
    ann = someone(database, ANN)
    running = send(database, ann, "large")
    claimed(database, running)
    alter(database, running, created_at=100)
    assert figures(database).remaining_s is None  # nobody knows yet
    put(database, running, chunks_done=50, chunks_total=100)
    remaining = figures(database).remaining_s
    assert remaining is not None
    assert 95 < remaining < 110


def test_workers_are_seen_by_what_they_hold_and_by_what_they_made(database: Database) -> None:
    ann = someone(database, ANN)
    one, two, old = (send(database, ann, name) for name in "abc")
    JobQueue(database).claim(one.row.job.id, "node:1")
    make_ready(database, two)
    put(database, two, lease_owner="node:2")
    make_ready(database, old)
    put(database, old, lease_owner="node:3")
    alter(database, old, created_at=4000, finished_at=3000)
    seen = {worker.name: worker.document and worker.document.id for worker in figures(database).workers}
    assert seen == {"node:1": one.row.document.id, "node:2": None}


def test_a_worker_whose_lease_ran_out_is_not_there(database: Database) -> None:
    change = send(database, someone(database, ANN), "a")
    claimed(database, change)
    alter(database, change, lease_until=1)
    assert figures(database).workers == ()


def test_a_queue_that_moves_is_not_stuck_however_long_it_is(database: Database) -> None:
    ann = someone(database, ANN)
    waiting, done = send(database, ann, "waiting"), send(database, ann, "done")
    make_ready(database, done)
    alter(database, waiting, created_at=3600)
    alter(database, done, finished_at=5)
    assert figures(database).stuck == ()
    alter(database, done, finished_at=600)
    (stuck,) = figures(database).stuck
    assert (stuck.what, stuck.count) == ("queue", 1)
    now, same = Status(database).stuck()
    assert 600 <= (now - same[0].since).total_seconds() < 660  # since the last progress, not since it was sent


def test_a_checkpoint_is_progress_and_a_heartbeat_is_none(database: Database) -> None:
    ann = someone(database, ANN)
    waiting, running = send(database, ann, "waiting"), send(database, ann, "running")
    lease = claimed(database, running)
    alter(database, waiting, created_at=3600)
    alter(database, running, progress_at=900)
    JobQueue(database).renew(lease)
    assert {stuck.what for stuck in figures(database).stuck} == {"queue", "job"}
    JobQueue(database).renew(lease, chunks_done=64)
    assert figures(database).stuck == ()


def test_a_lease_that_nobody_took_back_shows_a_scheduler_that_is_gone(database: Database) -> None:
    change = send(database, someone(database, ANN), "a")
    claimed(database, change)
    alter(database, change, lease_until=10)
    assert figures(database).stuck == ()  # the reconciler comes every five seconds
    alter(database, change, lease_until=90)
    assert [stuck.what for stuck in figures(database).stuck] == ["lease"]


def test_failures_name_the_reason_and_the_next_attempt(database: Database) -> None:
    ann = someone(database, ANN)
    broken, again, fine = (send(database, ann, name) for name in "abc")
    JobQueue(database).fail(claimed(database, broken), DocumentError("It is encrypted.", code="encrypted"))
    JobQueue(database).postpone(claimed(database, again), IndexUnavailableError("No index."), counts=True)
    make_ready(database, fine)
    found = {document.external_id: job for document, job in figures(database).failures}
    assert set(found) == {"a", "b"}
    assert (found["a"].reason, found["a"].next_attempt_at) == ("It is encrypted.", None)
    assert found["b"].next_attempt_at is not None


def test_data_sources_show_their_last_outcome(database: Database) -> None:
    ann = someone(database, ANN)
    with database.write() as session:
        now = clock(session)
        common: dict[str, Any] = {
            "connector": "folder", "options": {}, "secrets": {}, "grants": [], "grants_revision": 0,
            "owner_id": ann.user_id, "confirmed": False, "sync_number": 1, "counters": {}, "ended_number": 1,
            "failures": 0, "created_at": now,
        }  # fmt: skip
        given: dict[str, dict[str, Any]] = {
            "a": {"paused": False, "unconfirmed": 12, "outcome": "needs_confirmation"},
            "b": {"paused": True, "unconfirmed": 0, "outcome": "done"},
            "c": {"paused": False, "unconfirmed": 0, "outcome": None},
            "d": {"paused": False, "unconfirmed": 0, "outcome": "done", "removed_at": now},
        }
        for name, values in given.items():
            session.add(DataSource(id=name, name=name, **(common | values)))
    found = [(source.name, source.state, source.unconfirmed) for source in figures(database).sources]
    assert found == [("a", "needs_confirmation", 12), ("b", "paused", 0), ("c", "new", 0)]


def test_jobs_that_ended_are_told_once_and_only_those_of_this_process_life(database: Database) -> None:
    ann = someone(database, ANN)
    before, first, second = (send(database, ann, name) for name in "abc")
    make_ready(database, before)
    alter(database, before, finished_at=3600)
    ended = EndedJobs(database)
    assert list(ended.new()) == []
    make_ready(database, first)
    assert [(job.kind, job.state, job.attempts) for job in ended.new()] == [("ingest", "ready", 1)]
    assert list(ended.new()) == []
    JobQueue(database).fail(claimed(database, second), DocumentError("Encrypted.", code="encrypted"))
    # Committed late: its time lies before the last look.
    alter(database, second, finished_at=0.5)
    assert [(job.state, job.code) for job in ended.new()] == [("failed", "encrypted")]
    assert list(ended.new()) == []
