"""Holds on a folder: while somebody has one, nothing is cleared away there, whoever else shares the folder.

Knows nothing of what lies in it.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_HOLD = ".hold-"
# Whoever has been silent for so long is taken for killed.
SILENT_SECONDS = 3600.0


class Holds:
    """Holds are files in the folder itself, so that every machine that reaches it sees them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def hold(self) -> Iterator[Callable[[], None]]:
        """A hold for as long as the context is open; what it yields is to be called now and then to keep it.

        On a full or a read-only disk there is none: whoever wants it goes on, with what nobody clears away meanwhile.
        """
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
        """Whether somebody has one. What a killed process left behind is deleted."""
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
