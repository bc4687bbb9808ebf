"""What every process shares: registry, blobs, queue. Built when first asked for. Knows nothing of what they do."""

from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import structlog
from pydantic import SecretStr

from services.blobs import BlobStore
from services.bootstrap import first_admin
from services.db.accounts import Accounts
from services.db.database import Database
from services.db.jobs import JobQueue
from services.db.migrate import migrate
from services.queue import Doorbell, celery_app
from services.settings import Settings

_log = structlog.get_logger(__name__)
REDIS_PORT = 6379


class Core:
    """The shared objects of one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database_url, password=revealed(self.settings.database_password))

    @cached_property
    def blobs(self) -> BlobStore:
        return BlobStore(self.settings.data_dir / "blobs")

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

    def migrate(self) -> None:
        """Bring the registry's tables up to this release; on a new installation create the first administrator."""
        migrate(self.database)
        account, created = first_admin(Accounts(self.database), self.settings.admin_email)
        if created:  # the link itself is a secret and belongs in no log
            _log.warning("first_administrator", email=account.user.email, next="footnote sign-in prints their link")

    def close(self) -> None:
        """Close what was opened."""
        if "database" in self.__dict__:
            self.database.dispose()


def model_cache(settings: Settings) -> Path:
    """Where the converted embedding model is kept."""
    return settings.data_dir / "models" / Path(settings.embedding_model).name


def revealed(secret: SecretStr | None) -> str | None:
    """The secret's text, for the library that needs it."""
    return secret.get_secret_value() if secret else None
