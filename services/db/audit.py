"""What the registry says should be in the index and in the blob store. Knows nothing of either.

Documents come in batches bounded by their chunks, so that an audit's memory does not grow with their number. Two
`Expected` of one document that are equal say that nothing was begun or ended on it in between.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from services.db.database import Database, clock
from services.db.grants import grants_in
from services.db.jobs import UNFINISHED
from services.db.leftovers import fetched, original_needed, text_needed
from services.db.models import Document, Job, Version

BATCH_DOCUMENTS = 100
BATCH_CHUNKS = 2_000
NEWEST = 20


@dataclass(frozen=True, slots=True)
class ExpectedVersion:
    """One version's blobs and manifest; which of its blobs are needed still, see `services/db/leftovers.py`."""

    sha256: str
    parsed_sha256: str | None
    media_type: str | None
    chunks: int | None
    original_needed: bool = True
    text_needed: bool = True

    def blobs(self) -> Iterator[tuple[str, str]]:
        """What has to be in the store: (original or parsed_text, digest)."""
        if self.original_needed:
            yield "original", self.sha256
        if self.text_needed and self.parsed_sha256 is not None:
            yield "parsed_text", self.parsed_sha256


@dataclass(frozen=True, slots=True)
class Expected:
    """One document as the registry has it. `unfinished` are (job id, kind, version) of jobs that wait or run.

    `job_state` is of the document's own job: ready, failed, quarantined, cancelled, missing, or unfinished.
    """

    document_id: str
    title: str
    data_source: str
    deleted: bool
    active_version: int | None
    latest_version: int
    metadata_revision: int
    job_id: str
    job_state: str
    ready_at: datetime | None
    modified_at: datetime | None
    grants: frozenset[str]
    versions: Mapping[int, ExpectedVersion]
    unfinished: frozenset[tuple[str, str, int | None]]

    @property
    def active(self) -> ExpectedVersion | None:
        """What readers of a living document see."""
        return None if self.deleted or self.active_version is None else self.versions.get(self.active_version)

    @property
    def is_made_again(self) -> bool:
        """Whether the version that readers see is being ingested once more: its chunks may be there or not."""
        return self.active is not None and self.active_version in self.at_work("ingest")

    def at_work(self, *kinds: str) -> frozenset[int | None]:
        """Versions that an unfinished job of these kinds is about; None stands for all of them."""
        return frozenset(version for _, kind, version in self.unfinished if kind in kinds)


