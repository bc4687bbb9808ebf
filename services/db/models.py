"""The registry's tables. Knows nothing of what is done with them; the modules beside this one do.

Times are UTC and come from the database's clock, so that machines with wrong clocks still agree on leases.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    case,
    func,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates
from sqlalchemy.types import TypeDecorator

from retrieval.prefixes import Prefixes
from services.db.edition import edition_of


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time on every database; SQLite itself stores none with a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        aware = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.replace(tzinfo=None) if dialect.name == "sqlite" else aware

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables, with names for constraints that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), dict[str, Any]: JSON(), list[str]: JSON(), str: String(500)}  # noqa: RUF012


class User(Base):
    """Somebody who may sign in. `password_hash` is argon2id, None where only links and keys are used."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    is_admin: Mapped[bool]
    password_hash: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Membership(Base):
    """One person in one group. A group exists while it has members or a document names it.

    `origin`: local where an administrator put them there, oidc where the sign-in provider says so.
    """

    __tablename__ = "memberships"
    group_name: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    origin: Mapped[str] = mapped_column(String(20), default="local", server_default="local")


class Identity(Base):
    """Who a person is to a sign-in provider: never their e-mail address, which may become somebody else's.

    `is_admin`: it was the provider's group that made them an administrator, and may take that back.
    """

    __tablename__ = "identities"
    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    is_admin: Mapped[bool]
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A key's public id and the SHA-256 of its secret, which was random and shown once.

    `made_by` is the key that it was made with, None where it was made without one.
    """

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # Looked at when a transaction ends: a backup holds keys in any order, and so before their makers.
    made_by: Mapped[str | None] = mapped_column(
        ForeignKey("api_keys.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"), index=True
    )
    name: Mapped[str]
    secret_hash: Mapped[str]
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class BrowserSession(Base):
    """A signed-in browser; `id` is the SHA-256 of the cookie."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]


class SignInRequest(Base):
    """A browser that was sent to a sign-in provider; `id` and `browser` are SHA-256 of the state and of its cookie."""

    __tablename__ = "sign_in_requests"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(64))
    next: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)


class ProviderSession(Base):
    """What is beside a browser session that began at a sign-in provider: its `expires_at` is moved on by renewing it.

    From `renew_at` on whoever sets `renewing_until` asks the provider. `refresh_token` is sealed, None where there is
    none: then it is not renewed.
    """

    __tablename__ = "provider_sessions"
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    issuer: Mapped[str]
    subject: Mapped[str] = mapped_column(String(255))
    refresh_token: Mapped[str | None] = mapped_column(Text)
    renew_at: Mapped[datetime]
    renewing_until: Mapped[datetime | None]
    ends_at: Mapped[datetime]


class SignInLink(Base):
    """A link that signs in once; `id` is the SHA-256 of its token."""

    __tablename__ = "sign_in_links"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Document(Base):
    """What a user recognises. `active_version` is the pointer readers follow; it moves in one transaction.

    `title_given`: by whoever sent it; else the title is the file's own, or where it has none the external id. `subject`
    and `edition` are what the title says, see `services/db/edition.py`; of an object they follow it by themselves, and
    `registration.created`, which writes rows, says them itself.
    """

    __tablename__ = "documents"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    data_source: Mapped[str] = mapped_column(index=True)
    external_id: Mapped[str] = mapped_column(String(1000))
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    title: Mapped[str] = mapped_column(String(1000), index=True)
    title_given: Mapped[bool] = mapped_column(default=False)
    subject: Mapped[str] = mapped_column(String(32))
    edition: Mapped[int] = mapped_column(BigInteger)
    url: Mapped[str | None] = mapped_column(String(2000))
    media_type: Mapped[str]
    active_version: Mapped[int | None] = mapped_column(Integer)
    latest_version: Mapped[int] = mapped_column(Integer)
    metadata_revision: Mapped[int] = mapped_column(Integer)
    job_id: Mapped[str] = mapped_column(String(36))
    modified_at: Mapped[datetime | None]
    effective_from: Mapped[datetime | None]
    effective_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "uq_documents_live",
            "data_source",
            "external_id",
            "owner_id",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        # Ranges that are empty for most documents: nothing is read to find that nothing supersedes them.
        Index("ix_documents_subject_effective", "data_source", "subject", "effective_from"),
        Index("ix_documents_subject_edition", "data_source", "subject", "edition"),
    )

    @validates("title")
    def _title_says(self, _key: str, title: str) -> str:
        said = edition_of(title)
        self.subject, self.edition = said.subject, said.number
        return title

    @hybrid_property
    def shown_version(self) -> int:
        """The number of the version that readers see, or until there is one of the newest."""
        return self.active_version or self.latest_version

    @shown_version.inplace.expression
    @classmethod
    def _shown_version(cls) -> ColumnElement[int]:
        return func.coalesce(cls.active_version, cls.latest_version)

    @hybrid_property
    def embedded_title(self) -> str:
        """What its chunks are embedded under: the same for every version, so that vectors can be taken over."""
        return self.title if self.title_given else self.external_id

    @embedded_title.inplace.expression
    @classmethod
    def _embedded_title(cls) -> ColumnElement[str]:
        return case((cls.title_given, cls.title), else_=cls.external_id)


