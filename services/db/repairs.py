"""Queues the work that makes good what the index lacks of a document. Knows nothing of how that was found out."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.db.database import Database
from services.db.jobs import UNFINISHED, new_job
from services.db.models import Document, Job


class Repairs:
    """Queues the work that mends what an audit found. Never where work on the document is under way already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ingest_again(self, document_id: str, version: int) -> str | None:
        """Queue a version, active or the latest, to be made again; the job, None where it need not."""
        with self._database.write() as session:
            document = session.get(Document, document_id, with_for_update=True)
            if document is None or document.deleted_at is not None:
                return None
            if version not in (document.active_version, document.latest_version) or _ingesting(session, document_id):
                return None
            return _again(session, document, version)

    def metadata_again(self, document_id: str) -> str | None:
        """Queue the index's copy of grants and times to be written again; the job."""
        with self._database.write() as session:
            document = session.get(Document, document_id, with_for_update=True)
            if document is None or document.deleted_at is not None:
                return None
            return new_job(session, "metadata", document_id, None).id

    def unfinished(self, job_ids: Collection[str]) -> dict[str, int]:
        """Those of the jobs that wait or run, with the chunks that each has done."""
        found: dict[str, int] = {}
        ids = list(job_ids)
        with self._database.read() as session:
            for start in range(0, len(ids), 500):
                named = Job.id.in_(ids[start : start + 500])
                query = select(Job.id, Job.chunks_done).where(named, Job.state.in_(UNFINISHED))
                found.update(session.execute(query).all())
        return found


def made_good(session: Session, document_id: str, version: int) -> None:
    """In the caller's transaction: this version's chunks were deleted just now. Where it is in use, it is made again;
    where somebody is making it, they are fenced out and it is begun anew: what they count may be gone by now.
    """
    document = session.get(Document, document_id, with_for_update=True)
    if document is None or document.deleted_at is not None:
        return
    jobs = _ingesting(session, document_id)
    for job in jobs:
        if job.version == version:
            job.attempts -= job.state == "running"
            job.state, job.fence, job.chunks_done = "queued", job.fence + 1, 0
            job.lease_owner = job.lease_until = job.rung_at = job.stage = None
    # Never beside a newer version: what becomes ready last is what readers get. Should that one fail, the watch finds
    # what this one lacks.
    if document.active_version == version and not jobs:
        _again(session, document, version)


def _again(session: Session, document: Document, version: int) -> str:
    job = new_job(session, "ingest", document.id, version)
    document.job_id = job.id  # so that a newer version, or a deletion, overtakes it as any other
    return job.id


def _ingesting(session: Session, document_id: str) -> list[Job]:
    mine = (Job.document_id == document_id, Job.kind == "ingest", Job.state.in_(UNFINISHED))
    return list(session.scalars(select(Job).where(*mine).order_by(Job.id).with_for_update()))
