"""The assistant behind proxies, once a test process and size, for tests of one fault each."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import system
from tests.faults.assistant import Assistant, client, running


@pytest.fixture(scope="session", params=system.SIZES)
def injured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> Iterator[Assistant]:
    with running(request.param, tmp_path_factory.mktemp("injured"), model_cache) as assistant:
        yield assistant


@pytest.fixture
def admin(injured: Assistant) -> Iterator[httpx.Client]:
    with client(injured) as asking:
        yield asking
