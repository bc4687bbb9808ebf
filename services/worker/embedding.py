"""The second stage of a shift: batches of cut documents become slices of chunks with vectors.

Chunks of several documents are embedded together, and those that the version before had already are not embedded again.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from ingest.pipeline import Key, Outcome, Piece, embed, slices
from retrieval.errors import FootnoteError
from services.worker.ledger import Ledger
from services.worker.task import Batch, Slice

# So that no core waits while another one ends a slice.
AT_ONCE = 2


def embedded(batches: Iterable[Batch], ledger: Ledger) -> Iterator[Future[Slice | None]]:
    """Slices in the order of the documents, which may still be in the making; None where nothing of one is left.

    A slice says for which documents it failed: their jobs end when it is their turn to be written, behind what was
    made before.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="slice") as pool:
        for batch in batches:
            stored = _stored(batch, ledger)
            # A version whose last chunk was written, but not recorded as that, is written once more from there.
            done = {task.key: min(task.lease.chunks_done, len(task.cut.chunks) - 1) for task in batch.tasks.values()}
            for pieces in slices([task.cut for task in batch.tasks.values()], done):
                yield pool.submit(_slice, batch, pieces, stored, ledger)


def _slice(batch: Batch, pieces: list[Piece], stored: Mapping[Key, Mapping[str, str]], ledger: Ledger) -> Slice | None:
    tasks = ledger.good({piece.key: batch.tasks[piece.key] for piece in pieces}.values())
    mine = [piece for piece in pieces if piece.key in tasks]
    if not mine:
        return None
    try:
        outcome = embed(mine, embedder=batch.engine.embedder, index=batch.engine.index, stored=stored)
    except Exception as error:
        return Slice(batch.engine, tasks, Outcome(failed=dict.fromkeys(tasks, error)))
    for key, ms in outcome.shares_ms.items():
        tasks[key].took("embed", ms)
    return Slice(batch.engine, tasks, outcome)


def _stored(batch: Batch, ledger: Ledger) -> dict[Key, dict[str, str]]:
    """Points by embedded text, of the versions that readers see now."""
    found: dict[Key, dict[str, str]] = {}
    for task in batch.tasks.values():
        active = task.details.active_version
        if active is not None:
            try:
                found[task.key] = batch.engine.index.embedded(task.lease.document_id, active)
            except FootnoteError as error:
                ledger.failed([task.lease], error)
    return found
