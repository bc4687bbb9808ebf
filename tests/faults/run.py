"""One run: start everything, feed, read and injure at once, let it come to rest, look at what is left.

Knows nothing of how figures are printed.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import system
from tests.faults import audit
from tests.faults.assistant import Assistant, client, person, running
from tests.faults.feeder import Feeder
from tests.faults.freshness import fresh
from tests.faults.injector import Injector
from tests.faults.ledger import Ledger, Violation
from tests.faults.poison import share_kept
from tests.faults.readers import Reader
from tests.faults.schedule import NEEDS_SERVER_DATABASE, NEEDS_VOLUME, digest, scheduled
from tests.faults.watcher import Recovery, Watcher

DRAIN_SECONDS = 180.0
REST_SECONDS = 120.0
FRESH_TIMES = 20
# Documents and faults go side by side to the end: neither is this share of the whole ahead of the other.
LEAD = 0.05
QUARANTINE_RETRIES = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run was asked to do; the same plan gives the same schedule."""

    seed: int
    size: str
    documents: int
    kills: int
    pause: float
    backlog: int
    measured: bool = False
    """Also measure, before any fault, how fresh updates are and what hostile files cost the others."""


@dataclass
class Outcome:
    """Everything that a run found out."""

    plan: Plan
    digest: str
    left_out: frozenset[str]
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    recoveries: list[Recovery] = field(default_factory=list)
    requeued: list[float] = field(default_factory=list)
    unrecovered: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    reads: int = 0
    read_ms: list[float] = field(default_factory=list)
    not_answered: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    deaths: list[str] = field(default_factory=list)
    accepted: int = 0
    swaps: int = 0
    fresh: list[float] = field(default_factory=list)
    """Seconds from sending a ten-page document's update until a search finds it, before any fault."""
    retried: int = 0

    kept: float | None = None
    """The share of their throughput that ordinary documents kept beside hostile files."""

    @property
    def held(self) -> bool:
        """Whether every promise was kept."""
        return not self.violations and not self.unrecovered