class DocumentGrant(Base):
    """One grant string that a document allows."""

    __tablename__ = "document_grants"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    grant_name: Mapped[str] = mapped_column(primary_key=True, index=True)


class Supersession(Base):
    """A document says by its sender that it supersedes another, by name: which there may not be yet, or several."""

    __tablename__ = "supersessions"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    data_source: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(String(1000), primary_key=True)
    __table_args__ = (Index("ix_supersessions_name", "data_source", "external_id"),)


class Version(Base):
    """One state of a document: its original, its parsed text and the manifest of its chunks."""

    __tablename__ = "versions"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(Integer)
    file_name: Mapped[str]
    media_type: Mapped[str | None]
    parsed_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    chunks: Mapped[int | None] = mapped_column(Integer)
    activated_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Job(Base):
    """One piece of work on a document. The database is the queue: see `services/db/jobs.py`.

    `kind` is ingest, metadata, retire or delete; `state` is queued, running, ready, failed, quarantined or cancelled.
    While it runs, `stage` is parse, chunk, embed, upsert or activate and `progress_at` when that or `chunks_done` last
    changed. `chunks_embedded` and `chunks_reused` say of a finished one where its vectors came from.
    """

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    version: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(20))
    code: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer)
    fence: Mapped[int] = mapped_column(Integer)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    stage: Mapped[str | None] = mapped_column(String(20))
    progress_at: Mapped[datetime | None]
    chunks_done: Mapped[int] = mapped_column(Integer)
    chunks_total: Mapped[int | None] = mapped_column(Integer)
    chunks_embedded: Mapped[int | None] = mapped_column(Integer)
    chunks_reused: Mapped[int | None] = mapped_column(Integer)
    stages_ms: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_jobs_state_next", "state", "next_attempt_at"),
        Index("ix_jobs_state_created", "state", "created_at"),
        Index("ix_jobs_finished", "finished_at"),
    )


class Generation(Base):
    """One way of cutting and embedding, and the collection that was made with it: `chunks-<number>`.

    The prefixes are None until its model is loaded for the first time: that may say what it wants. `state` is preparing
    (its collection may not exist yet), building, built, active (exactly one), retired, dropping or dropped.
    """

    __tablename__ = "generations"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    embedding_model: Mapped[str]
    chunk_tokens: Mapped[int] = mapped_column(Integer)
    recipe: Mapped[int] = mapped_column(Integer)
    query_prefix: Mapped[str | None] = mapped_column(Text)
    document_prefix: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20))
    scores: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "uq_generations_active",
            "state",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    @property
    def prefixes(self) -> Prefixes | None:
        """What its queries and passages are embedded behind, once that is settled."""
        if self.query_prefix is None or self.document_prefix is None:
            return None
        return Prefixes(self.query_prefix, self.document_prefix)


