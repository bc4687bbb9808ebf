"""What a killed process had in hand is put back at once, on both databases; of one elsewhere nothing is known."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from services.db.database import Database
from services.db.documents import Documents
from services.db.jobs import MAX_ATTEMPTS, JobQueue
from services.worker.orphans import Orphans
from services.worker.owner import is_gone, own_name
from tests.integration.test_jobs import job
from tests.integration.test_registry import ANN, handbook, someone

TELLS = "from services.worker.owner import own_name; print(own_name(), flush=True); input()"


@contextmanager
def another() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that does nothing, and its name."""
    with subprocess.Popen(
        [sys.executable, "-c", TELLS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as it:
        assert it.stdout is not None
        try:
            yield it, it.stdout.readline().strip()
        finally:
            it.kill()


@pytest.fixture
def job_id(database: Database) -> str:
    return Documents(database).register(handbook(), someone(database, ANN)).row.job.id


def test_a_killed_process_is_gone_and_nobody_else() -> None:
    with another() as (process, name):
        assert not is_gone(name)
        assert not is_gone(own_name())
        process.kill()
        process.wait()
        assert is_gone(name)


def test_a_process_that_nobody_has_waited_for_yet_is_gone() -> None:
    with another() as (process, name):
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(name)


def test_another_process_with_the_pid_of_a_dead_one_is_not_taken_for_it() -> None:
    name, _, started = own_name().rpartition(".")
    assert is_gone(f"{name}.{int(started) - 1}")


@pytest.mark.parametrize("name", ["", "host:1", "host:1@", "host:999999999@0f0f.4026531836.1", "host:x@a.1.1", ":@.."])
def test_of_a_process_elsewhere_nothing_is_known(name: str) -> None:
    assert not is_gone(name)


def test_what_it_held_is_rung_for_again_under_the_same_fence(database: Database, job_id: str) -> None:
    queue, rung = JobQueue(database), list[str]()
    orphans = Orphans(queue, rung.extend)
    with another() as (process, name):
        lease = queue.claim(job_id, name)
        assert lease is not None
        assert orphans.look() == 0
        process.kill()
        process.wait()
        assert orphans.look() == 1
    assert rung == [job_id]
    again = queue.claim(job_id, own_name())
    assert again is not None
    assert (again.fence, again.attempts) == (lease.fence + 1, 2)
    assert orphans.look() == 0


def test_a_job_that_kills_its_worker_each_time_is_given_up(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    for _ in range(MAX_ATTEMPTS):
        with another() as (process, name):
            assert queue.claim(job_id, name) is not None
            process.kill()
            process.wait()
        Orphans(queue, lambda ids: None).look()
    given_up = job(database, job_id)
    assert (given_up.state, given_up.code) == ("quarantined", "worker_lost")


def test_what_a_process_of_another_host_holds_is_left_to_its_lease(database: Database, job_id: str) -> None:
    queue = JobQueue(database)
    assert queue.claim(job_id, "elsewhere:7@00000000000000000000000000000000.4026531836.1") is not None
    assert Orphans(queue, lambda ids: None).look() == 0
    assert job(database, job_id).state == "running"
