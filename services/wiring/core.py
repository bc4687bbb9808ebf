"""What every process shares: registry, blobs, queue. Built when first asked for. Knows nothing of what they do."""

import hashlib
from functools import cached_property
from pathlib import Path
from threading import Event
from urllib.parse import quote, urlsplit, urlunsplit

import structlog
from pydantic import SecretStr

from retrieval.cores import cores
from retrieval.sparse import RECIPE
from services.audit_retention import AuditRetention
from services.blobs import BlobStore
from services.bootstrap import first_admin
from services.db.accounts import Accounts
from services.db.audit_log import AuditLog
from services.db.database import ROOMY, Database, Pool
from services.db.generations import CHUNK_TOKENS, Generations
from services.db.jobs import JobQueue
from services.db.migrate import NewerRegistryError, migrate
from services.db.models import Generation
from services.queue import Doorbell, celery_app
from services.settings import BUNDLED_MODEL, Settings
from services.wiring.originals import blob_store

_log = structlog.get_logger(__name__)
REDIS_PORT = 6379


class Core:
    """The shared objects of one process; `pool` says how many connections to PostgreSQL it may have."""

    def __init__(self, settings: Settings, *, pool: Pool = ROOMY) -> None:
        self.settings = settings
        self._pool = pool
        self.closed = Event()

    @cached_property
    def database(self) -> Database:
        password = revealed(self.settings.database_password)
        return Database(self.settings.database_url, password=password, pool=self._pool)

    @cached_property
    def blobs(self) -> BlobStore:
        return blob_store(self.settings)

    @cached_property
    def jobs(self) -> JobQueue:
        return JobQueue(self.database)

    @cached_property
    def broker_url(self) -> str:
        url = urlsplit(self.settings.broker_url)
        password = revealed(self.settings.broker_password)
        if password and not url.password:
            login = f"{url.username or ''}:{quote(password, safe='')}"
            url = url._replace(netloc=f"{login}@{url.hostname}:{url.port or REDIS_PORT}")
        return urlunsplit(url)

    @cached_property
    def doorbell(self) -> Doorbell:
        return Doorbell(celery_app(self.broker_url), self.broker_url)

    def migrate(self, *, refuse_newer: bool = False) -> None:
        """Bring the registry's tables up to this release; on a new installation make generation and administrator.

        Tables of a newer release serve this one too, since migrations only add tables, and columns that may be left
        out: a process that restarts before it is replaced goes on with them. Raises NewerRegistryError where that is
        to be refused.
        """
        self._migrate(refuse_newer)
        generations = Generations(self.database)
        generations.first(embedding_model=self.settings.embedding_model, chunk_tokens=CHUNK_TOKENS, recipe=RECIPE)
        self._compare(generations.current().generation)
        account, created = first_admin(Accounts(self.database), self.settings.admin_email)
        if created:  # the link itself is a secret and belongs in no log
            _log.warning("first_administrator", email=account.user.email, next="footnote sign-in prints their link")

    def _migrate(self, refuse_newer: bool) -> None:
        try:
            migrate(self.database)
        except NewerRegistryError as error:
            if refuse_newer:
                raise
            _log.warning("newer_registry", reason=error.message)

    def _compare(self, active: Generation) -> None:
        """Settings are what a new generation is made with; nothing is embedded again because one was changed."""
        wanted = self.settings.embedding_model
        if active.embedding_model != wanted:
            _log.warning(
                "embedding_model_differs", in_use=active.embedding_model, settings=wanted, next="footnote reindex"
            )
        if active.recipe != RECIPE:
            _log.warning("recipe_differs", in_use=active.recipe, release=RECIPE, next="footnote reindex")

    def close(self) -> None:
        """Close what was opened; threads that look at `closed` end."""
        self.closed.set()
        if "database" in self.__dict__:
            self.database.dispose()
        if "blobs" in self.__dict__:
            self.blobs.close()


def audit_retention(core: Core) -> AuditRetention:
    """What the scheduler clears of the audit log."""
    return AuditRetention(AuditLog(core.database), days=core.settings.audit_days)


def model_cache(settings: Settings, model: str) -> Path:
    """Where this embedding model is kept once it is converted. Models of the same last name do not share a place."""
    place = settings.data_dir / "models"
    if model == BUNDLED_MODEL:
        return place / model
    return place / f"{Path(model).name}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


def for_worker_child(settings: Settings) -> Settings:
    """The settings of each of a worker's children: where threads are not set, they share the cores.

    What does not divide is rounded up: a thread too many is better than an idle core.
    """
    if settings.threads or settings.worker_concurrency == 1:
        return settings
    return settings.model_copy(update={"threads": -(-cores() // settings.worker_concurrency)})


def revealed(secret: SecretStr | None) -> str | None:
    """The secret's text, for the library that needs it."""
    return secret.get_secret_value() if secret else None
