"""Behind a proxy each caller has limits of their own, and nobody else can say that they are somebody else."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import private_servers, system

# Every address that begins with 127 is this machine's: the first is the proxy's, the other one anybody's.
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
REFUSED, LIMITED = 401, 429


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, index_url: str) -> Iterator[str]:
    """An API without workers and broker, which signing in does not need."""
    data_dir = tmp_path_factory.mktemp("proxies") / "data"
    data_dir.mkdir()
    (data_dir / "models").symlink_to(model_cache)
    broker_url = f"redis://127.0.0.1:{private_servers.free_port()}/0"
    said = system.environment(data_dir, f"sqlite:///{data_dir / 'db'}", broker_url, index_url)
    said["FOOTNOTE_TRUSTED_PROXIES"] = f"10.0.0.0/8, {PROXY}/32"
    url = f"http://127.0.0.1:{said['FOOTNOTE_PORT']}"
    with system.process("api", said, data_dir) as api:
        private_servers.wait_until(lambda: private_servers.answers(f"{url}/healthz"), process=api)
        yield url


def guess(url: str, *, through: str, says: str) -> int:
    """The status of a guessed link, sent from the address `through`, whose X-Forwarded-For `says` another one."""
    transport = httpx.HTTPTransport(local_address=through)
    with httpx.Client(base_url=url, transport=transport, headers={"X-Forwarded-For": says}, timeout=30.0) as client:
        return client.post("/v1/sessions", json={"token": "a guess"}).status_code


def test_who_guesses_locks_out_nobody_else_behind_the_proxy(url: str) -> None:
    statuses = [guess(url, through=PROXY, says="203.0.113.7") for _ in range(11)]
    assert statuses == [REFUSED] * 10 + [LIMITED]
    assert guess(url, through=PROXY, says="203.0.113.8") == REFUSED
    assert guess(url, through=PROXY, says="203.0.113.8, 203.0.113.7, 10.0.0.1") == LIMITED  # the proxies' own last


def test_who_comes_past_the_proxy_cannot_say_that_they_are_somebody_else(url: str) -> None:
    statuses = [guess(url, through=STRANGER, says=f"198.51.100.{number}") for number in range(11)]
    assert statuses == [REFUSED] * 10 + [LIMITED]
