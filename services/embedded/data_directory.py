"""The data directory of one machine: one instance at a time, the ports that its parts keep, what is damaged in it.

Knows nothing of the parts themselves.
"""

import errno
import fcntl
import json
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from retrieval.errors import ConflictError
from services.durable import fsync

# A killed instance's guard holds the lock while it ends the parts, which takes guard.GRACE_S at the most.
WAIT_FOR_GUARD_S = 8.0
# What Footnote keeps in a data directory, and the registry, whose name several files begin with.
OWN = frozenset("blobs broker cli.json cli.new connectors copies index lock logs models run secrets".split())
REGISTRY = "db.sqlite3"

log = logging.getLogger(__name__)


@contextmanager
def claim(data_dir: Path) -> Iterator[int]:
    """Hold the directory alone; one that has to be made is its owner's. Yields the lock's descriptor.

    Raises ConflictError: `data_directory_in_use` when another instance has it, `data_directory_unusable` when it cannot
    be made or written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConflictError(f"{data_dir} cannot be used: {error}.", code="data_directory_unusable") from error
    try:
        _lock(descriptor, data_dir)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)  # and with it the lock, unless a guard has inherited it


def keep_private(data_dir: Path) -> None:
    """Take what Footnote keeps there from everybody but its owner, as an older release left it open; and so the
    directory, but one in which something else is, or that everybody writes into. That is a warning in the log.
    """
    entries = list(data_dir.glob("*"))
    own = [entry for entry in entries if entry.name in OWN or entry.name.startswith(REGISTRY)]
    for entry in own:
        if not (entry.is_symlink() and entry.is_dir()):  # it leads to what others may share, such as models
            _shut(entry)
    if own == entries and not data_dir.stat().st_mode & stat.S_ISVTX:
        _shut(data_dir)
    if data_dir.stat().st_mode & 0o077:
        log.warning("others on this machine may enter %s: it is not Footnote's alone and stays as it is", data_dir)


def _shut(path: Path) -> None:
    # SQLite takes its own files away when the last process is done with them; some file systems know no modes.
    with suppress(FileNotFoundError, PermissionError):
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(stat.S_IMODE(found.st_mode) & ~0o077)


def _lock(descriptor: int, data_dir: Path) -> None:
    deadline = time.monotonic() + WAIT_FOR_GUARD_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            if _lives(holder) or time.monotonic() > deadline:
                raise ConflictError(
                    f"{data_dir} is in use by another instance of Footnote (pid {holder or 'unknown'}). "
                    "Stop that one, or choose another directory with --data-dir.",
                    code="data_directory_in_use",
                ) from None
            time.sleep(0.1)
        else:
            return


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None


def _lives(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def refuse_taken_port(host: str, port: int) -> None:
    """Raises ConflictError(code="port_taken") when nothing could listen on `host:port`."""
    try:
        free = _is_free(host, port)
    except OSError as error:
        raise ConflictError(f"Footnote cannot listen on {host}: {error}.", code="port_taken") from error
    if not free:
        raise ConflictError(
            f"Port {port} on {host} is taken by another program. Stop that one, or choose another port with --port.",
            code="port_taken",
        )


def kept_ports(file: Path, names: Sequence[str], *, host: str, reserved: int) -> dict[str, int]:
    """A port for each name, none of them `reserved`: the one kept in `file` where it is still free, else a new one."""
    kept: dict[str, object] = {}
    with suppress(OSError, ValueError):
        loaded = json.loads(file.read_text(encoding="utf-8"))
        kept = loaded if isinstance(loaded, dict) else {}
    ports: dict[str, int] = {}
    for name in names:
        port = kept.get(name)
        used = {reserved, *ports.values()}
        if not isinstance(port, int) or not 0 < port < 65536 or port in used or not _is_free(host, port):
            port = _free_port(host, used)
        ports[name] = port
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_text(json.dumps(ports) + "\n", encoding="utf-8")
    return ports


def write_private(file: Path, text: str) -> None:
    """Write `file`, readable by its owner only, whatever an older file's mode was."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)


def set_aside(damaged: Path, folder: Path) -> Path:
    """Move what cannot be read into `folder`, made if needed, under its own name and the time: out of the way, and kept
    for whoever wants to look. Returns where it is now, on disk. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = folder / f"{damaged.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    damaged.rename(kept)
    for changed in (folder, folder.parent, damaged.parent):
        fsync(changed)
    return kept


def _is_free(host: str, port: int) -> bool:
    """Whether a server could bind. Raises OSError when the reason that it cannot is another than a taken port."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no hindrance
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def _free_port(host: str, used: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if port not in used:
            return port