class GenerationMember(Base):
    """A document version of which a generation that is not the active one holds chunks: all where `chunks` is known.

    No foreign key to documents: a row outlives its document until the chunks are gone.
    """

    __tablename__ = "generation_members"
    generation: Mapped[int] = mapped_column(
        ForeignKey("generations.number", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    document_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    chunks_done: Mapped[int] = mapped_column(Integer)
    chunks: Mapped[int | None] = mapped_column(Integer)


class Conversation(Base):
    """A person's chat."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)


class Message(Base):
    """One message; an assistant's carries the whole Answer. `position` orders a conversation's messages."""

    __tablename__ = "messages"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    role: Mapped[str] = mapped_column(String(20))
    content: Mapped[str] = mapped_column(Text)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime]


class CitedVersion(Base):
    """A document version of which a stored answer shows a passage: its text is kept for as long as the answer is.

    No foreign key to documents: an answer may be of one that a restored registry does not know.
    """

    __tablename__ = "cited_versions"
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    document_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    __table_args__ = (Index("ix_cited_versions_version", "document_id", "version"),)


class AnswerExplanation(Base):
    """How an answer was found: what was searched for, and each hit by document, version, span and places. No text."""

    __tablename__ = "answer_explanations"
    answer_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    explanation: Mapped[dict[str, Any]]


class Feedback(Base):
    """What a person thought of an answer: the last word counts."""

    __tablename__ = "feedback"
    answer_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    rating: Mapped[str] = mapped_column(String(4))
    comment: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class DataSource(Base):
    """Where documents come from: connector, schedule, and how its last sync went. `secrets` holds names, never values.

    `sync_number` counts syncs and fences the running one. `outcome` is done, partly, failed or needs_confirmation; it
    and what stands beside it are of the sync `ended_number`, while `started_at` and `counters` are of the newest.
    """

    __tablename__ = "data_sources"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str]
    connector: Mapped[str] = mapped_column(String(40))
    options: Mapped[dict[str, Any]]
    secrets: Mapped[dict[str, Any]]
    grants: Mapped[list[str]]
    grants_revision: Mapped[int] = mapped_column(Integer)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    every_s: Mapped[int | None] = mapped_column(Integer)
    paused: Mapped[bool]
    cursor: Mapped[str | None] = mapped_column(Text)
    next_sync_at: Mapped[datetime | None]
    requested_at: Mapped[datetime | None]
    confirmed: Mapped[bool]
    sync_number: Mapped[int] = mapped_column(Integer)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    counters: Mapped[dict[str, Any]]
    ended_number: Mapped[int] = mapped_column(Integer)
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    code: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(Integer)
    unconfirmed: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "uq_data_sources_live",
            "name",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )


class DataSourceItem(Base):
    """What a sync remembers of one item of a data source, and the document that it became.

    `revision`, `sha256` and `grants` are what was registered; `own_grants` says that the grants came from the source.
    `waiting` is the listing of an item that is still to be fetched (`reason` says what went wrong) or, fetched already,
    to be registered once it is known whether it is another one that moved. `gone`: to be deleted.
    """

    __tablename__ = "data_source_items"
    data_source_id: Mapped[str] = mapped_column(ForeignKey("data_sources.id", ondelete="CASCADE"), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(1000), primary_key=True)
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id", ondelete="SET NULL"), index=True)
    revision: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(String(64))
    grants: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    own_grants: Mapped[bool]
    grants_revision: Mapped[int] = mapped_column(Integer)
    seen_in: Mapped[int] = mapped_column(Integer)
    tried_in: Mapped[int] = mapped_column(Integer)
    gone: Mapped[bool]
    waiting: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    code: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("ix_data_source_items_bytes", "data_source_id", "sha256"),)


class AuditEvent(Base):
    """One event of the audit log, see `services/db/audit_log.py`. No foreign keys: it outlives all that it tells of."""

    __tablename__ = "audit_events"
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    time: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    event: Mapped[str] = mapped_column(String(60))
    level: Mapped[str] = mapped_column(String(10))
    actor: Mapped[str | None]
    user_id: Mapped[str | None] = mapped_column(String(36))
    key_id: Mapped[str | None] = mapped_column(String(36))
    address: Mapped[str | None]
    subject: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    # Lists are in the order of the numbers and come in pages: none has to be sorted.
    __table_args__ = tuple(
        Index(f"ix_audit_events_{column}_sequence", column, "sequence")
        for column in ("event", "actor", "user_id", "key_id", "subject")
    )
