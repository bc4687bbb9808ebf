"""The whole assistant as real processes, in either size: `footnote api|worker|scheduler` against private servers.

`ONE_MACHINE` is SQLite, Valkey's wheel and the embedded index server; `PRODUCTION` is PostgreSQL, Redis and, where
FOOTNOTE_TEST_QDRANT_URL names one, a real Qdrant server (else the embedded one, which the same tests hold to Qdrant's
behaviour). What these tests do not start is a language model: `tests/integration/test_generated.py` does.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from services.bootstrap import command_line_key
from services.db.accounts import Accounts
from services.db.database import Database
from tests import private_servers

ONE_MACHINE, PRODUCTION = "one machine", "production"
SIZES = [ONE_MACHINE, *([PRODUCTION] if private_servers.has_postgres() and private_servers.has_redis() else [])]
ADMIN = "root@example.com"


@dataclass
class System:
    """A running assistant, its administrator's client, and its processes by name."""

    url: str
    data_dir: Path
    database: Database
    admin: httpx.Client
    environment: Mapping[str, str]
    stack: ExitStack
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def client(self, key: str | None) -> httpx.Client:
        """A client with this key, or with none."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.stack.enter_context(httpx.Client(base_url=self.url, headers=headers, timeout=60.0))

    def person(self, email: str, *groups: str, scopes: list[str] | None = None) -> httpx.Client:
        """A new person's client."""
        created = self.admin.post("/v1/users", json={"email": email, "groups": list(groups)})
        assert created.status_code in (201, 409), created.text
        key = self.admin.post("/v1/api-keys", json={"user": email, "scopes": scopes or []})
        assert key.status_code == 201, key.text
        return self.client(key.json()["key"])

    def send(
        self, name: str, data: bytes, *, client: httpx.Client | None = None, wait: bool = True, **metadata: Any
    ) -> dict[str, Any]:
        """Upload a file; wait until it is ready or has failed; the document as its sender sees it."""
        client = client or self.admin
        sent = upload(client, name, data, **metadata)
        assert sent.status_code in (200, 202), sent.text
        return self.settled(sent.json()["id"], client=client) if wait else dict(sent.json())

    def settled(self, document_id: str, *, client: httpx.Client | None = None, seconds: float = 90.0) -> dict[str, Any]:
        """The document once no work is left on it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            document: dict[str, Any] = (client or self.admin).get(f"/v1/documents/{document_id}").json()
            if document["state"] not in ("queued", "running"):
                return document
            time.sleep(0.1)
        raise AssertionError(f"still {document['state']} after {seconds} s: {document}")


def upload(client: httpx.Client, name: str, data: bytes, **metadata: Any) -> httpx.Response:
    """POST one file as the contract says."""
    import json  # noqa: PLC0415

    return client.post("/v1/documents", files={"file": (name, data)}, data={"metadata": json.dumps(metadata)})


@contextmanager
def running(size: str, folder: Path, model_cache: Path, **settings: str) -> Iterator[System]:
    """Start everything, yield when `/readyz` is 200, stop everything."""
    data_dir = folder / "data"
    data_dir.mkdir(parents=True)
    shutil.copytree(model_cache, data_dir / "models")
    with ExitStack() as stack:
        if size == PRODUCTION:
            database_url = stack.enter_context(private_servers.postgres())
            broker_url = stack.enter_context(private_servers.redis(folder / "redis"))
        else:
            database_url = f"sqlite:///{data_dir / 'db.sqlite3'}"
            broker_url = stack.enter_context(private_servers.valkey(folder / "valkey"))
        index_url = os.environ.get("FOOTNOTE_TEST_QDRANT_URL") if size == PRODUCTION else None
        index_url = index_url or stack.enter_context(private_servers.index_server(folder / "index"))
        yield start(stack, environment(data_dir, database_url, broker_url, index_url) | settings, data_dir)


def environment(data_dir: Path, database_url: str, broker_url: str, index_url: str) -> dict[str, str]:
    """What our processes are told, and a port for the API."""
    return {
        **os.environ,
        "FOOTNOTE_DATA_DIR": str(data_dir),
        "FOOTNOTE_DATABASE_URL": database_url,
        "FOOTNOTE_BROKER_URL": broker_url,
        "FOOTNOTE_INDEX_URL": index_url,
        "FOOTNOTE_PORT": str(private_servers.free_port()),
        "FOOTNOTE_ADMIN_EMAIL": ADMIN,
    }


def start(stack: ExitStack, environment: Mapping[str, str], data_dir: Path) -> System:
    """Start API, worker and scheduler against servers that run already; `stack` stops them."""
    url = f"http://127.0.0.1:{environment['FOOTNOTE_PORT']}"
    api = stack.enter_context(process("api", environment, data_dir))
    private_servers.wait_until(lambda: private_servers.answers(f"{url}/readyz"), process=api)
    database = Database(environment["FOOTNOTE_DATABASE_URL"])
    stack.callback(database.dispose)
    account = Accounts(database).by_email(ADMIN)
    key = command_line_key(database, account, data_dir, url)
    admin = stack.enter_context(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60.0))
    system = System(url, data_dir, database, admin, environment, stack, {"api": api})
    for verb in ("worker", "scheduler"):
        system.processes[verb] = stack.enter_context(process(verb, environment, data_dir))
    return system


@contextmanager
def process(verb: str, environment: Mapping[str, str], data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One of our processes; its log lies beside the data."""
    with (data_dir.parent / f"{verb}.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "services", verb], env=dict(environment), stdout=log, stderr=log
        )
        try:
            yield started
        finally:
            private_servers.stop(started)
