"""Generations of the index: which one is read and written, and who works on the next. Knows nothing of Qdrant.

    preparing -> building -> built -> active -> retired -> active again (rollback)
    any but active -> dropping -> dropped

Exactly one is active. Whatever changes that takes the rows' locks first, and a worker's swap holds the active one's
(`lock_active`), so that no document becomes ready in a generation that is no longer read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError, NotFoundError, UnavailableError
from retrieval.prefixes import NO_PREFIXES, Prefixes
from retrieval.sparse import RECIPE
from services.db.audit_log import record
from services.db.database import Database, clock, clock_column, moment
from services.db.generation_lease import LEASE, held, locked, refuse_busy
from services.db.jobs import GRACE, new_job
from services.db.members import active_versions, missing, stale
from services.db.models import Document, Generation, GenerationMember, Version

# What a generation is made with where nobody says otherwise: the bundled model reads so many tokens, and this is what
# the heading path leaves of them.
BUNDLED_READS = 256
CHUNK_TOKENS = 200
# Their collections exist, and metadata and deletions have to reach them.
LIVING = ("building", "built", "active", "retired")
UNFINISHED = ("preparing", "building", "built")


@dataclass(frozen=True, slots=True)
class Current:
    """The active generation, and the database's time at which it was that."""

    at: datetime
    generation: Generation


@dataclass(frozen=True, slots=True)
class Holdings:
    """A generation with how much of the active documents it holds completely, and how many chunks that is."""

    generation: Generation
    documents: int
    chunks: int


