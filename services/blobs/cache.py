"""Local copies of blobs that lie elsewhere, for whoever needs a file: parsers, and browsers that ask for a part.

Any number of processes of a machine may share the folder. Knows nothing of where the bytes come from.
"""

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import structlog

SWEEP_SECONDS = 600.0
# Between being told where a copy is and opening it, another process may take a while: a batch is parsed file by file.
IN_USE_SECONDS = 600.0
# Nor is a copy kept for much longer than the blob of a deleted document is.
KEPT_SECONDS = 3600.0
_LOCK, _INCOMING = ".lock", ".incoming-"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class _Copy:
    used: float
    size: int
    path: Path


class Cache:
    """Copies in a folder, by their SHA-256, of some `size` bytes together.

    More only while all of it was used within IN_USE_SECONDS. A copy that somebody has opened can be read to its end,
    also once it is deleted.
    """

    def __init__(self, directory: Path, *, size: int) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory = directory
        self._size = size
        self._brought = 0

    def start(self) -> Self:
        """Sweep now and then, for as long as the process runs: also what others left behind that run no more."""
        threading.Thread(target=self._sweep_on, name="cache", daemon=True).start()
        return self

    def path(self, sha256: str, fetch: Callable[[IO[bytes]], None]) -> Path:
        """The copy; where there is none, `fetch` writes it. Raises what `fetch` raises, and OSError."""
        place = self.directory / sha256
        if self._touched(place):
            return place
        handle, name = tempfile.mkstemp(dir=self.directory, prefix=_INCOMING)
        try:
            with os.fdopen(handle, "wb") as file:
                fetch(file)
                file.flush()
                os.fsync(handle)  # a crash would leave its name without its bytes
                brought = file.tell()
            with self._locked():
                Path(name).replace(place)
        finally:
            Path(name).unlink(missing_ok=True)
        self._brought += brought
        if self._brought > self._size // 16:  # looking at every copy costs more than a copy too many
            self._brought = 0
            self.sweep()
        return place

    def sweep(self) -> None:
        """Delete what nobody has used for KEPT_SECONDS; beyond the size, what was not used for longest."""
        now, copies = time.time(), self._copies()
        total = sum(copy.size for copy in copies)
        for copy in sorted(copies):
            idle = now - copy.used
            if idle < IN_USE_SECONDS or (idle < KEPT_SECONDS and total <= self._size):
                break
            if self._deleted(copy):
                total -= copy.size

    def _sweep_on(self) -> None:
        while True:
            try:
                self.sweep()
            except OSError as error:
                _log.warning("cache_not_swept", reason=error.strerror)
            time.sleep(SWEEP_SECONDS)

    def _copies(self) -> list[_Copy]:
        found = []
        for path in self.directory.iterdir() if self.directory.is_dir() else ():
            with suppress(FileNotFoundError):
                if path.name != _LOCK:
                    about = path.stat()
                    found.append(_Copy(about.st_mtime, about.st_size, path))
        return found

    def _touched(self, place: Path) -> bool:
        """Whether the copy is there; it counts as used now, which no sweep of another process can overlook."""
        with self._locked(), suppress(FileNotFoundError):
            os.utime(place)
            return True
        return False

    def _deleted(self, copy: _Copy) -> bool:
        with self._locked(), suppress(FileNotFoundError):
            if copy.path.stat().st_mtime == copy.used:
                copy.path.unlink()
                return True
        return False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.directory / _LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
