"""Does to the assistant what the schedule says, one fault after the other. Knows nothing of what must hold then."""

import os
import random
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
from redis import Redis

from tests.corpus.hostile.build import build
from tests.faults.assistant import Assistant, Part, client
from tests.faults.ledger import Ledger
from tests.faults.messages import Queue
from tests.faults.moments import caught, spring
from tests.faults.proxy import Trap, is_commit, is_upsert
from tests.faults.schedule import KILLS, Fault
from tests.faults.sending import send
from tests.faults.watcher import Watcher

# The lease is 20 s and the reconciler looks every 5 s: by then another worker has the job.
STOPPED_SECONDS = 27.0
TENFOLD = 10
# Of the hostile files, so many at a time, and none that is thousands of passages once it is read.
HOSTILE, SMALL = 8, 50_000


class Injector:
    """Carries out a schedule, waiting while it is `ahead` of the documents."""

    def __init__(
        self, assistant: Assistant, watcher: Watcher, ledger: Ledger, *, seed: int, ahead: Callable[[], bool]
    ) -> None:
        self._assistant = assistant
        self._watcher = watcher
        self._ledger = ledger
        self._ahead = ahead
        self._draw = random.Random(f"injector/{seed}")
        self._stopped: list[threading.Thread] = []
        self.done: Counter[str] = Counter()
        self.stages: Counter[str] = Counter()
        self.hostile: dict[str, str] = {}
        self.stop = threading.Event()

    def run(self, schedule: list[Fault]) -> None:
        """Everything in its order; returns when all is back as it was."""
        for fault in schedule:
            if self.stop.wait(fault.pause):
                break
            while self._ahead() and not self.stop.wait(0.05):
                pass
            self._note(f"{fault.kind} in {fault.stage} for {fault.seconds} s, {fault.nth}")
            try:
                self.inject(fault)
            except (OSError, AssertionError, httpx.HTTPError) as error:
                self._ledger.report("harness", f"{fault.kind}: {type(error).__name__}: {error}")
            self.done[fault.kind] += 1
            self._note(f"{fault.kind} done")
        for thread in self._stopped:
            thread.join()

    @property
    def kills(self) -> int:
        """Processes ended by a signal so far."""
        return sum(count for kind, count in self.done.items() if kind in KILLS)

    def inject(self, fault: Fault) -> None:
        """One fault, by its name."""
        name = "_" + fault.kind.replace("-", "_")
        act: Callable[[Fault], None] = getattr(self, name)
        act(fault)

    # --- our processes

    def _worker_child_killed(self, fault: Fault) -> None:
        with self._caught(fault) as (part, pid):
            part.expected = part.expected or pid == part.process.pid
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self._orphaned({pid}, fault.kind)

    def _worker_group_killed(self, fault: Fault) -> None:
        with self._caught(fault) as (part, _):
            pids = set(part.children())
            part.signal_group(signal.SIGKILL)
            self._orphaned(pids, fault.kind)

    def _worker_terminated(self, fault: Fault) -> None:
        with self._caught(fault) as (part, _):
            part.expected = True
            part.process.terminate()

    def _worker_stopped_and_revived(self, fault: Fault) -> None:
        if any(thread.is_alive() for thread in self._stopped):
            return  # one is away already: the other goes on working
        with self._caught(fault) as (part, _):
            pids = set(part.children())
            part.signal_group(signal.SIGSTOP)
            self._orphaned(pids, fault.kind)
        thread = threading.Thread(target=self._revive, args=(part,), name="revival")
        self._stopped.append(thread)
        thread.start()

    def _revive(self, part: Part) -> None:
        process = part.process
        self.stop.wait(STOPPED_SECONDS)
        if part.process is process and process.poll() is None:
            part.signal_group(signal.SIGCONT)

    def _scheduler_killed(self, fault: Fault) -> None:
        self._assistant.parts["scheduler"].signal_group(signal.SIGKILL)

    def _api_killed(self, fault: Fault) -> None:
        self._assistant.parts["api"].signal_group(signal.SIGKILL)

    # --- the broker

    def _broker_killed(self, fault: Fault) -> None:
        self._assistant.servers["broker"].outage(fault.seconds)

    def _broker_flushed(self, fault: Fault) -> None:
        with self._redis() as redis:
            redis.flushall()
        self._watcher.wiped()

    def _broker_directory_removed(self, fault: Fault) -> None:
        broker = self._assistant.servers["broker"]
        broker.outage(fault.seconds, meanwhile=broker.wipe)
        self._watcher.wiped()

    def _broker_full(self, fault: Fault) -> None:
        with self._redis() as redis:
            redis.config_set("maxmemory", "100kb")
            self.stop.wait(2 * fault.seconds)
            redis.config_set("maxmemory", "0")

    def _broker_slow(self, fault: Fault) -> None:
        self._slow("broker", fault)

    def _broker_reset(self, fault: Fault) -> None:
        self._reset("broker", fault)

    # --- the index

    def _index_killed(self, fault: Fault) -> None:
        self._assistant.servers["index"].outage(fault.seconds)

    def _index_killed_in_upsert(self, fault: Fault) -> None:
        server = self._assistant.servers["index"]
        server.held = True
        kill = lambda: server.stop(signal.SIGKILL)  # noqa: E731
        # Every other time it has applied the points already and the worker does not hear of it.
        trap = Trap(is_upsert, before=kill) if fault.nth % 2 else Trap(is_upsert, after=kill, answer="reset")
        self._spring("index", trap)
        server.outage(fault.seconds)

    def _index_slow(self, fault: Fault) -> None:
        self._slow("index", fault)

    def _index_reset(self, fault: Fault) -> None:
        self._reset("index", fault)

    def _upsert_applied_then_500(self, fault: Fault) -> None:
        self._spring("index", Trap(is_upsert, answer="500"))

    def _upsert_applied_then_reset(self, fault: Fault) -> None:
        self._spring("index", Trap(is_upsert, answer="reset"))

    # --- the registry

    def _database_killed_in_transaction(self, fault: Fault) -> None:
        """PostgreSQL: an immediate stop at a COMMIT. SQLite has no server: whoever writes to it is killed."""
        server = self._assistant.servers.get("database")
        if server is None:
            self._assistant.parts["api"].signal_group(signal.SIGKILL)
            return
        server.held = True
        kill = lambda: server.stop(signal.SIGQUIT)  # noqa: E731
        trap = Trap(is_commit, before=kill) if fault.nth % 2 else Trap(is_commit, after=kill)
        self._spring("database", trap)
        server.outage(fault.seconds, number=signal.SIGQUIT)

    def _database_slow(self, fault: Fault) -> None:
        self._slow("database", fault)

    def _database_reset(self, fault: Fault) -> None:
        self._reset("database", fault)

    # --- disks

    def _originals_full(self, fault: Fault) -> None:
        self._fill("originals", fault)

    def _registry_full(self, fault: Fault) -> None:
        self._fill("registry", fault)

    def _index_full(self, fault: Fault) -> None:
        self._fill("index", fault)

    def _broker_disk_full(self, fault: Fault) -> None:
        self._fill("broker", fault)

    # --- messages and files

    def _messages_duplicated(self, fault: Fault) -> None:
        with self._queue() as queue:
            queue.duplicate([job.job_id for job in self._watcher.running()], TENFOLD)
            queue.duplicate(self._watcher.queued(limit=20), TENFOLD)

    def _messages_reordered(self, fault: Fault) -> None:
        with self._queue() as queue:
            queue.reorder(self._draw)

    def _messages_garbage(self, fault: Fault) -> None:
        with self._queue() as queue:
            queue.garbage(self._draw)

    def _messages_pickled(self, fault: Fault) -> None:
        with self._queue() as queue:
            queue.pickled()

    def _messages_stale(self, fault: Fault) -> None:
        with self._queue() as queue:
            queue.stale()

    def _hostile_files(self, fault: Fault) -> None:
        with tempfile.TemporaryDirectory() as folder, client(self._assistant) as admin:
            small = {name: path for name, path in build(Path(folder)).items() if path.stat().st_size < SMALL}
            for name in self._draw.sample(sorted(small), k=min(HOSTILE, len(small))):
                answer = send(admin, f"hostile/{name}", small[name].read_bytes(), grants=["everyone"])
                if answer.status_code in (200, 202):
                    self.hostile[name] = answer.json()["id"]

    # --- how

    def _note(self, line: str) -> None:
        with (self._assistant.folder / "logs" / "faults.log").open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat()} {line}\n")

    @contextmanager
    def _caught(self, fault: Fault) -> Iterator[tuple[Part, int]]:
        """A worker whose job stands in the fault's stage, and the child that works on it; else any worker."""
        with caught(self._watcher, self._assistant.proxies["index"], fault.stage) as job:
            part = self._assistant.worker_of(job.pid) if job else None
            if job and part:
                self.stages[job.stage or f"{fault.stage} or near it"] += 1
                yield part, job.pid
                return
            self.stages["idle"] += 1
            part = self._draw.choice(self._assistant.workers())
            yield part, next(iter(part.children()), part.process.pid)

    def _orphaned(self, pids: set[int], what: str) -> None:
        """Remember whose work now lies still: what was finished a moment before is not counted."""
        self._watcher.killed([job for job in self._watcher.running() if job.pid in pids], what)

    def _slow(self, name: str, fault: Fault) -> None:
        proxy = self._assistant.proxies[name]
        proxy.delay = 0.05 * fault.nth
        self.stop.wait(2 * fault.seconds)
        proxy.delay = 0.0

    def _reset(self, name: str, fault: Fault) -> None:
        proxy = self._assistant.proxies[name]
        proxy.refusing = fault.nth > 2
        proxy.reset()
        self.stop.wait(fault.seconds)
        proxy.refusing = False

    def _fill(self, name: str, fault: Fault) -> None:
        volume = self._assistant.volumes[name]
        try:
            volume.fill()
            self.stop.wait(2 * fault.seconds)
        finally:
            volume.free()

    def _spring(self, name: str, trap: Trap) -> None:
        if not spring(self._assistant.proxies[name], trap):
            self._ledger.counts[f"traps at the {name} that nothing went into"] += 1

    def _redis(self) -> Redis:
        return Redis(port=self._assistant.servers["broker"].port, socket_timeout=5)

    def _queue(self) -> Queue:
        return Queue(self._assistant.servers["broker"].port)
