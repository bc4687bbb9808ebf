"""The queue in the database, on both databases: leases, fences, attempts, and what the reconciler mends."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from retrieval.errors import DocumentError, IndexUnavailableError
from services.db.database import Database, clock
from services.db.documents import Documents
from services.db.jobs import MAX_ATTEMPTS, JobQueue, LeaseLostError
from services.db.models import Job
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
