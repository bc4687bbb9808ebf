"""Fixtures that start private servers once a test process."""

import shutil
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
ASSISTANTS = {system.ONE_MACHINE: "one_machine", system.PRODUCTION: "production"}


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with private_servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry's file as the migrations leave it: a copy costs a fiftieth of them."""
    file = tmp_path_factory.mktemp("empty") / "db.sqlite3"
    registry = Database(f"sqlite:///{file}")
    migrate(registry)
    registry.dispose()
    return file


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path, empty_sqlite: Path) -> Iterator[Database]:
    """An empty registry on SQLite, and on a private PostgreSQL where one is installed."""
    if request.param == "sqlite":
        registry = Database(f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'db.sqlite3')}")
    else:
        registry = Database(request.getfixturevalue("postgres_url"))
    migrate(registry)
    emptied(registry)  # PostgreSQL is shared with tests that clear nothing away
    Generations(registry).first(embedding_model="words", chunk_tokens=CHUNK_TOKENS, recipe=RECIPE)
    yield registry
    emptied(registry)
    registry.dispose()


def emptied(registry: Database) -> None:
    with registry.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())


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


@pytest.fixture(scope="session")
def one_machine(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[system.System]:
    with system.running(system.ONE_MACHINE, tmp_path_factory.mktemp("assistant"), model_cache) as started:
        yield started


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[system.System]:
    with system.running(system.PRODUCTION, tmp_path_factory.mktemp("assistant"), model_cache) as started:
        yield started


@pytest.fixture(scope="session", params=system.SIZES)
def assistant(request: pytest.FixtureRequest) -> system.System:
    """The whole assistant, once a test process and size.

    Each size is a fixture of its own: one that gets another parameter first ends what it had made, and each process
    runs one file after the other, each in both sizes.
    """
    started: system.System = request.getfixturevalue(ASSISTANTS[request.param])
    return started
