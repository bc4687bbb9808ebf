"""A shift: due jobs go through the stages side by side until nothing is due.

Three threads, each a generator from which the next one takes: cutting, embedding, writing. What is in flight is
bounded: one batch being cut, one waiting, one being embedded in slices of its chunks, three at most. Each job keeps its
own lease and fence, and fails alone. Knows nothing of Celery or of what is done in a stage.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing

from ingest.overlap import overlapped
from services.db.jobs import Lease
from services.worker.cutting import Cutting
from services.worker.embedding import embedded
from services.worker.heartbeat import Heartbeat
from services.worker.ledger import Ledger
from services.worker.task import Slice
from services.worker.writing import Writing

# Then the worker looks at its messages again.
SECONDS = 60.0


class Shift:
    """Runs once. `claim` takes more due jobs; `stopping` says whether the worker was told to stop."""

    def __init__(
        self, *, claim: Callable[[], Sequence[Lease]], stopping: Callable[[], bool], cutting: Cutting, writing: Writing,
        heartbeat: Heartbeat, ledger: Ledger,
    ) -> None:  # fmt: skip
        self._claim = claim
        self._stopping = stopping
        self._cutting = cutting
        self._writing = writing
        self._heartbeat = heartbeat
        self._ledger = ledger
        self._broken = False
        self._ends_at = time.monotonic() + SECONDS

    def run(self, first: Sequence[Lease]) -> bool:
        """Work, from these jobs on. Returns whether there was nothing more to claim; raises only what is a defect."""
        try:
            with closing(overlapped(self._slices(first))) as slices:
                self._write(slices)
        finally:
            self._ledger.leave()
        return not self._is_over()

    def _write(self, slices: Iterator[Future[Slice | None]]) -> None:
        try:
            for made in slices:
                some = made.result()
                if some is not None:
                    self._writing.write(some)
        except BaseException as error:  # a defect of ours, or Celery's time limit
            self._broken = True
            self._ledger.failed(self._heartbeat.held(), error)
            raise

    def _slices(self, first: Sequence[Lease]) -> Iterator[Future[Slice | None]]:
        with closing(overlapped(self._cutting.batches(first, self._more))) as batches:
            yield from embedded(batches, self._ledger)

    def _more(self) -> Sequence[Lease]:
        return [] if self._is_over() else self._claim()

    def _is_over(self) -> bool:
        return self._broken or self._stopping() or self._ledger.outage.is_set() or time.monotonic() > self._ends_at
