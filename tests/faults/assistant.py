"""The assistant under test: our processes and their servers, proxies in between, and what restarts them.

`Assistant` is what faults act on. Each process of ours leads a process group of its own, as under a supervisor, so that
one signal ends a worker with all its children. Knows nothing of which faults there are.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from services.bootstrap import command_line_key
from services.db.accounts import Accounts
from services.db.database import Database
from tests import private_servers, system
from tests.faults import servers
from tests.faults.proxy import Exchange, Wire
from tests.faults.servers import Server
from tests.faults.volumes import Volume, mounted

# One may stand still and one be killed, and work goes on.
WORKERS = 3
RESTART_SECONDS = 0.5
LOOK_SECONDS = 0.2
VOLUMES_MB = {"originals": 512, "registry": 512, "index": 1024, "broker": 128}


@dataclass
class Part:
    """One process of ours. `expected` while a fault has just ended it; otherwise its death is a finding."""

    name: str
    verb: str
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes]
    expected: bool = False

    def signal_group(self, number: int) -> None:
        """Signal the process and all its children at once."""
        self.expected = self.expected or number in (signal.SIGKILL, signal.SIGTERM)
        os.killpg(self.process.pid, number)

    def children(self) -> list[int]:
        """The processes it has forked."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []


@dataclass
class Assistant:
    """Everything that runs, by name."""

    size: str
    url: str
    folder: Path
    database: Database
    servers: dict[str, Server]
    proxies: dict[str, Wire]
    volumes: dict[str, Volume]
    key: str = ""
    parts: dict[str, Part] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._keeper = threading.Thread(target=self.keep, name="keeper", daemon=True)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def workers(self) -> list[Part]:
        return [part for part in self.parts.values() if part.verb == "worker"]

    def worker_of(self, pid: int) -> Part | None:
        """The worker that this child belongs to."""
        return next((part for part in self.workers() if pid in part.children()), None)

    def start(self, told: Mapping[str, str]) -> None:
        """Start our processes, the API first: it makes the tables and the first administrator."""
        api = self.launch("api", "api", told)
        private_servers.wait_until(lambda: private_servers.answers(f"{self.url}/readyz"), process=api.process)
        account = Accounts(self.database).by_email(system.ADMIN)
        self.key = command_line_key(self.database, account, self.data_dir, self.url)
        for number in range(WORKERS):
            self.launch(f"worker-{number + 1}", "worker", {**told, "FOOTNOTE_THREADS": "1"})
        self.launch("scheduler", "scheduler", told)
        self._keeper.start()

    def launch(self, name: str, verb: str, environment: Mapping[str, str]) -> Part:
        """Start one of our processes under the keeper's eyes."""
        log = self.folder / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        part = Part(name, verb, environment, log, _started(verb, environment, log))
        self.parts[name] = part
        return part

    def keep(self) -> None:
        """Restart what has died, as a supervisor does, until `close`."""
        while not self._stop.wait(LOOK_SECONDS):
            for part in list(self.parts.values()):
                if part.process.poll() is not None:
                    self._restart(part)
            for server in self.servers.values():
                if not server.held and server.process and server.process.poll() is not None:
                    self.deaths.append(f"{server.name} server ended with {server.process.returncode}")
                    self._revive(server)

    def close(self) -> None:
        """Stop everything, by pid."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for part in self.parts.values():
            _end(part)

    def _restart(self, part: Part) -> None:
        if not part.expected:
            self.deaths.append(f"{part.name} ended with {part.process.returncode}")
        if self._stop.wait(RESTART_SECONDS):
            return
        part.expected = False
        part.process = _started(part.verb, part.environment, part.log)

    def _revive(self, server: Server) -> None:
        try:
            server.start()
        except AssertionError as error:
            how = str(error).rpartition("] ")[2]  # without the command line, which names folders
            self.deaths.append(f"{server.name} server does not start: it {how}")


@contextmanager
def running(size: str, folder: Path, model_cache: Path, **settings: str) -> Iterator[Assistant]:
    """The whole assistant in this size behind proxies; yields when it is ready, stops everything at the end."""
    places = {"originals": folder / "data" / "blobs"} | {
        name: folder / name for name in ("index", "broker", "registry")
    }
    with ExitStack() as stack:
        mounts = {name: stack.enter_context(mounted(at, megabytes=VOLUMES_MB[name])) for name, at in places.items()}
        volumes = {name: volume for name, volume in mounts.items() if volume}
        shutil.copytree(model_cache, folder / "data" / "models")
        under = {
            "broker": servers.broker(places["broker"], wheel=size != system.PRODUCTION),
            "index": servers.index(places["index"]),
        }
        if size == system.PRODUCTION:
            under["database"] = servers.database(places["registry"])
        proxies: dict[str, Wire] = {}
        for name, server in under.items():
            server.start()
            stack.callback(server.stop)
            proxies[name] = stack.enter_context((Exchange if name == "index" else Wire)(server.port))
        registry = f"sqlite:///{places['registry'] / 'db.sqlite3'}"
        # The harness itself asks the database directly: what it must know does not depend on its own faults.
        direct = private_servers.postgres_url(under["database"].port) if "database" in under else registry
        if "database" in under:
            registry = private_servers.postgres_url(proxies["database"].port)
        told = system.environment(
            folder / "data",
            registry,
            f"redis://127.0.0.1:{proxies['broker'].port}/0",
            f"http://127.0.0.1:{proxies['index'].port}",
        )
        database = Database(direct)
        stack.callback(database.dispose)
        url = f"http://127.0.0.1:{told['FOOTNOTE_PORT']}"
        assistant = Assistant(size, url, folder, database, under, proxies, volumes)
        stack.callback(assistant.close)
        assistant.start(told | settings)
        yield assistant


def client(assistant: Assistant, key: str | None = None, *, timeout: float = 20.0) -> httpx.Client:
    """A client of the API, the administrator's unless another key is given."""
    headers = {"Authorization": f"Bearer {key or assistant.key}"}
    return httpx.Client(base_url=assistant.url, headers=headers, timeout=timeout)


def person(assistant: Assistant, email: str, *groups: str) -> str:
    """A new person's key."""
    with client(assistant) as admin:
        admin.post("/v1/users", json={"email": email, "groups": list(groups)}).raise_for_status()
        made = admin.post("/v1/api-keys", json={"user": email, "scopes": []})
        made.raise_for_status()
        return str(made.json()["key"])


def _started(verb: str, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "services", verb],
            env=dict(environment),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _end(part: Part) -> None:
    """SIGTERM to the process; what is left of its group after 15 s is killed."""
    part.expected = True
    with suppress(ProcessLookupError):
        os.killpg(part.process.pid, signal.SIGCONT)
        part.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            part.process.wait(timeout=15)
        os.killpg(part.process.pid, signal.SIGKILL)
    part.process.wait()