def carried_out(plan: Plan, model_cache: Path, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Do a whole run in `folder`."""
    with running(plan.size, folder, model_cache) as assistant:
        return _Run(assistant, plan, say).carried_out()


class _Run:
    """The actors of one run and what they share."""

    def __init__(self, assistant: Assistant, plan: Plan, say: Callable[[str], None]) -> None:
        left_out = _left_out(assistant)
        self._assistant = assistant
        self._plan = plan
        self._say = say
        self._schedule = scheduled(plan.seed, kills=plan.kills, pause=plan.pause, leave_out=left_out)
        self._outcome = Outcome(plan, digest(self._schedule), left_out)
        self._ledger = Ledger()
        self._watcher = Watcher(assistant.database, self._ledger)
        self._injector = Injector(
            assistant, self._watcher, self._ledger, seed=plan.seed, ahead=lambda: self._lead() < -LEAD
        )
        self._feeder = Feeder(
            assistant,
            self._ledger,
            seed=plan.seed,
            documents=plan.documents,
            backlog=plan.backlog,
            waiting=lambda: self._watcher.waiting,
            ahead=lambda: self._lead() > LEAD,
        )
        keys = {True: person(assistant, "ida@example.com", "insiders"), False: person(assistant, "otto@example.com")}
        self._readers = [Reader(assistant, self._ledger, keys[who], who, f"{plan.seed}/{who}") for who in keys]

    def carried_out(self) -> Outcome:
        """From the first document to the last comparison."""
        began = time.monotonic()
        self._say(f"schedule {self._outcome.digest}: {len(self._schedule)} faults")
        if self._plan.measured:
            self._outcome.fresh = fresh(self._assistant, self._ledger, times=FRESH_TIMES)
            self._outcome.kept = share_kept(self._assistant)
            self._say(f"fresh after {max(self._outcome.fresh):.2f} s at most, {self._outcome.kept:.2f} kept")
        reading = [(reader.run, reader.stop) for reader in self._readers]
        with _threads([(self._watcher.run, self._watcher.stop), *reading]):
            with _threads([(self._feeder.run, self._feeder.stop)]) as (feeding,):
                self._injure()
                while feeding.is_alive():
                    feeding.join(10.0)
                    self._tell(began)
            self._drain()
        self._come_to_rest()
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    def _lead(self) -> float:
        """By what share of the run the documents are ahead of the faults."""
        faults = self._injector.done.total() / len(self._schedule) if self._schedule else 1.0
        return self._feeder.registered / self._plan.documents - faults

    def _injure(self) -> None:
        began = time.monotonic()
        with _threads([(lambda: self._injector.run(self._schedule), self._injector.stop)]) as (injecting,):
            while injecting.is_alive():
                injecting.join(10.0)
                self._tell(began)

    def _tell(self, began: float) -> None:
        self._say(
            f"{time.monotonic() - began:5.0f} s: {sum(self._injector.done.values())} of {len(self._schedule)} faults, "
            f"{self._feeder.registered} documents, {self._watcher.waiting} waiting, "
            f"{len(self._ledger.violations)} violations"
        )

    def _drain(self) -> None:
        """Wait until no document waits; what random kills had quarantined is retried, as an operator would."""
        hostile = set(self._injector.hostile.values())
        for _ in range(QUARANTINE_RETRIES + 1):
            deadline = time.monotonic() + DRAIN_SECONDS + self._plan.documents / 10
            time.sleep(1.0)
            while time.monotonic() < deadline and (self._watcher.waiting or self._watcher.unrecovered()):
                time.sleep(0.5)
            self._say(f"drained: {self._watcher.waiting} waiting")
            rows = audit.rows(self._assistant.database)
            again = [row for row in rows if row.job.state == "quarantined" and row.document.id not in hostile]
            if not again:
                break
            self._retry(again)
        self._outcome.unrecovered = self._watcher.unrecovered()

    def _retry(self, rows: list[audit.Row]) -> None:
        with client(self._assistant) as admin:
            for row in rows:
                self._outcome.retried += 1
                self._ledger.counts[f"quarantined: {row.job.code}"] += 1
                admin.post(f"/v1/documents/{row.document.id}/retry").raise_for_status()

    def _come_to_rest(self) -> None:
        """Let the old versions' grace pass, then compare everything."""
        audit.let_grace_pass(self._assistant.database)
        port = self._assistant.servers["index"].port
        deadline = time.monotonic() + REST_SECONDS
        while True:
            found = audit.rows(self._assistant.database)
            left = list(audit.against_index(found, audit.points(port)))
            if not left or time.monotonic() > deadline:
                break
            time.sleep(2.0)
        self._sum_up(found, left)

    def _sum_up(self, found: list[audit.Row], left: list[Violation]) -> None:
        outcome, entries = self._outcome, list(self._ledger.each())
        outcome.violations = [
            *self._ledger.violations,
            *left,
            *audit.lost(self._ledger, found),
            *audit.hostile(self._injector.hostile, found),
            *audit.originals(found, self._assistant.data_dir / "blobs"),
            *audit.verified(self._assistant.url, self._assistant.key),
        ]
        outcome.faults, outcome.kills, outcome.stages = self._injector.done, self._injector.kills, self._injector.stages
        outcome.recoveries, outcome.requeued = self._watcher.recoveries, self._watcher.requeued
        outcome.states = Counter(row.job.state for row in found)
        outcome.reads = sum(reader.reads for reader in self._readers)
        outcome.read_ms = [took for reader in self._readers for took in reader.took_ms]
        for reader in self._readers:
            outcome.not_answered.update(reader.not_answered)
        outcome.accepted = sum(entry.accepted for entry in entries)
        outcome.swaps = sum(max(len(entry.floors) - 1, 0) for entry in entries)
        outcome.counts = self._ledger.counts
        outcome.deaths = self._assistant.deaths


def _left_out(assistant: Assistant) -> frozenset[str]:
    left_out: set[str] = set()
    if assistant.size != system.PRODUCTION:
        left_out |= NEEDS_SERVER_DATABASE
    if not assistant.volumes:
        left_out |= NEEDS_VOLUME
    return frozenset(left_out)


@contextmanager
def _threads(
    all_of: list[tuple[Callable[[], None], threading.Event]],
) -> Iterator[list[threading.Thread]]:
    """Run each beside us; at the end set each one's event and wait for it."""
    threads = [threading.Thread(target=run, daemon=True) for run, _ in all_of]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for _, stop in all_of:
            stop.set()
        for thread in threads:
            thread.join()