class Generations:
    """The table of generations. Every method that takes an `owner` raises GenerationLostError for a lost lease."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first(self, *, embedding_model: str, chunk_tokens: int, recipe: int) -> None:
        """Make generation 1, active, where there is none at all: a new installation, or one of an older release."""
        try:
            with self._database.write() as session:
                if session.scalar(select(func.count()).select_from(Generation)):
                    return
                new = _new(session, 1, embedding_model, chunk_tokens, recipe)
                new.state, new.activated_at = "active", new.created_at
        except IntegrityError:  # another process was first
            return

    def current(self) -> Current:
        """The active generation. One query. Raises UnavailableError before the first start of the API."""
        with self._database.read() as session:
            try:
                query = select(Generation, clock_column(session)).where(Generation.state == "active")
                found = session.execute(query).one_or_none()
            except ProgrammingError:  # no such table
                found = None
        if found is None:
            raise UnavailableError("The registry has no generation yet: start the API, or run footnote migrate.")
        return Current(moment(found[1]), found[0])

    def living(self, *, retired: bool = True) -> list[int]:
        """Numbers of the generations whose collections exist."""
        states = LIVING if retired else tuple(state for state in LIVING if state != "retired")
        with self._database.read() as session:
            return list(session.scalars(select(Generation.number).where(Generation.state.in_(states))))

    def retired_at(self, number: int) -> datetime | None:
        """Since when this generation is no longer the active one; None where it is, or is gone."""
        with self._database.read() as session:
            query = select(Generation.retired_at).where(Generation.number == number, Generation.state == "retired")
            return session.scalar(query)

    def holdings(self) -> tuple[list[Holdings], int]:
        """All generations, oldest first, and the number of documents that the next one has to hold."""
        with self._database.read() as session:
            generations = list(session.scalars(select(Generation).order_by(Generation.number)))
            alive = select(func.count(), func.coalesce(func.sum(Version.chunks), 0)).select_from(active_versions())
            documents, chunks = session.execute(alive).one()
            held = {
                number: (count, total or 0)
                for number, count, total in session.execute(
                    select(GenerationMember.generation, func.count(), func.sum(GenerationMember.chunks))
                    .join(Document, Document.id == GenerationMember.document_id)
                    .where(
                        GenerationMember.chunks.is_not(None),
                        Document.active_version == GenerationMember.version,
                        Document.deleted_at.is_(None),
                    )
                    .group_by(GenerationMember.generation)
                )
            }
        whole = (documents, chunks)
        figures = [whole if g.state == "active" else held.get(g.number, (0, 0)) for g in generations]
        return [Holdings(g, int(d), int(c or 0)) for g, (d, c) in zip(generations, figures, strict=True)], documents

    def begin(
        self,
        owner: str,
        *,
        embedding_model: str | None,
        chunk_tokens: int | None,
        default_model: str,
        said: Prefixes = NO_PREFIXES,
    ) -> Generation:
        """Take the unfinished generation, or make one. `said` are the operator's prefixes, which a new one will have.

        Raises ConflictError where an unfinished one was begun with other values than those asked for,
        GenerationBusyError while another process works on one.
        """
        with self._database.write() as session:
            rows = locked(session)
            now = refuse_busy(session, rows, owner)
            found = next((row for row in rows if row.state in UNFINISHED), None)
            if found is None:
                number = max(row.number for row in rows) + 1
                model = embedding_model or default_model
                found = _new(session, number, model, chunk_tokens or CHUNK_TOKENS, RECIPE)
                _record(session, number, "reindex")
            elif (
                embedding_model not in (None, found.embedding_model)
                or chunk_tokens not in (None, found.chunk_tokens)
                or found.recipe != RECIPE
                or (found.prefixes is not None and said.or_else(found.prefixes) != found.prefixes)
            ):
                behind = f", {found.prefixes}" if found.prefixes not in (None, NO_PREFIXES) else ""
                raise ConflictError(
                    f"Generation {found.number} is unfinished, with {found.embedding_model} and {found.chunk_tokens} "
                    f"tokens a chunk{behind}. Finish it with `footnote reindex`, or drop it with `footnote reindex "
                    "--abort`.",
                    code="other_reindex_unfinished",
                )
            found.lease_owner, found.lease_until = owner, now + LEASE
            return found

    def settle(self, number: int, prefixes: Prefixes, *, reads: int) -> Generation:
        """Write down what a generation is made with, unless another process has; what holds then.

        Generation 1 is made before its model can be asked what it `reads` of a passage, in tokens: its passages become
        as much smaller as that is fewer than the bundled model does.
        """
        with self._database.write() as session:
            row = session.get_one(Generation, number, with_for_update=True)
            if row.prefixes is None:
                row.query_prefix, row.document_prefix = prefixes.query, prefixes.document
                if row.state == "active":
                    row.chunk_tokens = min(row.chunk_tokens, reads * CHUNK_TOKENS // BUNDLED_READS)
            return row

    def begin_rollback(self, owner: str) -> Generation:
        """Take the generation that was active before this one. Raises NotFoundError, GenerationBusyError."""
        with self._database.write() as session:
            rows = locked(session)
            now = refuse_busy(session, rows, owner)
            retired = [row for row in rows if row.state == "retired"]
            if not retired:
                raise NotFoundError("There is no earlier generation to go back to.", code="no_earlier_generation")
            found = max(retired, key=lambda row: (row.retired_at, row.number))
            found.lease_owner, found.lease_until = owner, now + LEASE
            return found

    def renew(self, number: int, owner: str) -> None:
        """Keep the lease."""
        with self._database.write() as session:
            held(session, number, owner).lease_until = clock(session) + LEASE

    def release(self, number: int, owner: str) -> None:
        """Give the lease up; without effect where it was lost."""
        with self._database.write() as session:
            mine = (Generation.number == number, Generation.lease_owner == owner)
            session.execute(update(Generation).where(*mine).values(lease_owner=None, lease_until=None))

    def proceed(self, number: int, owner: str, state: str, *, scores: dict[str, Any] | None = None) -> None:
        """Record that the generation came a step further."""
        with self._database.write() as session:
            row = held(session, number, owner)
            row.state = state
            if scores is not None:
                row.scores = scores

    def switch(self, number: int, owner: str) -> bool:
        """Make this generation the active one, in one transaction; False where it does not hold every document.

        The one before keeps its collection, and its members are written down, so that a rollback knows what it holds.
        What this one holds of versions that were overtaken goes the usual way, when no reader follows them any more.
        """
        with self._database.write() as session:
            rows = {row.number: row for row in locked(session)}
            target = held(session, number, owner)
            if session.scalar(missing(number).limit(1)):
                return False
            for document_id, version in session.execute(stale(number)).all():
                new_job(session, "retire", document_id, version, after=GRACE)
            now = clock(session)
            old = next(row for row in rows.values() if row.state == "active")
            _write_down(session, old.number)
            _take_over_counts(session, number)
            session.execute(delete(GenerationMember).where(GenerationMember.generation == number))
            old.state, old.retired_at = "retired", now
            session.flush()  # one by one: there is never a second active row, not even within the transaction
            target.state, target.activated_at, target.retired_at = "active", now, None
            target.lease_owner = target.lease_until = None
            _record(session, number, "switch", before=old.number)
            return True

    def abort(self) -> list[int]:
        """Mark the unfinished generation for dropping, and take the lease of whoever works on one: they find out."""
        with self._database.write() as session:
            for row in locked(session):
                row.lease_owner = row.lease_until = None
                if row.state in UNFINISHED:
                    row.state = "dropping"
                    _record(session, row.number, "abort")
        return self.dropping()

    def drop(self, states: Sequence[str], *, before: datetime | None = None) -> list[int]:
        """Mark generations in these states for dropping, `before`: only those retired before that time.

        Whoever works on one finds out. Returns all that are marked.
        """
        with self._database.write() as session:
            for row in locked(session):
                recent = before is not None and row.retired_at is not None and row.retired_at >= before
                if row.state in states and row.state != "active" and not recent:
                    row.state, row.lease_owner, row.lease_until = "dropping", None, None
                    _record(session, row.number, "drop")
        return self.dropping()

    def dropping(self) -> list[int]:
        """Those that are marked for dropping, also by a process that was killed before it had done so."""
        with self._database.read() as session:
            return list(session.scalars(select(Generation.number).where(Generation.state == "dropping")))

    def dropped(self, number: int) -> None:
        """The collection is gone. The row stays, so that its number is never used again."""
        with self._database.write() as session:
            session.execute(delete(GenerationMember).where(GenerationMember.generation == number))
            marked = (Generation.number == number, Generation.state == "dropping")
            session.execute(update(Generation).where(*marked).values(state="dropped"))

    def clock(self) -> datetime:
        """The database's time, now."""
        with self._database.read() as session:
            return clock(session)


