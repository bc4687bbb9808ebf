"""A document that is updated, shared or deleted, or whose worker is cut off, exactly while it goes into the index.

The proxy before the index holds the request, so that each race happens every time.
"""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from services.db.models import Job
from tests import system
from tests.faults import audit
from tests.faults.assistant import Assistant, client, person
from tests.faults.proxy import Answer, Trap, is_commit, is_upsert
from tests.faults.sending import accepted, eventually, hits, send, settled
from tests.faults.words import name_of, read_back, written

HELD_SECONDS = 60.0


@dataclass
class Held:
    """An upsert that waits at the proxy until it is let go."""

    came: threading.Event
    go: threading.Event

    def wait(self) -> None:
        assert self.came.wait(HELD_SECONDS), "no upsert came by"


@contextmanager
def held_upsert(injured: Assistant) -> Iterator[Held]:
    """Hold back the next upsert; let it go at the end."""
    held = Held(threading.Event(), threading.Event())

    def hold() -> None:
        held.came.set()
        held.go.wait(HELD_SECONDS)

    trap = Trap(is_upsert, before=hold)
    injured.proxies["index"].set(trap)
    try:
        yield held
    finally:
        injured.proxies["index"].disarm(trap)
        held.go.set()


def revisions_found(asking: httpx.Client, name: str) -> set[int]:
    """Which revisions of a document a search shows."""
    markers = {marker for hit in hits(asking, name) for marker in read_back(hit["text"])}
    return {revision for found, revision in markers if found == name}


def at_rest(injured: Assistant, document_id: str) -> None:
    audit.comes_to_rest(injured.database, injured.servers["index"].port, document_id)


def running_job(injured: Assistant, document_id: str) -> Job:
    (row,) = [row for row in audit.rows(injured.database) if row.document.id == document_id]
    return row.job


def test_of_concurrent_versions_of_one_document_the_last_one_stays(injured: Assistant, admin: httpx.Client) -> None:
    name = name_of(11, 1)
    texts = {revision: written(name, revision, chunks=3) for revision in range(1, 9)}

    def register(revision: int) -> tuple[int, int]:
        answer = send(admin, name, texts[revision].data)
        assert answer.status_code == 202, answer.text
        return answer.json()["version"], revision

    with ThreadPoolExecutor(8) as pool:
        registered = dict(pool.map(register, texts))
    assert sorted(registered) == list(range(1, 9))
    document = send(admin, name, texts[registered[8]].data).json()["id"]
    ready = settled(admin, document)
    assert (ready["state"], ready["version"]) == ("ready", 8)
    assert revisions_found(admin, name) == {registered[8]}
    at_rest(injured, document)


def test_grants_taken_away_during_ingestion_are_gone_before_it_is_ready(
    injured: Assistant, admin: httpx.Client
) -> None:
    text = written(name_of(12, 1), 1, chunks=2)
    with client(injured, person(injured, "olga@example.com")) as outsider:
        with held_upsert(injured) as held:
            document = accepted(admin, text.name, text.data, grants=["everyone"])
            held.wait()
            admin.put(f"/v1/documents/{document}/grants", json={"grants": ["group:board"]}).raise_for_status()
        assert settled(admin, document)["state"] == "ready"
        assert revisions_found(outsider, text.name) == set()
    at_rest(injured, document)


def test_a_document_that_is_deleted_during_ingestion_leaves_nothing(injured: Assistant, admin: httpx.Client) -> None:
    text = written(name_of(13, 1), 1, chunks=2)
    with held_upsert(injured) as held:
        document = accepted(admin, text.name, text.data)
        held.wait()
        assert admin.delete(f"/v1/documents/{document}").status_code == 204
    assert revisions_found(admin, text.name) == set()
    at_rest(injured, document)


