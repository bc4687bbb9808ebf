"""What a worker needs to know of the document it works on. Knows nothing of who may read it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from services.db.database import Database
from services.db.jobs import LeaseLostError
from services.db.models import Document, DocumentGrant, Version


@dataclass(frozen=True, slots=True)
class WorkDetails:
    """A document version's original and the metadata that goes into the index with it.

    `metadata_revision` says which state of grants and times this is: the swap compares it.
    """

    sha256: str
    file_name: str
    title: str
    data_source: str
    modified_at: datetime | None
    grants: tuple[str, ...]
    metadata_revision: int


class Work:
    """Reads for the worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def details(self, document_id: str, version: int | None) -> WorkDetails:
        """`version` None: the latest. Raises LeaseLostError where the document was deleted meanwhile."""
        with self._database.read() as session:
            document = session.get(Document, document_id)
            if document is None or document.deleted_at is not None:
                raise LeaseLostError("The document was deleted.")
            row = session.get_one(Version, (document_id, version or document.latest_version))
            grants = select(DocumentGrant.grant_name).where(DocumentGrant.document_id == document_id)
            return WorkDetails(
                sha256=row.sha256,
                file_name=row.file_name,
                title=document.title,
                data_source=document.data_source,
                modified_at=document.modified_at,
                grants=tuple(session.scalars(grants.order_by(DocumentGrant.grant_name))),
                metadata_revision=document.metadata_revision,
            )

    def is_active(self, document_id: str, version: int) -> bool:
        """Whether readers still follow the pointer to this version."""
        with self._database.read() as session:
            document = session.get(Document, document_id)
            return document is not None and document.deleted_at is None and document.active_version == version
