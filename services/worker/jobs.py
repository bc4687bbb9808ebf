"""Carries out jobs: the one that a message names, and with it whatever else is due. Knows nothing of Celery.

Every job may be run twice or be stopped anywhere; the registry's fence decides whose result counts.
"""

import time
from collections.abc import Callable

import structlog

from retrieval.errors import UnavailableError
from services.blobs import BlobStore
from services.db.activation import Activation
from services.db.jobs import JobQueue, Lease
from services.db.work import Work
from services.engine import Engines
from services.worker.cutting import Cutting
from services.worker.heartbeat import Heartbeat
from services.worker.ledger import Ledger
from services.worker.reading import Parser
from services.worker.shift import Shift
from services.worker.writing import Writing

# Together: enough to fill the model's batches with one-chunk documents. Three such batches are in hand at most, and all
# that is in hand runs alone after a kill.
BATCH_JOBS = 32
BATCH_BYTES = 8 * 2**20
OUTAGE_PAUSE_S = 1.0
_log = structlog.get_logger(__name__)


class JobRunner:
    """One worker process's part in the work.

    `stopping` says whether the process was told to stop; `interrupt` ends what is being parsed, when it took too long
    to do so.
    """

    def __init__(
        self,
        *,
        queue: JobQueue,
        activation: Activation,
        work: Work,
        blobs: BlobStore,
        parser: Parser,
        engines: Engines,
        ring: Callable[[list[str]], None],
        name: str,
        stopping: Callable[[], bool] = lambda: False,
        interrupt: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue = queue
        self._activation = activation
        self._work = work
        self._blobs = blobs
        self._parser = parser
        self._engines = engines
        self._ring = ring
        self._name = name
        self._stopping = stopping
        self._interrupt = interrupt

    def run(self, job_id: str) -> None:
        """Do this job if it is due, and others that are. Raises nothing that is a job's own fault."""
        try:
            lease = self._queue.claim(job_id, self._name)
            first = [lease] if lease else self._more()
            if first and not self._shift(first):
                self._ring([first[0].job_id])  # a mere bell: whoever answers it goes on with what is due
        except UnavailableError as error:
            _log.warning("shift_ended", code=error.code)

    def _more(self) -> list[Lease]:
        return self._queue.claim_more(self._name, limit=BATCH_JOBS, max_bytes=BATCH_BYTES)

    def _shift(self, first: list[Lease]) -> bool:
        with Heartbeat(self._queue, stopping=self._stopping, gave_back=self._interrupt) as heartbeat:
            ledger = Ledger(self._queue, heartbeat)
            cutting = Cutting(
                queue=self._queue,
                work=self._work,
                blobs=self._blobs,
                parser=self._parser,
                engines=self._engines,
                heartbeat=heartbeat,
                ledger=ledger,
            )
            writing = Writing(activation=self._activation, blobs=self._blobs, ring=self._ring, ledger=ledger)
            shift = Shift(
                claim=self._more,
                stopping=self._stopping,
                cutting=cutting,
                writing=writing,
                heartbeat=heartbeat,
                ledger=ledger,
            )
            empty = shift.run(first)
        if ledger.outage.is_set():
            # Whatever is due would fare the same now. The reconciler rings for it.
            time.sleep(OUTAGE_PAUSE_S)
            return True
        return empty
