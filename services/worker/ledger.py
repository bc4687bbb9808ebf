"""What the queue is told of the jobs in hand: the stage they are in, how far they are, how they ended.

Whatever goes wrong with one job ends here as that job's end. Knows nothing of what is done in a stage.
"""

import threading
from collections.abc import Collection, Iterable, Mapping

import structlog

from ingest.pipeline import Key
from retrieval.errors import DocumentError, FootnoteError, UnavailableError
from services.db.jobs import JobQueue, Lease, LeaseLostError
from services.worker.heartbeat import Heartbeat
from services.worker.task import Task, Tasks

_log = structlog.get_logger(__name__)


class Ledger:
    """Safe for threads. Raises nothing: of what cannot be recorded, the lease runs out by itself.

    `outage` is set once a part was down: then nothing more should be claimed for now.
    """

    def __init__(self, queue: JobQueue, heartbeat: Heartbeat) -> None:
        self._queue = queue
        self._heartbeat = heartbeat
        self._ended: set[Lease] = set()
        self._ending = threading.Lock()
        self.outage = threading.Event()

    def good(self, tasks: Iterable[Task]) -> dict[Key, Task]:
        """Those that have not ended and whose lease is held still; where it is not, the job is ended."""
        found: dict[Key, Task] = {}
        for task in tasks:
            if task.lease in self._ended:
                continue
            try:
                self._heartbeat.check(task.lease)
                found[task.key] = task
            except FootnoteError as error:
                self.failed([task.lease], error)
        return found

    def entered(self, stage: str, tasks: Tasks, *, totals: bool = False) -> dict[Key, Task]:
        """They are in this stage now, with `totals`: and cut. Returns those whose lease is held still."""
        if not tasks:
            return {}
        leases = [task.lease for task in tasks.values()]
        chunks = {task.lease.job_id: len(task.cut.chunks) for task in tasks.values()} if totals else None
        try:
            self._heartbeat.keep(leases, self._queue.enter(leases, stage, totals=chunks))
        except FootnoteError as error:
            self.failed(leases, error)
        return self.good(tasks.values())

    def checkpoint(self, task: Task, chunks_done: int) -> None:
        """So many of its chunks are durable."""
        try:
            self._queue.renew(task.lease, chunks_done=chunks_done)
        except FootnoteError as error:
            self.failed([task.lease], error)

    def done(self, leases: Collection[Lease]) -> None:
        """They are recorded as ready already."""
        for lease in leases:
            self._is_first_end(lease)
            _log.info("job_done", **_about(lease), attempts=lease.attempts)
        self._heartbeat.let_go(leases)

    def finished(self, lease: Lease) -> None:
        """An errand is done."""
        try:
            self._queue.finish(lease)
        except FootnoteError as error:
            self.failed([lease], error)
        else:
            self.done([lease])

    def failed_each(self, failed: Mapping[Key, Exception], tasks: Tasks) -> None:
        """End each of these documents' jobs as its own error says."""
        for key, error in failed.items():
            self.failed([tasks[key].lease], error)

    def lost(self, leases: Iterable[Lease]) -> None:
        """Somebody else has these jobs now, or nobody needs them any more."""
        self.failed(leases, LeaseLostError("This work was overtaken by another worker, a newer version or a deletion."))

    def failed(self, leases: Iterable[Lease], error: BaseException) -> None:
        """End these jobs as the error says."""
        if isinstance(error, UnavailableError):
            self.outage.set()
        for lease in leases:
            if not self._is_first_end(lease):
                continue
            try:
                self._end(lease, error)
            except FootnoteError as failure:  # the database is away
                _log.warning("job_end_not_recorded", **_about(lease), code=failure.code)
            finally:
                self._heartbeat.let_go([lease])

    def leave(self) -> None:
        """Give back what is in hand still: nobody works on it any more."""
        rest = self._heartbeat.held()
        if not rest:
            return
        try:
            self._queue.release(rest)
        except FootnoteError as failure:
            _log.warning("jobs_not_given_back", jobs=len(rest), code=failure.code)
        self._heartbeat.let_go(rest)

    def _is_first_end(self, lease: Lease) -> bool:
        with self._ending:
            first = lease not in self._ended
            self._ended.add(lease)
        return first

    def _end(self, lease: Lease, error: BaseException) -> None:
        try:
            if isinstance(error, LeaseLostError):
                raise error
            if isinstance(error, DocumentError):
                _log.info("document_failed", **_about(lease), code=error.code)
                self._queue.fail(lease, error)
            elif isinstance(error, UnavailableError):
                _log.warning("job_postponed", **_about(lease), code=error.code)
                self._queue.postpone(lease, error, counts=False)
            elif not isinstance(error, Exception):  # the process is ended: no fault of the job
                self._queue.release([lease])
            else:
                _log.error("job_crashed", **_about(lease), exc_info=error)
                self._queue.postpone(lease, error, counts=True)
        except LeaseLostError:
            _log.info("job_overtaken", **_about(lease))
            self._queue.overtaken(lease)


def _about(lease: Lease) -> dict[str, object]:
    return {"job": lease.job_id, "kind": lease.kind, "document": lease.document_id, "version": lease.version}
