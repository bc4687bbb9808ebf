"""Keeps a lease alive while its job runs. Knows nothing of the job."""

import threading
from types import TracebackType

import structlog

from retrieval.errors import FootnoteError
from services.db.jobs import JobQueue, Lease, LeaseLostError

EVERY_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class Heartbeat:
    """A context in which the lease is renewed every five seconds; `check` raises once it was lost."""

    def __init__(self, queue: JobQueue, lease: Lease) -> None:
        self._queue = queue
        self._lease = lease
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def checkpoint(self, chunks_done: int) -> None:
        """Record progress. Raises LeaseLostError."""
        if self._lost.is_set():
            raise LeaseLostError("The lease was lost.")
        self._queue.renew(self._lease, chunks_done=chunks_done)

    def _beat(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self._queue.renew(self._lease)
            except LeaseLostError:
                self._lost.set()
                return
            except FootnoteError as error:  # the database is away: the lease outlives four missed beats
                _log.warning("heartbeat_missed", job=self._lease.job_id, code=error.code)
