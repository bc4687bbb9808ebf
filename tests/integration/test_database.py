"""A PostgreSQL that is slow, and how many connections to it a process may have: whoever waits for one is told so, and
not with a defect of ours.
"""

from contextlib import ExitStack

import pytest

from retrieval.errors import UnavailableError
from services.db import database
from services.db.database import SMALL, Database, Pool
from services.settings import Settings
from services.wiring import worker
from tests import private_servers

pytestmark = pytest.mark.skipif(not private_servers.has_postgres(), reason="PostgreSQL is not installed")


def test_more_who_wait_than_there_are_connections_hear_that_the_database_is_slow(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "POOL_SECONDS", 0.2)
    registry = Database(postgres_url)
    with pytest.raises(UnavailableError) as refused:
        hold(registry, 100)
    assert refused.value.code == "database_unavailable"


def test_a_small_pool_gives_out_no_more_connections_than_it_says(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "POOL_SECONDS", 0.2)
    hold(Database(postgres_url, pool=SMALL), SMALL.kept + SMALL.more)
    with pytest.raises(UnavailableError):
        hold(Database(postgres_url, pool=SMALL), SMALL.kept + SMALL.more + 1)


def test_a_workers_child_has_a_small_pool(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class SeenError(Exception):
        pass

    def core(_: Settings, *, pool: Pool) -> None:
        raise SeenError(pool)

    monkeypatch.setattr(worker, "Core", core)
    with pytest.raises(SeenError) as seen:
        worker.job_runner(Settings(database_url=postgres_url), lambda: False)
    assert seen.value.args == (SMALL,)


def hold(registry: Database, count: int) -> None:
    """Hold so many connections at once."""
    with ExitStack() as stack:
        stack.callback(registry.dispose)
        for _ in range(count):
            stack.enter_context(registry.read()).connection()
