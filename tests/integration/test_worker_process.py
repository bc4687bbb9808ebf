"""The worker as a process, stopped in every way while it holds a batch: what it held is done by somebody, once."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, tuple_, update

from services.db.database import clock
from services.db.models import Document, Job, Version
from tests import system
from tests.system import System

LONG = 60


# In one size: what the databases do differently is in test_jobs.py and test_shift.py, and leases take their time.
@pytest.fixture(scope="module", params=system.SIZES[-1:])
def assistant(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> Iterator[System]:
    with system.running(request.param, tmp_path_factory.mktemp("assistant"), model_cache) as started:
        yield started


def send(assistant: System, name: str, count: int) -> list[str]:
    """Documents of two dozen chunks, sent while no worker takes work: else a fast one is done before the last is in."""
    text = "\n\n".join(
        f"Paragraph {n}. " + "The words of this paragraph fill a chunk of their own. " * 12 for n in range(24)
    )
    worker = assistant.processes["worker"]
    worker.send_signal(signal.SIGSTOP)
    try:
        sent = [
            system.upload(assistant.admin, f"{name}-{n}.txt", f"{name} {n}\n\n{text}".encode()) for n in range(count)
        ]
    finally:
        worker.send_signal(signal.SIGCONT)
    return [answer.json()["id"] for answer in sent]


def in_state(assistant: System, *states: str) -> list[Job]:
    with assistant.database.read() as session:
        return list(session.scalars(select(Job).where(Job.kind == "ingest", Job.state.in_(states))))


def until_embedding(assistant: System) -> None:
    """Wait until some job is in the middle of it."""
    deadline = time.monotonic() + LONG
    while not any(job.stage == "embed" for job in in_state(assistant, "running")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def all_ready(assistant: System, ids: list[str]) -> None:
    assert {assistant.settled(id_)["state"] for id_ in ids} == {"ready"}
    with assistant.database.read() as session:
        whole = select(func.count()).select_from(Version).join(Document, Document.id == Version.document_id)
        ready = whole.where(Document.id.in_(ids), Document.active_version == Version.number, Version.chunks > 0)
        assert session.scalar(ready) == len(ids)


def child_of(pid: int) -> int:
    """The Celery child that does the work: the one that has a child of its own, its parser."""
    children = [int(pid) for pid in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for child in children:
        threads = Path(f"/proc/{child}/task").glob("*/children")
        if any(thread.read_text().split() for thread in threads):
            return child
    raise AssertionError(f"none of {children} works")


def put_back_before_the_lease_runs_out(assistant: System, held: list[Job]) -> None:
    """Wait until somebody else has or may have the jobs. Their leases are made so long that none runs out meanwhile."""
    still_held = tuple_(Job.id, Job.fence).in_([(job.id, job.fence) for job in held]), Job.state == "running"
    with assistant.database.write() as session:
        session.execute(update(Job).where(*still_held).values(lease_until=clock(session) + timedelta(minutes=10)))
    deadline = time.monotonic() + 2 * LONG
    while True:
        with assistant.database.read() as session:
            if not session.scalar(select(func.count()).select_from(Job).where(*still_held)):
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_worker_that_is_told_to_stop_is_gone_soon_and_holds_nothing(assistant: System) -> None:
    ids = send(assistant, "term", 30)
    until_embedding(assistant)
    worker = assistant.processes["worker"]
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=LONG)
    assert in_state(assistant, "running") == []
    left = in_state(assistant, "queued")
    assert left
    assert {job.attempts for job in left} == {0}
    assistant.processes["worker"] = assistant.stack.enter_context(
        system.process("worker", assistant.environment, assistant.data_dir)
    )
    all_ready(assistant, ids)


def test_a_child_that_is_killed_costs_each_document_of_its_batch_one_attempt(assistant: System) -> None:
    ids = send(assistant, "kill", 20)
    until_embedding(assistant)
    held = in_state(assistant, "running")
    assert held
    os.kill(child_of(assistant.processes["worker"].pid), signal.SIGKILL)
    put_back_before_the_lease_runs_out(assistant, held)
    all_ready(assistant, ids)
    with assistant.database.read() as session:
        attempts = list(session.scalars(select(Job.attempts).where(Job.document_id.in_(ids))))
    assert max(attempts) == 2


def test_a_worker_that_is_stopped_and_revived_is_fenced_out(assistant: System) -> None:
    ids = send(assistant, "stop", 10)
    until_embedding(assistant)
    child = child_of(assistant.processes["worker"].pid)
    os.kill(child, signal.SIGSTOP)
    try:
        with system.process("worker", assistant.environment, assistant.data_dir):
            all_ready(assistant, ids)
    finally:
        os.kill(child, signal.SIGCONT)
    deadline = time.monotonic() + LONG
    while in_state(assistant, "running"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    all_ready(assistant, ids)
    assert assistant.send("after.txt", b"The revived worker works on.")["state"] == "ready"
