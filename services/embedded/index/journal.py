"""The engine's write-ahead log, forced to disk.

The engine appends each update to memory-mapped files under `wal/` and returns: that survives the end of the process but
not of the machine. `sync` writes those pages out, so that an acknowledged update survives a power cut as well. It runs
without the interpreter lock (7 ms on the disk measured), unlike the engine's own `flush` (0.3 s). Knows nothing of what
the log holds, only that `open-N` is being written, lowest N first, and `closed-N` never changes.
"""

import os
from pathlib import Path


class Journal:
    """One shard's log. `sync` may be called from several threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._safe: frozenset[str] = frozenset()
        self._listing: list[str] = []

    def sync(self) -> None:
        """Return once every update applied before the call is on disk. OSError where the log is gone."""
        while not self._synced(sorted(os.listdir(self._directory))):
            pass  # the engine has closed or dropped a file since they were listed: look again

    def _synced(self, listing: list[str]) -> bool:
        current = min((name for name in listing if name.startswith("open-")), key=_number, default=None)
        closed = {name for name in listing if name.startswith("closed-")}
        try:
            for name in closed - self._safe:
                _fdatasync(self._directory / name)
            if current is not None:
                _fdatasync(self._directory / current)
        except FileNotFoundError:
            return False
        if listing != self._listing:
            _fdatasync(self._directory)
        self._safe = frozenset(closed)
        self._listing = listing
        return True


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])


def _fdatasync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
