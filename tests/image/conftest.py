"""The image's processes over private servers, as compose.yaml puts them together; secrets come in files.

make test-image IMAGE=footnote:0.1.0 ENGINE=docker
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests import private_servers
from tests.image.engine import Image

USER = 10001  # as the image has it
HOST = "footnote.example.com"
ADMIN = "root@example.com"


@dataclass(frozen=True, slots=True)
class Started:
    """`admin` holds a key of the first administrator's."""

    image: Image
    admin: httpx.Client


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    folder = tmp_path_factory.mktemp("image")
    for closed in (folder, folder.parent):
        closed.chmod(0o755)  # pytest closes its own to other users, and the image runs as one
    with _image(folder) as image, ExitStack() as stack:
        image.run("footnote", "migrate")
        api = stack.enter_context(image.running("api"))
        url = f"http://127.0.0.1:{image.environment['FOOTNOTE_PORT']}"
        private_servers.wait_until(lambda: private_servers.answers(f"{url}/readyz"), process=api, seconds=180)
        for verb in ("worker", "scheduler"):
            stack.enter_context(image.running(verb))
        yield Started(image, stack.enter_context(_signed_in(image, url)))


@contextmanager
def _image(folder: Path) -> Iterator[Image]:
    for name in ("data", "secrets", "logs", "redis", "index"):
        (folder / name).mkdir()
    (folder / "data").chmod(0o777)  # the image's user is none of this machine's, and only root could give it away
    password = _secret(folder / "secrets" / "footnote_broker_password")
    _secret(key := folder / "secrets" / "footnote_index_api_key")
    with (
        private_servers.postgres() as database_url,
        private_servers.redis(folder / "redis", password=password) as broker_url,
        private_servers.index_server(folder / "index", key=key) as index_url,
    ):
        environment = {
            "FOOTNOTE_DATABASE_URL": database_url,
            "FOOTNOTE_BROKER_URL": broker_url,
            "FOOTNOTE_INDEX_URL": index_url,
            "FOOTNOTE_LLM_URL": "",
            "FOOTNOTE_PUBLIC_URL": f"https://{HOST}",
            "FOOTNOTE_ADMIN_EMAIL": ADMIN,
            "FOOTNOTE_HOST": "127.0.0.1",
            "FOOTNOTE_PORT": str(private_servers.free_port()),
        }
        yield Image(
            engine=os.environ["FOOTNOTE_TEST_ENGINE"],
            name=os.environ["FOOTNOTE_TEST_IMAGE"],
            environment=environment,
            mounted={"/data": folder / "data", "/run/secrets": folder / "secrets"},
            logs=folder / "logs",
        )


def _secret(file: Path) -> str:
    file.write_text(secret := secrets.token_urlsafe(32))
    return secret


def _signed_in(image: Image, url: str) -> httpx.Client:
    """By the link that `footnote sign-in` prints, as its reader's browser would."""
    token = image.run("footnote", "sign-in").strip().partition("#token=")[2]
    headers = {"Host": HOST, "Origin": f"https://{HOST}"}
    session = httpx.post(f"{url}/v1/sessions", json={"token": token}, headers=headers)
    cookie = {"Cookie": session.headers["set-cookie"].partition(";")[0]}
    key = httpx.post(f"{url}/v1/api-keys", json={"name": "image"}, headers=headers | cookie).json()["key"]
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60.0)
