"""The queue in the database, on both databases: leases, fences, attempts, and what the reconciler mends."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import update

from retrieval.errors import DocumentError, IndexUnavailableError, UnavailableError
from services.db import database as databases
from services.db.activation import Activation, Swap
from services.db.database import Database, clock
from services.db.documents import Documents
from services.db.generation_lease import GenerationChangedError
from services.db.jobs import LEASE, MAX_ATTEMPTS, JobQueue, Lease, LeaseLostError, hold
from services.db.models import Job
from tests.integration.conftest import DATABASES
from tests.integration.test_registry import ANN, handbook, someone


@pytest.fixture
def job_id(database: Database) -> str:
    return Documents(database).register(handbook(), someone(database, ANN)).row.job.id


def job(database: Database, job_id: str) -> Job:
    with database.read() as session:
        return session.get_one(Job, job_id)


def expire(database: Database, job_id: str) -> None:
    with database.write() as session:
        past = clock(session) - timedelta(seconds=1)
        session.execute(update(Job).where(Job.id == job_id).values(lease_until=past, next_attempt_at=None))


def test_a_job_is_claimed_once(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    assert queue.claim(job_id, "one") is not None
    assert queue.claim(job_id, "two") is None


def test_a_worker_whose_lease_ran_out_can_change_nothing_more(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    stopped = queue.claim(job_id, "one")
    assert stopped is not None
    expire(database, job_id)
    revived = queue.claim(job_id, "two")
    assert revived is not None
    assert revived.fence > stopped.fence
    for write in (queue.renew, queue.finish):
        with pytest.raises(LeaseLostError):
            write(stopped)
    with pytest.raises(LeaseLostError):
        queue.fail(stopped, DocumentError("no"))
    queue.renew(revived, chunks_done=5)
    assert job(database, job_id).chunks_done == 5


def stop_inside(transactions: Database, lease: Lease, meanwhile: Callable[[], None]) -> None:
    """As a process that is stopped between taking the lock on its job and writing to it, and revived."""
    with transactions.write() as session:
        assert hold(session, [lease]) == {lease.job_id}
        meanwhile()
        hold(session, [lease])


# SQLite's lock is the process's own: only its end frees it.
@pytest.mark.parametrize("database", DATABASES[1:], indirect=True)
def test_a_worker_that_is_stopped_inside_a_transaction_locks_no_job_for_longer_than_its_lease(
    database: Database, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(milliseconds=databases.IDLE_MS) < LEASE
    monkeypatch.setattr(databases, "IDLE_MS", 3000)
    stopped, queue = Database(database.url.render_as_string(hide_password=False)), JobQueue(database)
    lease = queue.claim(job_id, "one")
    assert lease is not None
    expire(database, job_id)
    rung: list[list[str]] = []

    def meanwhile() -> None:
        rung.append(queue.reconcile())  # it passes over what is locked
        deadline = time.monotonic() + 60
        while not (found := queue.reconcile()) and time.monotonic() < deadline:
            time.sleep(0.1)
        rung.append(found)

    with ExitStack() as stack:
        stack.callback(stopped.dispose)
        with pytest.raises(UnavailableError) as refused:
            stop_inside(stopped, lease, meanwhile)
        assert refused.value.code == "database_unavailable"
        assert rung == [[], [job_id]]
        with stopped.snapshot() as session:
            before = clock(session)
            time.sleep(4)
            assert clock(session) > before  # what only reads may take its time


def test_an_expired_lease_goes_back_to_the_queue_and_is_rung(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    assert queue.reconcile() == [job_id]  # its message may have been lost
    assert queue.reconcile() == []  # but it is not rung at every tick
    queue.claim(job_id, "one")
    expire(database, job_id)
    assert queue.reconcile() == [job_id]
    assert (job(database, job_id).state, job(database, job_id).code) == ("queued", "worker_lost")


def test_a_document_that_kills_its_worker_three_times_is_quarantined_with_a_reason(
    database: Database, job_id: str
) -> None:
    queue = JobQueue(database)
    for _ in range(MAX_ATTEMPTS):
        assert queue.claim(job_id, "one") is not None
        expire(database, job_id)
        queue.reconcile()
    assert job(database, job_id).state == "quarantined"
    assert "3 attempts" in (job(database, job_id).reason or "")
    assert queue.claim(job_id, "one") is None


def test_a_file_that_cannot_be_read_fails_at_once(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    lease = queue.claim(job_id, "one")
    assert lease is not None
    queue.fail(lease, DocumentError("It is encrypted.", code="encrypted"))
    failed = job(database, job_id)
    assert (failed.state, failed.code, failed.reason) == ("failed", "encrypted", "It is encrypted.")


def test_an_outage_uses_up_no_attempts(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    for _ in range(2 * MAX_ATTEMPTS):
        lease = queue.claim(job_id, "one")
        assert lease is not None
        queue.postpone(lease, IndexUnavailableError("down"), counts=False)
        assert job(database, job_id).next_attempt_at is not None
        assert queue.claim(job_id, "one") is None  # not due yet
        expire(database, job_id)
    assert job(database, job_id).state == "queued"


def test_a_crash_is_tried_again_and_then_quarantined(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    for _ in range(MAX_ATTEMPTS):
        lease = queue.claim(job_id, "one")
        assert lease is not None
        queue.postpone(lease, ZeroDivisionError("secret"), counts=True)
        expire(database, job_id)
    quarantined = job(database, job_id)
    assert quarantined.state == "quarantined"
    assert "secret" not in (quarantined.reason or "")


def test_a_retry_of_a_failed_document_is_a_new_job(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    lease = queue.claim(job_id, "one")
    assert lease is not None
    queue.fail(lease, DocumentError("no"))
    root = someone(database, "root@example.com", admin=True)
    change = Documents(database).retry(lease.document_id, root)
    assert change.ring == (change.row.job.id,)
    assert queue.claim(change.row.job.id, "one") is not None


def register(database: Database, count: int, *, size: int = 10) -> list[str]:
    ann = someone(database, f"{count}-{size}@example.com")
    names = [f"{number}" for number in range(count)]
    return [Documents(database).register(handbook(external_id=name, size=size), ann).row.job.id for name in names]


def test_the_oldest_jobs_are_claimed_together_up_to_a_number_and_a_size(database: Database) -> None:
    jobs = register(database, 9, size=10)
    queue = JobQueue(database)
    claimed = [
        [lease.job_id for lease in queue.claim_more("one", limit=3, max_bytes=1000)],
        [lease.job_id for lease in queue.claim_more("one", limit=9, max_bytes=20)],
        [lease.job_id for lease in queue.claim_more("one", limit=9, max_bytes=1)],  # never fewer than one
        [lease.job_id for lease in queue.claim_more("one", limit=9, max_bytes=1000)],
        [lease.job_id for lease in queue.claim_more("one", limit=9, max_bytes=1000)],
    ]
    assert claimed == [jobs[:3], jobs[3:5], jobs[5:6], jobs[6:], []]


def test_two_workers_never_claim_the_same_job(database: Database) -> None:
    jobs = register(database, 60)
    queue = JobQueue(database)

    def claim_all(owner: str) -> list[str]:
        found: list[str] = []
        while leases := queue.claim_more(owner, limit=4, max_bytes=1000):
            found += [lease.job_id for lease in leases]
        return found

    with ThreadPoolExecutor(4) as pool:
        claimed = [job for found in pool.map(claim_all, "abcd") for job in found]
    assert sorted(claimed) == sorted(jobs)


def test_leases_are_renewed_together_and_each_is_fenced_by_itself(database: Database) -> None:
    register(database, 3)
    queue = JobQueue(database)
    leases = queue.claim_more("one", limit=3, max_bytes=1000)
    expire(database, leases[1].job_id)
    taken = queue.claim(leases[1].job_id, "two")
    assert queue.renew_all(leases) == {leases[0].job_id, leases[2].job_id}
    assert queue.enter(leases, "embed", totals={lease.job_id: 7 for lease in leases}) == queue.renew_all(leases)
    stages = [(job(database, lease.job_id).stage, job(database, lease.job_id).chunks_total) for lease in leases]
    assert stages == [("embed", 7), ("parse", None), ("embed", 7)]
    queue.release(leases)
    assert [job(database, lease.job_id).attempts for lease in leases] == [0, 2, 0]
    assert taken is not None
    assert queue.renew_all([taken]) == {taken.job_id}


def test_one_lost_lease_undoes_none_of_the_swaps_beside_it(database: Database) -> None:
    register(database, 3)
    queue = JobQueue(database)
    leases = queue.claim_more("one", limit=3, max_bytes=1000)
    expire(database, leases[1].job_id)
    assert queue.claim(leases[1].job_id, "two") is not None
    swaps = [
        Swap(
            lease,
            parsed_sha256="b" * 64,
            media_type="text/plain",
            title=None,
            chunks=2,
            embedded=1,
            reused=1,
            metadata_revision=0,
            stages_ms={"embed": 5.0},
        )
        for lease in leases
    ]
    done = Activation(database).activate(swaps, generation=1)
    assert done.ready == {leases[0].job_id, leases[2].job_id}
    found = [job(database, lease.job_id) for lease in leases]
    assert [one.state for one in found] == ["ready", "running", "ready"]
    assert [(one.chunks_embedded, one.chunks_reused) for one in found] == [(1, 1), (None, None), (1, 1)]


def test_what_a_generation_that_is_not_read_holds_is_not_swapped_in(database: Database, job_id: str) -> None:
    lease = JobQueue(database).claim(job_id, "one")
    assert lease is not None
    swap = Swap(lease, "b" * 64, "text/plain", None, 1, 1, 0, 0, {})
    with pytest.raises(GenerationChangedError):
        Activation(database).activate([swap], generation=2)
    assert job(database, job_id).state == "running"
