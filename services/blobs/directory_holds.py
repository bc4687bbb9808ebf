"""Holds on a folder: while somebody has one, nothing is cleared away there, whoever else shares the folder.

Knows nothing of what lies in it.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.blobs.contract import SILENT_SECONDS

_HOLD = ".hold-"


class DirectoryHolds:
    """Holds are files in the folder itself, so that every machine that reaches it sees them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def hold(self) -> Iterator[Callable[[], None]]:
        """None on a full or a read-only disk."""
        mine = self._directory / f"{_HOLD}{uuid.uuid4().hex}"

        def keep() -> None:
            with suppress(OSError):
                mine.touch()

        keep()
        try:
            yield keep
        finally:
            with suppress(OSError):
                mine.unlink(missing_ok=True)

    def any(self) -> bool:
        found = False
        for hold in self._directory.glob(f"{_HOLD}*"):
            try:
                silent = time.time() - hold.stat().st_mtime
            except FileNotFoundError:  # given up since the folder was listed
                continue
            if silent > SILENT_SECONDS:
                hold.unlink(missing_ok=True)
            else:
                found = True
        return found
