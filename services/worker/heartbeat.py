"""Keeps the leases in hand alive while their jobs run, and gives them back when the worker is told to stop.

Knows nothing of the jobs.
"""

import threading
import time
from collections.abc import Callable, Collection
from types import TracebackType

import structlog

from retrieval.errors import FootnoteError
from services.db.jobs import JobQueue, Lease, LeaseLostError

EVERY_SECONDS = 5.0
LOOK_SECONDS = 0.25
# After a silence this long, as of a stopped process, a lease is only believed in once it was renewed.
STALE_SECONDS = 10.0
# A worker that is told to stop finishes what it can in this time and gives the rest back (`footnote up` allows 4 s).
STOP_SECONDS = 2.5
_log = structlog.get_logger(__name__)


class Heartbeat:
    """A context in which what it holds is renewed every five seconds, in one statement. Safe for threads.

    `stopping` says whether the worker was told to stop; `gave_back` is called once when the leases were given back.
    """

    def __init__(
        self,
        queue: JobQueue,
        *,
        stopping: Callable[[], bool] = lambda: False,
        gave_back: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue = queue
        self._stopping = stopping
        self._gave_back = gave_back
        self._change = threading.Condition()
        self._held: dict[str, Lease] = {}
        self._beat_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def hold(self, leases: Collection[Lease]) -> None:
        """Keep these alive from now on."""
        with self._change:
            if not self._held:
                self._beat_at = time.monotonic()
            self._held.update({lease.job_id: lease for lease in leases})

    def let_go(self, leases: Collection[Lease]) -> None:
        """Their jobs have ended, one way or another."""
        with self._change:
            for lease in leases:
                self._held.pop(lease.job_id, None)
            self._change.notify_all()

    def held(self) -> list[Lease]:
        """What is in hand."""
        with self._change:
            return list(self._held.values())

    def wait_until_alone(self, leases: Collection[Lease] = ()) -> None:
        """Returns when nothing but these is in hand."""
        mine = {lease.job_id for lease in leases}
        self.wait_until(mine.issuperset)

    def wait_until(self, enough: Callable[[Collection[str]], bool]) -> None:
        """Returns when the ids of the jobs in hand are few `enough`, or none. What else that depends on may change."""
        with self._change:
            while self._held and not enough(self._held.keys()):
                self._change.wait(LOOK_SECONDS)

    def check(self, lease: Lease) -> None:
        """Raises LeaseLostError where the lease was lost or given back. To be called before anything is written."""
        if time.monotonic() - self._beat_at > STALE_SECONDS:
            self._beat()
        with self._change:
            if self._held.get(lease.job_id) != lease:
                raise LeaseLostError("The lease was lost.")

    def keep(self, leases: Collection[Lease], good: Collection[str]) -> None:
        """Of these leases only those on the jobs `good` are good still, as the queue says."""
        self.let_go([lease for lease in leases if lease.job_id not in good])

    def _run(self) -> None:
        stop_by: float | None = None
        while not self._stop.wait(LOOK_SECONDS):
            if stop_by is None and self._stopping():
                stop_by = time.monotonic() + STOP_SECONDS
            try:
                if stop_by is not None and time.monotonic() > stop_by:
                    self._give_back()
                elif time.monotonic() - self._beat_at > EVERY_SECONDS:
                    self._beat()
            except FootnoteError as error:  # the database is away: the lease outlives four missed beats
                _log.warning("heartbeat_missed", code=error.code)

    def _beat(self) -> None:
        leases = self.held()
        if leases:
            self.keep(leases, self._queue.renew_all(leases))
        self._beat_at = time.monotonic()

    def _give_back(self) -> None:
        leases = self.held()
        if leases:
            self._queue.release(leases)
            self.let_go(leases)
            _log.info("jobs_given_back", jobs=len(leases))
            self._gave_back()
