"""A PostgreSQL that is slow: whoever waits for a connection is told so, and not with a defect of ours."""

from contextlib import ExitStack

import pytest

from retrieval.errors import UnavailableError
from services.db import database
from services.db.database import Database
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


def hold(registry: Database, count: int) -> None:
    """Hold so many connections at once."""
    with ExitStack() as stack:
        stack.callback(registry.dispose)
        for _ in range(count):
            stack.enter_context(registry.read()).connection()
