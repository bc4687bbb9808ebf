"""What a generation that is not read yet, or no longer, holds of each document. Knows nothing of chunks or vectors.

A row is written before the first chunk and is whole after the last: no chunk lies in a collection without one. A killed
build goes on behind its rows, and rows that are out of date say what has to be cleared away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import FromClause, Select, and_, delete, func, select
from sqlalchemy.orm import Session, join

from services.db.database import Database
from services.db.generation_lease import held
from services.db.grants import grants_in
from services.db.models import Document, GenerationMember, Version


@dataclass(frozen=True, slots=True)
class Missing:
    """An active document version that a generation does not hold completely; its first `chunks_done` chunks are there.

    `metadata_revision` says which state of grants and times this is.
    """

    document_id: str
    version: int
    sha256: str
    parsed_sha256: str | None
    file_name: str
    media_type: str
    title: str
    data_source: str
    modified_at: datetime | None
    grants: tuple[str, ...]
    metadata_revision: int
    chunks_done: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """What every chunk of a document carries, and the number of that state."""

    grants: tuple[str, ...]
    modified_at: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class Step:
    """The first `done` chunks of this version are durable; `whole` where these are all."""

    document_id: str
    version: int
    metadata_revision: int
    done: int
    whole: bool


class Members:
    """Rows of one generation. Writes raise GenerationLostError once the owner's lease is lost."""

    def __init__(self, database: Database, generation: int, owner: str) -> None:
        self._database = database
        self._generation = generation
        self._owner = owner

    def missing(self, *, after: str = "", limit: int = 100) -> list[Missing]:
        """Active versions that are not here completely, by document id, starting behind `after`."""
        begun = and_(
            GenerationMember.generation == self._generation,
            GenerationMember.document_id == Document.id,
            GenerationMember.version == Version.number,
        )
        query = (
            select(Document, Version, GenerationMember.chunks_done)
            .select_from(active_versions().outerjoin(GenerationMember, begun))
            .where(GenerationMember.chunks.is_(None), Document.id > after)
            .order_by(Document.id)
            .limit(limit)
        )
        with self._database.read() as session:
            rows = session.execute(query).all()
            grants = grants_in(session, [row[0].id for row in rows])
        return [_missing(document, version, done or 0, grants) for document, version, done in rows]

    def metadata(self, document_id: str) -> Metadata:
        """Grants and modification time as they are now."""
        with self._database.read() as session:
            document = session.get_one(Document, document_id)
            grants = tuple(grants_in(session, [document_id]).get(document_id, ()))
            return Metadata(grants, document.modified_at, document.metadata_revision)

    def begin(self, versions: Sequence[tuple[str, int]]) -> None:
        """Write down that chunks of these versions are about to be written."""
        with self._database.write() as session:
            held(session, self._generation, self._owner)
            for document_id, version in versions:
                if session.get(GenerationMember, (self._generation, document_id, version)) is None:
                    row = GenerationMember(generation=self._generation, document_id=document_id, version=version)
                    row.chunks_done = 0
                    session.add(row)

    def record(self, steps: Sequence[Step]) -> list[Step]:
        """Record how far these versions are; returns the whole ones whose grants or times changed meanwhile.

        Those have to be set in the collection, and recorded again. What was deleted or overtaken stays incomplete.
        """
        changed = []
        with self._database.write() as session:
            held(session, self._generation, self._owner)
            for step in steps:
                row = session.get_one(GenerationMember, (self._generation, step.document_id, step.version))
                row.chunks_done = step.done
                document = session.get_one(Document, step.document_id)
                if not step.whole or document.deleted_at is not None or document.active_version != step.version:
                    continue
                if document.metadata_revision == step.metadata_revision:
                    row.chunks = step.done
                else:
                    changed.append(step)
        return changed

    def stale(self, limit: int = 500) -> list[tuple[str, int]]:
        """Versions with rows that are no longer active: their chunks have to go."""
        with self._database.read() as session:
            return list(session.execute(stale(self._generation).limit(limit)))

    def forget(self, document_id: str, version: int) -> None:
        """Delete a row whose chunks are gone."""
        with self._database.write() as session:
            held(session, self._generation, self._owner)
            mine = (GenerationMember.generation == self._generation, GenerationMember.document_id == document_id)
            session.execute(delete(GenerationMember).where(*mine, GenerationMember.version == version))

    def clear(self) -> None:
        """Forget everything: the collection was lost."""
        with self._database.write() as session:
            held(session, self._generation, self._owner)
            session.execute(delete(GenerationMember).where(GenerationMember.generation == self._generation))

    def rows(self) -> dict[tuple[str, int], int | None]:
        """Chunks of every version with a row, None where they are not all there."""
        mine = GenerationMember.generation == self._generation
        query = select(GenerationMember.document_id, GenerationMember.version, GenerationMember.chunks).where(mine)
        with self._database.read() as session:
            return {(document_id, version): chunks for document_id, version, chunks in session.execute(query)}

    def chunks(self) -> int:
        """How many chunks the collection should hold."""
        done = func.coalesce(GenerationMember.chunks, GenerationMember.chunks_done)
        query = select(func.coalesce(func.sum(done), 0)).where(GenerationMember.generation == self._generation)
        with self._database.read() as session:
            return session.scalar(query) or 0

    def counts(self) -> tuple[int, int]:
        """Active versions that are here completely, and all active versions."""
        with self._database.read() as session:
            total = session.scalar(select(func.count()).select_from(active_versions())) or 0
            left = session.scalar(select(func.count()).select_from(missing(self._generation).subquery())) or 0
        return total - left, total


def unwrite(session: Session, document_id: str, version: int) -> None:
    """This version was made again: what other generations hold of it may be of another text or be gone as well."""
    mine = (GenerationMember.document_id == document_id, GenerationMember.version == version)
    session.execute(delete(GenerationMember).where(*mine))


def active_versions() -> FromClause:
    """Documents that are not deleted, each with its active version: FROM documents JOIN versions."""
    active = and_(
        Version.document_id == Document.id, Version.number == Document.active_version, Document.deleted_at.is_(None)
    )
    return join(Document, Version, active)


def missing(generation: int) -> Select[str]:
    """Ids of the documents whose active version the generation does not hold completely."""
    whole = (
        select(GenerationMember.version)
        .where(
            GenerationMember.generation == generation,
            GenerationMember.document_id == Document.id,
            GenerationMember.version == Version.number,
            GenerationMember.chunks.is_not(None),
        )
        .exists()
    )
    return select(Document.id).select_from(active_versions()).where(~whole)


def stale(generation: int) -> Select[str, int]:
    """(document id, version) of members that are not the active version of a document."""
    active = (
        select(Document.id)
        .where(
            Document.id == GenerationMember.document_id,
            Document.active_version == GenerationMember.version,
            Document.deleted_at.is_(None),
        )
        .exists()
    )
    columns = select(GenerationMember.document_id, GenerationMember.version)
    return columns.where(GenerationMember.generation == generation, ~active)


def _missing(document: Document, version: Version, done: int, grants: Mapping[str, Sequence[str]]) -> Missing:
    return Missing(
        document_id=document.id,
        version=version.number,
        sha256=version.sha256,
        parsed_sha256=version.parsed_sha256,
        file_name=version.file_name,
        media_type=version.media_type or document.media_type,
        title=document.embedded_title,
        data_source=document.data_source,
        modified_at=document.modified_at,
        grants=tuple(grants.get(document.id, ())),
        metadata_revision=document.metadata_revision,
        chunks_done=done,
    )
