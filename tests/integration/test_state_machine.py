"""Whatever happens in whatever order, readers see exactly what the model says, on both databases.

Hypothesis looks for an order in which they do not; what it finds it prints as the steps of a program.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from retrieval.index import connect
from retrieval.sparse import RECIPE
from retrieval.types import Principal
from services.blobs.directory import DirectoryStore
from services.db.database import Database
from services.db.generations import CHUNK_TOKENS, Generations
from services.db.migrate import migrate
from services.db.models import Base
from tests.integration.conftest import DATABASES
from tests.integration.ingestion_machine import machine
from tests.integration.test_registry import ANN, someone
from tests.integration.workshop import Workshop

# SQLite's file is copied for each example; PostgreSQL's tables are emptied, which is slower.
EXAMPLES = {"sqlite": 20, "postgresql": 5}
STEPS = 18


@dataclass
class OneWorld:
    """Made anew for each example."""

    url: str
    folder: Path
    index_url: str

    def begin(self) -> tuple[Workshop, dict[str, Principal], int]:
        self._database = Database(self.url)
        self._database_begins()
        people = {
            "ann": someone(self._database, ANN),
            "hana": someone(self._database, "hana@example.com", "hr"),
            "sam": someone(self._database, "sam@example.com"),
        }
        Generations(self._database).first(embedding_model="words", chunk_tokens=CHUNK_TOKENS, recipe=RECIPE)
        self._client = connect(self.index_url)
        blobs = DirectoryStore(self.folder / "blobs")
        self._shop = Workshop(self._database, blobs, self._client, people["ann"])
        self._shop.engines.active()
        return self._shop, people, urlsplit(self.index_url).port or 0

    def end(self) -> None:
        self._shop.index.drop()
        self._client.close()
        self._database.dispose()

    def _database_begins(self) -> None:
        if not self._database.is_sqlite:
            with self._database.write() as session:
                for table in reversed(Base.metadata.sorted_tables):
                    session.execute(table.delete())
            return
        fresh, used = self.folder / "fresh.sqlite3", Path(str(self._database.url.database))
        for left in used.parent.glob(f"{used.name}*"):
            left.unlink()
        if fresh.exists():
            shutil.copy(fresh, used)
            return
        migrate(self._database)
        self._database.dispose()
        shutil.copy(used, fresh)


@contextmanager
def closing_database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.dispose()


@pytest.mark.parametrize("kind", DATABASES)
def test_readers_see_what_the_model_says(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, index_url: str
) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
        with closing_database(url) as database:
            migrate(database)
    world = OneWorld(url, tmp_path, index_url)
    run_state_machine_as_test(
        machine(world),
        settings=settings(
            max_examples=EXAMPLES[kind],
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            # Making a failing example smaller takes minutes: by hand, with Phase.shrink added.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
