"""The second stage of a shift: batches of cut documents become slices of chunks with vectors.

Chunks of several documents are embedded together, and those that the version before had already are not embedded again.
"""

from collections.abc import Iterable, Iterator, Mapping

from ingest.pipeline import Key, Piece, embed, slices
from retrieval.errors import FootnoteError
from services.worker.ledger import Ledger
from services.worker.task import Batch, Slice


def embedded(batches: Iterable[Batch], ledger: Ledger) -> Iterator[Slice]:
    """Slices in the order of the documents. A document that fails is left out, and ended in the ledger."""
    for batch in batches:
        stored = _stored(batch, ledger)
        # A version whose last chunk was written, but not recorded as that, is written once more from there.
        done = {task.key: min(task.lease.chunks_done, len(task.cut.chunks) - 1) for task in batch.tasks.values()}
        for pieces in slices([task.cut for task in batch.tasks.values()], done):
            some = _slice(batch, pieces, stored, ledger)
            if some is not None:
                yield some


def _slice(batch: Batch, pieces: list[Piece], stored: Mapping[Key, Mapping[str, str]], ledger: Ledger) -> Slice | None:
    tasks = ledger.good({piece.key: batch.tasks[piece.key] for piece in pieces}.values())
    mine = [piece for piece in pieces if piece.key in tasks]
    if not mine:
        return None
    try:
        outcome = embed(mine, embedder=batch.engine.embedder, index=batch.engine.index, stored=stored)
    except Exception as error:
        ledger.failed([task.lease for task in tasks.values()], error)
        return None
    ledger.failed_each(outcome.failed, tasks)
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
