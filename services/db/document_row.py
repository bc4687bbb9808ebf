"""A document as answers and lists show it. Knows nothing of transactions or of who may see it.

Values of columns and no objects of the models: those take several times as long to make, and senders who wait for many
documents ask for these again and again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy.orm import aliased

from services.db.models import Document, Job, User, Version


class ShownDocument(NamedTuple):
    """What is shown of a document itself; see `Document`."""

    id: str
    data_source: str
    external_id: str
    owner_id: str
    title: str
    url: str | None
    media_type: str
    active_version: int | None
    latest_version: int
    metadata_revision: int
    modified_at: datetime | None
    effective_from: datetime | None
    effective_until: datetime | None
    created_at: datetime
    ready_at: datetime | None
    deleted_at: datetime | None


class ShownJob(NamedTuple):
    """What is shown of a document's current job; see `Job`."""

    id: str
    state: str
    code: str | None
    reason: str | None
    attempts: int
    next_attempt_at: datetime | None
    stage: str | None
    chunks_done: int
    chunks_total: int | None


class ShownVersion(NamedTuple):
    """What is shown of the version that readers see, or until there is one the newest; `size` in bytes, `chunks` None
    until it is ready."""

    sha256: str
    size: int
    chunks: int | None


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document with its current job, the version that is shown, the newest one's digest, grants (sorted) and its
    owner's address, as they were when this was made."""

    document: ShownDocument
    job: ShownJob
    version: ShownVersion
    newest_sha256: str
    grants: tuple[str, ...]
    owner: str


# The newest version, beside the one that is shown.
NEWEST = aliased(Version)
_PARTS = ((Document, ShownDocument), (Job, ShownJob), (Version, ShownVersion))
# What a query selects for `row_from`, one behind the other.
COLUMNS = (*(getattr(entity, name) for entity, shown in _PARTS for name in shown._fields), NEWEST.sha256, User.email)
_DOCUMENT, _JOB, _VERSION = (attrgetter(*shown._fields) for _, shown in _PARTS)
_JOB_AT = len(ShownDocument._fields)
_VERSION_AT = _JOB_AT + len(ShownJob._fields)


def row_from(values: Sequence[Any], grants: Sequence[str]) -> DocumentRow:
    """Of the values of `COLUMNS`."""
    return DocumentRow(
        ShownDocument._make(values[:_JOB_AT]),
        ShownJob._make(values[_JOB_AT:_VERSION_AT]),
        ShownVersion._make(values[_VERSION_AT:-2]),
        values[-2],
        tuple(grants),
        values[-1],
    )


def row_of_objects(
    document: Document, job: Job, version: Version, newest: Version, *, grants: Sequence[str], owner: str
) -> DocumentRow:
    """The same of the objects that a transaction has changed, whether flushed or not."""
    return DocumentRow(
        ShownDocument._make(_DOCUMENT(document)),
        ShownJob._make(_JOB(job)),
        ShownVersion._make(_VERSION(version)),
        newest.sha256,
        tuple(grants),
        owner,
    )