def test_a_write_that_comes_after_its_version_was_cleared_away_is_cleared_away_too(
    injured: Assistant, admin: httpx.Client
) -> None:
    name = name_of(14, 1)
    with held_upsert(injured) as held:
        accepted(admin, name, written(name, 1, chunks=2).data)
        held.wait()
        document = accepted(admin, name, written(name, 2, chunks=3).data)
        assert settled(admin, document)["version"] == 2
        eventually(lambda: not retiring(injured))
    at_rest(injured, document)
    assert revisions_found(admin, name) == {2}


def retiring(injured: Assistant) -> bool:
    """Whether old versions wait to be cleared away, their grace brought forward."""
    audit.let_grace_pass(injured.database)
    return audit.waits(injured.database, "retire")


def test_a_worker_that_was_stopped_and_revived_can_end_nothing(injured: Assistant, admin: httpx.Client) -> None:
    text = written(name_of(15, 1), 1, chunks=2)
    with held_upsert(injured) as held:
        document = accepted(admin, text.name, text.data)
        held.wait()
        job = running_job(injured, document)
        pid = int((job.lease_owner or "").partition("@")[0].rpartition(":")[2])
        stopped = injured.worker_of(pid)
        assert stopped is not None
        stopped.signal_group(signal.SIGSTOP)
        try:
            assert settled(admin, document)["state"] == "ready"
            assert running_job(injured, document).fence > job.fence
        finally:
            held.go.set()
            stopped.signal_group(signal.SIGCONT)
    again = accepted(admin, "afterwards.txt", b"The pilot boat is back at the quay.")
    assert settled(admin, again)["state"] == "ready"
    assert settled(admin, document)["version"] == 1
    assert revisions_found(admin, text.name) == {1}
    at_rest(injured, document)


@pytest.mark.parametrize("answer", ["500", "reset"])
def test_an_upsert_that_was_applied_and_answered_with_an_error_leaves_no_duplicate(
    injured: Assistant, admin: httpx.Client, answer: Answer
) -> None:
    text = written(name_of(16 + len(answer), 1), 1, chunks=8)
    trap = Trap(is_upsert, answer=answer)
    injured.proxies["index"].set(trap)
    document = accepted(admin, text.name, text.data)
    assert settled(admin, document)["state"] == "ready"
    assert not injured.proxies["index"].disarm(trap), "the trap was not sprung"
    at_rest(injured, document)


def test_a_worker_that_starts_while_the_index_is_away_works_once_it_is_back(
    injured: Assistant, admin: httpx.Client
) -> None:
    def kill_children() -> None:
        for pid in [pid for worker in injured.workers() for pid in worker.children()]:
            os.kill(pid, signal.SIGKILL)

    injured.servers["index"].outage(8.0, meanwhile=kill_children)
    for number in range(4):  # enough for each worker to get one
        document = accepted(admin, f"restarted-{number}.txt", f"Buoy {number} has a green lamp.".encode())
        assert settled(admin, document)["state"] == "ready"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_database_that_is_killed_at_a_commit_has_the_document_once_or_not_at_all(
    injured: Assistant, admin: httpx.Client, moment: str
) -> None:
    if injured.size != system.PRODUCTION:
        pytest.skip("SQLite has no server that could be killed")
    server, proxy = injured.servers["database"], injured.proxies["database"]
    server.held = True
    kill = lambda: server.stop(signal.SIGQUIT)  # noqa: E731
    proxy.set(Trap(is_commit, before=kill) if moment == "before" else Trap(is_commit, after=kill))
    answer = send(admin, f"commit-{moment}.txt", b"The ferry bell was cast in Lund.")
    server.outage(0.5, number=signal.SIGQUIT)
    assert answer.status_code in (202, 503)
    document = settled(admin, accepted(admin, f"commit-{moment}.txt", b"The ferry bell was cast in Lund."))
    assert (document["state"], document["version"]) == ("ready", 1)
    found = admin.get("/v1/documents", params={"q": f"commit-{moment}"}).json()["items"]
    assert [one["id"] for one in found] == [document["id"]]
