"""The moment at which a job stands in a stage, held open while something is done to its worker.

Upsert and activation are caught at the proxy before the index, which holds the request; the other stages as the
registry tells them. Knows nothing of what is done then.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.proxy import Trap, Wire, is_count, is_upsert
from tests.faults.watcher import Running, Watcher

CATCH_SECONDS = 4.0
LOOK_SECONDS = 0.003
HELD_SECONDS = 10.0


@contextmanager
def caught(watcher: Watcher, index: Wire, stage: str) -> Iterator[Running | None]:
    """Wait for a job in this stage; yields it, or whichever is in hand when the time is up, or None."""
    if stage in ("upsert", "activate"):
        with _held(index, stage):
            yield _best(watcher.running(), stage)
        return
    deadline = time.monotonic() + CATCH_SECONDS
    job = _best(watcher.running(), stage)
    while time.monotonic() < deadline and (job is None or job.stage not in (stage, None)):
        time.sleep(LOOK_SECONDS)
        job = _best(watcher.running(), stage)
    yield job


def spring(proxy: Wire, trap: Trap) -> bool:
    """Arm a trap and wait until it was sprung; False, and disarmed, where nothing came by."""
    proxy.set(trap)
    deadline = time.monotonic() + CATCH_SECONDS
    time.sleep(LOOK_SECONDS)
    while time.monotonic() < deadline:
        if trap not in proxy.traps:
            return True
        time.sleep(LOOK_SECONDS)
    return not proxy.disarm(trap)


@contextmanager
def _held(index: Wire, stage: str) -> Iterator[bool]:
    """The next upsert before it is applied, or the next count after it: what follows is the activation."""
    came, done = threading.Event(), threading.Event()

    def hold() -> None:
        came.set()
        done.wait(HELD_SECONDS)

    trap = Trap(is_upsert, before=hold) if stage == "upsert" else Trap(is_count, after=hold)
    index.set(trap)
    try:
        yield came.wait(CATCH_SECONDS)
    finally:
        index.disarm(trap)
        done.set()


def _best(jobs: list[Running], stage: str) -> Running | None:
    """One in this stage before any other ingestion before anything else."""
    ranked = sorted(jobs, key=lambda job: (job.stage != stage, job.kind != "ingest"))
    return ranked[0] if ranked else None
