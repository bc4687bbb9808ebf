"""The last stage of a shift: slices go into the index, and documents that are whole there are swapped in.

Many documents are counted in one call and swapped in one transaction, each fenced by its own lease.
"""

import time
from collections.abc import Callable, Sequence
from io import BytesIO

from ingest.pipeline import Key, miscounted, write
from retrieval.errors import FootnoteError, IndexUnavailableError
from services.blobs import BlobStore
from services.db.activation import Activation, Swap
from services.engine import Engine
from services.parsed_text import stored_form
from services.worker.ledger import Ledger
from services.worker.task import Slice, Task


class Writing:
    """`ring` is given the ids of follow-up jobs."""

    def __init__(
        self, *, activation: Activation, blobs: BlobStore, ring: Callable[[list[str]], None], ledger: Ledger
    ) -> None:
        self._activation = activation
        self._blobs = blobs
        self._ring = ring
        self._ledger = ledger

    def write(self, some: Slice) -> None:
        """Write one slice; swap the documents that are whole with it, checkpoint the others, end those that failed."""
        self._ledger.failed_each(some.outcome.failed, some.tasks)
        last = {one.piece.key for one in some.outcome.embedded if one.piece.is_last}
        self._ledger.entered("upsert", {key: task for key, task in some.tasks.items() if key in last})
        tasks = self._ledger.good(some.tasks[key] for key in some.tasks.keys() - some.outcome.failed.keys())
        mine = [one for one in some.outcome.embedded if one.piece.key in tasks]
        try:
            outcome = write(mine, index=some.engine.index)
        except Exception as error:
            self._ledger.failed([task.lease for task in tasks.values()], error)
            return
        self._ledger.failed_each(outcome.failed, tasks)
        for key, ms in outcome.shares_ms.items():
            tasks[key].took("upsert", ms)
        done: dict[Key, int] = {}
        for one in outcome.embedded:
            task = tasks[one.piece.key]
            task.embedded += not one.reused
            task.reused += one.reused
            done[task.key] = one.piece.chunk.number + 1
        for key in done.keys() - last:
            self._ledger.checkpoint(tasks[key], done[key])
        whole = {key: tasks[key] for key in done if key in last}
        self._swap(list(self._ledger.entered("activate", whole).values()), some.engine)

    def _swap(self, tasks: Sequence[Task], engine: Engine) -> None:
        began = time.perf_counter()
        whole = self._whole(tasks, engine)
        if not whole:
            return
        try:
            kept = self._blobs.put_readers([BytesIO(stored_form(task.cut.parsed)) for task in whole])
            each_ms = 1000 * (time.perf_counter() - began) / len(tasks)
            for task in whole:
                task.took("activate", each_ms)
            swaps = [_swap(task, blob.sha256) for task, blob in zip(whole, kept, strict=True)]
            activated = self._activation.activate(swaps, generation=engine.generation)
        except Exception as error:
            self._ledger.failed([task.lease for task in whole], error)
            return
        overtaken = [task for task in whole if task.lease.job_id not in activated.ready]
        self._ledger.done([task.lease for task in whole if task not in overtaken])
        self._ledger.lost([task.lease for task in overtaken])
        self._ring(list(activated.follow_up))

    def _whole(self, tasks: Sequence[Task], engine: Engine) -> list[Task]:
        """Those of which the index holds exactly the chunks; the others are written again."""
        try:
            wrong = miscounted([task.cut for task in tasks], index=engine.index) if tasks else {}
            for task in tasks:
                found = wrong.get(task.key)
                if found is not None:
                    self._write_again(task, found, engine)
        except FootnoteError as error:
            self._ledger.failed([task.lease for task in tasks], error)
            return []
        return [task for task in tasks if task.key not in wrong]

    def _write_again(self, task: Task, found: int, engine: Engine) -> None:
        expected = len(task.cut.chunks)
        if found > expected:  # left by an earlier release that cut the same text otherwise
            engine.index.delete(*task.key)
        self._ledger.checkpoint(task, 0)
        said = f"The index holds {found} of {expected} passages. They are written again."
        self._ledger.failed([task.lease], IndexUnavailableError(said))


def _swap(task: Task, parsed_sha256: str) -> Swap:
    return Swap(
        lease=task.lease,
        parsed_sha256=parsed_sha256,
        media_type=task.cut.parsed.media_type,
        title=task.cut.parsed.title,
        chunks=len(task.cut.chunks),
        embedded=task.embedded,
        reused=task.reused,
        metadata_revision=task.details.metadata_revision,
        stages_ms=task.stages_ms,
    )
