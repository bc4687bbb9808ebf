"""Puts back at once what a killed process of this machine had in hand, instead of when its lease runs out.

Knows nothing of Celery or of the work. Every worker process looks; it needs no one to be left of the killed group, and
where several look at once the queue lets one of them have its way.
"""

import threading
from collections.abc import Callable

import structlog

from retrieval.errors import FootnoteError
from services.db.jobs import JobQueue
from services.worker.owner import is_gone

EVERY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Orphans:
    """Looks every second from a thread of its own, until `close`."""

    def __init__(self, queue: JobQueue, ring: Callable[[list[str]], None]) -> None:
        self._queue = queue
        self._ring = ring
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orphans", daemon=True)

    def start(self) -> "Orphans":
        self._thread.start()
        return self

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def look(self) -> int:
        """Look once; returns how many jobs were put back."""
        gone = [owner for owner in self._queue.owners() if is_gone(owner)]
        if not gone:
            return 0
        ids = self._queue.put_back(gone)
        self._ring(ids)
        _log.warning("worker_gone", owners=gone, jobs=len(ids))
        return len(ids)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.look()
            except FootnoteError as error:  # the database is away: the leases run out by themselves
                _log.info("orphans_not_looked_for", code=error.code)
