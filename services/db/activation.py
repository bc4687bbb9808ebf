"""The swap: documents' active versions move to what was ingested, many in one transaction. Knows nothing of the index.

Each is fenced by its own lease: one that was lost undoes nothing of the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from services.db.database import Database, clock
from services.db.generation_lease import lock_active
from services.db.jobs import GRACE, Lease, hold, new_job
from services.db.members import unwrite
from services.db.models import Document, Job, Version


@dataclass(frozen=True, slots=True)
class Swap:
    """A version all of whose chunks are in the index, with what was found out about it.

    `embedded` and `reused` count chunks by where their vectors came from; `metadata_revision` says which grants and
    times its points carry.
    """

    lease: Lease
    parsed_sha256: str
    media_type: str
    title: str | None
    chunks: int
    embedded: int
    reused: int
    metadata_revision: int
    stages_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Activated:
    """The ids of the jobs that are done, and of follow-up jobs that are due now."""

    ready: frozenset[str]
    follow_up: tuple[str, ...]


class Activation:
    """Moves pointers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def activate(self, swaps: Sequence[Swap], *, generation: int) -> Activated:
        """Move the active version of every document whose lease is still good.

        To be called when the index holds exactly the versions' chunks, in this generation. Raises
        GenerationChangedError where that is not the one that is read.
        """
        with self._database.write() as session:
            lock_active(session, generation)
            # Documents before jobs, both by id: whoever registers or deletes takes the locks in this order as well.
            ids = [swap.lease.document_id for swap in swaps]
            locked = select(Document).where(Document.id.in_(ids)).order_by(Document.id).with_for_update()
            documents = {document.id: document for document in session.scalars(locked)}
            held = hold(session, [swap.lease for swap in swaps])
            good = [swap for swap in swaps if swap.lease.job_id in held]
            if not good:
                return Activated(frozenset(), ())
            now = clock(session)
            session.execute(update(Job), [_done(swap, now) for swap in good])
            versions = _versions(session, good)
            follow_up: list[str] = []
            for swap in good:
                document = documents[swap.lease.document_id]
                version = versions[swap.lease.document_id, swap.lease.version]
                follow_up += _swapped(session, swap, document, version, now)
            return Activated(held, tuple(follow_up))


def _done(swap: Swap, now: datetime) -> dict[str, Any]:
    return {
        "id": swap.lease.job_id,
        "state": "ready",
        "stage": None,
        "lease_until": None,
        "finished_at": now,
        "chunks_done": swap.chunks,
        "chunks_total": swap.chunks,
        "chunks_embedded": swap.embedded,
        "chunks_reused": swap.reused,
        "stages_ms": dict(swap.stages_ms),
    }


def _versions(session: Session, swaps: Sequence[Swap]) -> dict[tuple[str, int | None], Version]:
    keys = [(swap.lease.document_id, swap.lease.version) for swap in swaps]
    found = session.scalars(select(Version).where(tuple_(Version.document_id, Version.number).in_(keys)))
    return {(version.document_id, version.number): version for version in found}


def _swapped(session: Session, swap: Swap, document: Document, version: Version, now: datetime) -> list[str]:
    version.parsed_sha256, version.media_type, version.chunks = swap.parsed_sha256, swap.media_type, swap.chunks
    previous = document.active_version
    if previous != version.number:  # else it was written again in place, and slow readers follow it still
        version.activated_at = now
    else:
        unwrite(session, document.id, version.number)
    document.active_version, document.ready_at, document.media_type = version.number, now, swap.media_type
    if swap.title and not document.title_given:
        document.title = swap.title[:1000]
    if previous is not None and previous != version.number:
        new_job(session, "retire", document.id, previous, after=GRACE)
    if document.metadata_revision != swap.metadata_revision:
        return [new_job(session, "metadata", document.id, None).id]
    return []
