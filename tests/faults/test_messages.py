"""What the broker's queue may hold, be made to hold, or lose: nothing of it hurts a worker or costs a document."""

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from redis import Redis

from services.messages import is_doorbell
from tests.faults import audit
from tests.faults.assistant import Assistant
from tests.faults.messages import Queue, envelope
from tests.faults.sending import accepted, eventually, hits, send, settled
from tests.faults.words import name_of, read_back, written

# By then a worker that was killed has been started again, and has spoken to the broker.
WORKER_STARTS_SECONDS = 9.0
POISON: dict[str, Callable[[Queue], None]] = {
    "garbage": lambda queue: queue.garbage(random.Random(1)),
    "pickles": lambda queue: queue.pickled(),
    "stale": lambda queue: queue.stale(),
}


def port_of(injured: Assistant, server: str = "broker") -> int:
    return injured.servers[server].port


@contextmanager
def stopped(injured: Assistant) -> Iterator[None]:
    """The workers, idle, stand still for a moment."""
    for worker in injured.workers():
        worker.signal_group(signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in injured.workers():
            worker.signal_group(signal.SIGCONT)


@pytest.mark.parametrize("kind", POISON)
def test_messages_that_are_none_are_dropped_and_the_workers_go_on(
    injured: Assistant, admin: httpx.Client, kind: str
) -> None:
    accepted(admin, "before.txt", b"The lighthouse is painted white.")
    before = [worker.process.pid for worker in injured.workers()]
    with Queue(port_of(injured)) as queue:
        for _ in range(3):
            POISON[kind](queue)
        after = accepted(admin, f"after-{kind}.txt", f"The harbour has {len(kind)} cranes.".encode())
        assert settled(admin, after)["state"] == "ready"
        eventually(lambda: queue.length() == 0, seconds=30)
    assert [worker.process.pid for worker in injured.workers()] == before
    assert all(worker.process.poll() is None for worker in injured.workers())


def test_a_doorbell_that_rings_ten_times_brings_one_version(injured: Assistant, admin: httpx.Client) -> None:
    text = written(name_of(1, 1), 1, chunks=20)
    sent = send(admin, "ten.txt", text.data).json()
    with Queue(port_of(injured)) as queue:
        queue.duplicate([sent["job_id"]], 10)
        queue.reorder(random.Random(1))
        eventually(lambda: queue.length() == 0, seconds=60)
    assert settled(admin, sent["id"])["state"] == "ready"
    found = [hit for hit in hits(admin, text.name) if (text.name, 1) in read_back(hit["text"])]
    assert {hit["version"] for hit in found} == {1}
    audit.comes_to_rest(injured.database, port_of(injured, "index"), sent["id"])


def test_what_waited_when_the_broker_lost_everything_is_rung_for_again(injured: Assistant, admin: httpx.Client) -> None:
    with stopped(injured):
        sent = [accepted(admin, f"wiped-{n}.txt", f"Crate {n} is in shed {n + 3}.".encode()) for n in range(5)]
        with Redis(port=port_of(injured)) as redis:
            redis.flushall()
    for document in sent:
        assert settled(admin, document)["state"] == "ready"


def test_a_broker_that_comes_back_without_its_files_is_used_again(injured: Assistant, admin: httpx.Client) -> None:
    broker = injured.servers["broker"]
    broker.outage(0.5, meanwhile=broker.wipe)
    document = accepted(admin, "new-broker.txt", b"The new crane lifts nine tons.")
    assert settled(admin, document)["state"] == "ready"


def test_a_worker_that_starts_while_the_broker_is_full_waits_for_it(injured: Assistant, admin: httpx.Client) -> None:
    deaths = list(injured.deaths)
    with Redis(port=port_of(injured)) as redis:
        redis.config_set("maxmemory", "100kb")
        try:
            for worker in injured.workers():
                worker.signal_group(signal.SIGKILL)
            sent = [accepted(admin, f"full-{n}.txt", f"Sack {n} weighs {n + 40} kilos.".encode()) for n in range(3)]
            time.sleep(WORKER_STARTS_SECONDS)
        finally:
            redis.config_set("maxmemory", "0")
    for document in sent:
        assert settled(admin, document)["state"] == "ready"
    assert injured.deaths == deaths


def test_only_one_job_id_in_our_envelope_is_a_doorbell() -> None:
    def rings(body: bytes, **changes: str) -> bool:
        return is_doorbell(json.loads(envelope(body, **changes)))

    assert rings(b'[["id"], {}, {}]')
    assert rings(b'[["id"], {}, {"callbacks": null}]')
    for body in (b"[]", b"{}", b"null", b"[[1], {}, {}]", b'[["a", "b"], {}, {}]', b'["id", {}, {}]', b"not json"):
        assert not rings(body)
    assert not rings(b'[["id"], {}, {}]', task="another.task")
    assert not rings(b'[["id"], {}, {}]', content_type="application/x-python-serialize")
    others: list[object] = [None, [], "text", 7, {}, {"body": 7}, {"body": "W1t9"}]
    for message in others:
        assert not is_doorbell(message)
