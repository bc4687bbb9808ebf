"""Fixtures that start private servers once a test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.sparse import RECIPE
from services.db.database import Database
from services.db.generations import CHUNK_TOKENS, Generations
from services.db.migrate import migrate
from services.db.models import Base
from tests import private_servers, system
from tests.integration.test_registry import ANN, someone
from tests.integration.workshop import Workshop, workshop

DATABASES = ["sqlite", *(["postgresql"] if private_servers.has_postgres() else [])]


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with private_servers.postgres() as url:
        yield url


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty registry on SQLite, and on a private PostgreSQL where one is installed."""
    kind: str = request.param
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    registry = Database(url)
    migrate(registry)
    Generations(registry).first(embedding_model="words", chunk_tokens=CHUNK_TOKENS, recipe=RECIPE)
    yield registry
    with registry.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    registry.dispose()


@pytest.fixture(scope="module")
def index_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with private_servers.index_server(tmp_path_factory.mktemp("index")) as url:
        yield url


@pytest.fixture(scope="module")
def object_store() -> Iterator[str]:
    """The address of an S3-compatible object store."""
    with private_servers.object_store() as url:
        yield url


@pytest.fixture
def shop(database: Database, tmp_path: Path, index_url: str) -> Iterator[Workshop]:
    with workshop(database, tmp_path, index_url, someone(database, ANN)) as made:
        yield made


@pytest.fixture(scope="session", params=system.SIZES)
def assistant(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> Iterator[system.System]:
    """The whole assistant, once a test process and size."""
    with system.running(request.param, tmp_path_factory.mktemp("assistant"), model_cache) as started:
        yield started
