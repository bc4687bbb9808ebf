"""What a worker needs to know of the document it works on, and what it says of a deletion that came late.

Knows nothing of who may read the document.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


# Columns and no objects, which take longer to make.
_DETAILS = (
    select(
        Document.id,
        Version.number,
        Version.sha256,
        Version.parsed_sha256,
        Version.media_type,
        Version.file_name,
        Document.embedded_title,
        Document.data_source,
        Document.modified_at,
        Document.metadata_revision,
        Document.active_version,
    )
    .join(Version, Version.document_id == Document.id)
    .where(Document.deleted_at.is_(None))
)


class Work:
    """For the worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def details(self, document_id: str) -> WorkDetails:
        """Of the latest version. Raises LeaseLostError where the document was deleted meanwhile."""
        with self._database.read() as session:
            newest = _DETAILS.where(Document.id == document_id, Version.number == Document.latest_version)
            row = session.execute(newest).one_or_none()
            if row is None:
                raise LeaseLostError("The document was deleted.")
            return _details(row, tuple(grants_in(session, [document_id]).get(document_id, ())))

    def details_of(self, leases: Collection[Lease]) -> dict[str, WorkDetails]:
        """By job id, of the version that each job ingests; without those whose document was deleted meanwhile."""
        keys = [(lease.document_id, lease.version) for lease in leases]
        wanted = tuple_(Version.document_id, Version.number).in_(keys)
        with self._database.read() as session:
            found = {(row.id, row.number): row for row in session.execute(_DETAILS.where(wanted))}
            grants = grants_in(session, [lease.document_id for lease in leases])
        details = {key: _details(row, tuple(grants.get(row.id, ()))) for key, row in found.items()}
        named = [(lease.job_id, (lease.document_id, lease.version or 0)) for lease in leases]
        return {job_id: details[key] for job_id, key in named if key in details}

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


def _details(row: Any, grants: tuple[str, ...]) -> WorkDetails:
    return WorkDetails(
        sha256=row.sha256,
        parsed_sha256=row.parsed_sha256,
        media_type=row.media_type,
        file_name=row.file_name,
        title=row.embedded_title,
        data_source=row.data_source,
        modified_at=row.modified_at,
        grants=grants,
        metadata_revision=row.metadata_revision,
        active_version=row.active_version,
    )
