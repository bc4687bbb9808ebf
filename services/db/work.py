"""What a worker needs to know of the document it works on, and what it says of a deletion that came late.

Knows nothing of who may read the document.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, select, tuple_

from services.db.database import Database
from services.db.grants import grants_in
from services.db.jobs import UNFINISHED, Lease, LeaseLostError
from services.db.models import Document, Job, Version
from services.db.repairs import made_good


@dataclass(frozen=True, slots=True)
class WorkDetails:
    """A document version's original and the metadata that goes into the index with it.

    `parsed_sha256` and `media_type` are of a version that was ready before and is made again, else None. `title` is
    what its chunks are embedded under. `metadata_revision` says which state of grants and times this is: the swap
    compares it. `active_version` is the one that readers see.
    """

    sha256: str
    parsed_sha256: str | None
    media_type: str | None
    file_name: str
    title: str
    data_source: str
    modified_at: datetime | None
    grants: tuple[str, ...]
    metadata_revision: int
    active_version: int | None


class Work:
    """For the worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def details(self, document_id: str) -> WorkDetails:
        """Of the latest version. Raises LeaseLostError where the document was deleted meanwhile."""
        with self._database.read() as session:
            document = session.get(Document, document_id)
            if document is None or document.deleted_at is not None:
                raise LeaseLostError("The document was deleted.")
            version = session.get_one(Version, (document_id, document.latest_version))
            return _details(document, version, tuple(grants_in(session, [document_id]).get(document_id, ())))

    def details_of(self, leases: Collection[Lease]) -> dict[str, WorkDetails]:
        """By job id, of the version that each job ingests; without those whose document was deleted meanwhile."""
        keys = [(lease.document_id, lease.version) for lease in leases]
        ids = [lease.document_id for lease in leases]
        versions = (
            select(Document, Version)
            .join(Version, Version.document_id == Document.id)
            .where(tuple_(Version.document_id, Version.number).in_(keys), Document.deleted_at.is_(None))
        )
        with self._database.read() as session:
            found = {
                (document.id, version.number): (document, version) for document, version in session.execute(versions)
            }
            grants = grants_in(session, ids)
            return {
                lease.job_id: _details(
                    *found[lease.document_id, lease.version or 0], tuple(grants.get(lease.document_id, ()))
                )
                for lease in leases
                if (lease.document_id, lease.version) in found
            }

    def is_retirable(self, document_id: str, version: int) -> bool:
        """Whether nobody reads this version and no job is making it: then its chunks may go."""
        with self._database.read() as session:
            document = session.get(Document, document_id)
            if document is None or document.deleted_at is not None:
                return True
            making = exists().where(
                and_(Job.document_id == document_id, Job.version == version, Job.kind == "ingest"),
                Job.state.in_(UNFINISHED),
            )
            return document.active_version != version and not session.scalar(select(making))

    def make_good(self, document_id: str, version: int) -> None:
        """This version's chunks were deleted: where it is in use by now, have it made again. See `made_good`."""
        if self.is_retirable(document_id, version):
            return
        with self._database.write() as session:
            made_good(session, document_id, version)


def _details(document: Document, version: Version, grants: tuple[str, ...]) -> WorkDetails:
    return WorkDetails(
        sha256=version.sha256,
        parsed_sha256=version.parsed_sha256,
        media_type=version.media_type,
        file_name=version.file_name,
        title=document.embedded_title,
        data_source=document.data_source,
        modified_at=document.modified_at,
        grants=grants,
        metadata_revision=document.metadata_revision,
        active_version=document.active_version,
    )