def _new(session: Session, number: int, embedding_model: str, chunk_tokens: int, recipe: int) -> Generation:
    row = Generation(
        number=number,
        embedding_model=embedding_model,
        chunk_tokens=chunk_tokens,
        recipe=recipe,
        state="preparing",
        created_at=clock(session),
    )
    session.add(row)
    return row


def _record(session: Session, number: int, act: str, **told: Any) -> None:
    record(session, "authz_admin", subject=f"generation:{number}", act=act, **told)


def _write_down(session: Session, number: int) -> None:
    """The active generation holds every active version, by definition: keep that as rows for when it no longer is."""
    session.execute(delete(GenerationMember).where(GenerationMember.generation == number))
    done = func.coalesce(Version.chunks, 0)
    rows = select(literal(number), Document.id, Version.number, done, done).select_from(active_versions())
    columns = ["generation", "document_id", "version", "chunks_done", "chunks"]
    session.execute(insert(GenerationMember).from_select(columns, rows))


def _take_over_counts(session: Session, number: int) -> None:
    """Versions' manifests say how many chunks there are in the active generation."""
    of_version = (
        GenerationMember.generation == number,
        GenerationMember.document_id == Version.document_id,
        GenerationMember.version == Version.number,
    )
    chunks = select(GenerationMember.chunks).where(*of_version).scalar_subquery()
    session.execute(
        update(Version)
        .where(select(GenerationMember.version).where(*of_version).exists())
        .values(chunks=chunks)
        .execution_options(synchronize_session=False)
    )
