"""The reconciler: every five seconds it brings the queue to what it should be. Knows nothing of Celery or documents.

Expired leases go back to the queue, jobs whose message was lost are rung again, used-up ones are quarantined. It talks
to the database alone and goes on while the broker is away.
"""

import signal
import threading

import structlog

from retrieval.errors import FootnoteError
from services.db.jobs import JobQueue
from services.queue import ENOUGH, Doorbell

EVERY_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class Reconciler:
    """Runs until `stop` is set."""

    def __init__(self, queue: JobQueue, doorbell: Doorbell) -> None:
        self._queue = queue
        self._doorbell = doorbell

    def run(self, stop: threading.Event) -> None:
        """Tick now and every five seconds; a failing tick is logged and the next one comes."""
        while True:
            try:
                self.tick()
            except FootnoteError as error:
                _log.warning("reconcile_failed", code=error.code)
            if stop.wait(EVERY_SECONDS):
                return

    def tick(self) -> int:
        """Reconcile once; returns how many doorbells were rung."""
        waiting = self._doorbell.waiting()
        # A long queue is not silent: ringing for what is in it already would only double it.
        room = 0 if waiting is None else max(ENOUGH - waiting, 0)
        ids = self._queue.reconcile(limit=room)
        self._doorbell.ring(ids)
        if ids:
            _log.info("rung", jobs=len(ids))
        return len(ids)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