class AuditRegistry:
    """Reads for the auditor. Every method raises UnavailableError where the database is down."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents(self) -> int:
        """How many documents there ever were, deleted ones among them."""
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(Document)) or 0

    def expected_chunks(self) -> int:
        """How many chunks the active versions have."""
        with self._database.read() as session:
            query = select(func.coalesce(func.sum(Version.chunks), 0)).select_from(Document).join(Version, _active())
            return session.scalar(query.where(Document.deleted_at.is_(None))) or 0

    def is_idle(self) -> bool:
        """Whether no job waits or runs."""
        with self._database.read() as session:
            return session.scalar(select(Job.id).where(Job.state.in_(UNFINISHED)).limit(1)) is None

    def newest(self) -> list[tuple[str, int, int]]:
        """(document, version, chunks) of the versions that became active last."""
        with self._database.read() as session:
            query = (
                select(Document.id, Version.number, Version.chunks)
                .join(Version, _active())
                .where(Document.deleted_at.is_(None))
                .order_by(Version.activated_at.desc())
                .limit(NEWEST)
            )
            return [(document, version, chunks or 0) for document, version, chunks in session.execute(query)]

    def batches(self) -> Iterator[list[str]]:
        """The ids of all documents, deleted ones among them, in batches of about BATCH_CHUNKS chunks."""
        after = ""
        while ids := self._page(after):
            yield ids
            after = ids[-1]

    def expected(self, document_ids: Collection[str]) -> dict[str, Expected]:
        """These documents as they are now, all at one moment. Ids of no document are left out."""
        with self._database.snapshot() as session:
            documents = list(session.scalars(select(Document).where(Document.id.in_(document_ids))))
            found = [document.id for document in documents]
            grants = grants_in(session, found)
            versions = _versions(session, found)
            jobs = _unfinished(session, found)
            states = dict(
                session.execute(
                    select(Job.id, Job.state).where(Job.id.in_([document.job_id for document in documents]))
                ).all()
            )
        return {
            document.id: Expected(
                document_id=document.id,
                title=document.title,
                data_source=document.data_source,
                deleted=document.deleted_at is not None,
                active_version=document.active_version,
                latest_version=document.latest_version,
                metadata_revision=document.metadata_revision,
                job_id=document.job_id,
                job_state=_settled(states.get(document.job_id, "missing")),
                ready_at=document.ready_at,
                modified_at=document.modified_at,
                grants=frozenset(grants.get(document.id, ())),
                versions=versions.get(document.id, {}),
                unfinished=frozenset(jobs.get(document.id, ())),
            )
            for document in documents
        }

    def known(self, document_ids: Iterable[str]) -> frozenset[str]:
        """Those of the ids that are documents, deleted or not."""
        with self._database.read() as session:
            return frozenset(session.scalars(select(Document.id).where(Document.id.in_(list(document_ids)))))

    def known_blobs(self) -> set[bytes]:
        """The digests of every blob that a version refers to, or that a sync keeps for one: 32 bytes each."""
        with self._database.read() as session:
            rows = session.execute(select(Version.sha256, Version.parsed_sha256).execution_options(yield_per=10_000))
            known = {bytes.fromhex(name) for row in rows for name in row if name}
            return known | {bytes.fromhex(name) for name in fetched(session)}

    def refers_to(self, sha256: str) -> list[tuple[str, int]]:
        """(document, version) of what refers to this blob, deleted documents among them."""
        with self._database.read() as session:
            query = select(Version.document_id, Version.number)
            named = or_(Version.sha256 == sha256, Version.parsed_sha256 == sha256)
            return [(document, number) for document, number in session.execute(query.where(named))]

    def wants(self, sha256: str) -> bool:
        """Whether anything refers to this blob, now."""
        if self.refers_to(sha256):
            return True
        with self._database.read() as session:
            return sha256 in fetched(session)

    def twins(self) -> list[str]:
        """The ids of living documents beyond the first of one data source, name and owner. There is a unique index."""
        name = (Document.data_source, Document.external_id, Document.owner_id)
        with self._database.read() as session:
            alive = Document.deleted_at.is_(None)
            groups = select(*name).where(alive).group_by(*name).having(func.count() > 1)
            found: list[str] = []
            for values in session.execute(groups).all():
                same = and_(alive, *(column == value for column, value in zip(name, values, strict=True)))
                found += session.scalars(select(Document.id).where(same).order_by(Document.created_at)).all()[1:]
            return found

    def _page(self, after: str) -> list[str]:
        query = (
            select(Document.id, func.coalesce(Version.chunks, 0))
            .outerjoin(Version, _active())
            .where(Document.id > after if after else true())
            .order_by(Document.id)
            .limit(BATCH_DOCUMENTS)
        )
        ids: list[str] = []
        chunks = 0
        with self._database.read() as session:
            for document_id, count in session.execute(query):
                if ids and chunks + count > BATCH_CHUNKS:
                    break
                ids.append(document_id)
                chunks += count
        return ids


def _active() -> ColumnElement[bool]:
    return and_(Version.document_id == Document.id, Version.number == Document.active_version)


def _settled(state: str) -> str:
    return "unfinished" if state in UNFINISHED else state


def _versions(session: Session, ids: Sequence[str]) -> dict[str, dict[int, ExpectedVersion]]:
    found: dict[str, dict[int, ExpectedVersion]] = {}
    now = clock(session)
    query = select(Version, original_needed(now), text_needed(now)).join(Document).where(Version.document_id.in_(ids))
    for row, original, text in session.execute(query):
        version = ExpectedVersion(row.sha256, row.parsed_sha256, row.media_type, row.chunks, bool(original), bool(text))
        found.setdefault(row.document_id, {})[row.number] = version
    return found


def _unfinished(session: Session, ids: Sequence[str]) -> dict[str, list[tuple[str, str, int | None]]]:
    query = select(Job.document_id, Job.id, Job.kind, Job.version)
    found: dict[str, list[tuple[str, str, int | None]]] = {}
    for document, job, kind, version in session.execute(
        query.where(Job.document_id.in_(ids), Job.state.in_(UNFINISHED))
    ):
        found.setdefault(document, []).append((job, kind, version))
    return found
