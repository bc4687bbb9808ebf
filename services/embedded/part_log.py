"""One part's standard output and standard error, in one rotated file.

Knows nothing of what the lines mean; the parts stamp their own.
"""

import logging
import os
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Thread

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 3
TAIL_LINES = 15
MAX_LINE = 64 * 1024


class _Rotated(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A full disk must not stop the part, and there is nowhere left to say so."""


class PartLog:
    """Each start of the part writes through a pipe of its own; a thread moves its lines to the file."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._file = _Rotated(path, maxBytes=max_bytes, backupCount=BACKUPS, encoding="utf-8")
        self._pump: Thread | None = None

    def open(self) -> int:
        """A descriptor for the part to write to. The caller closes its own copy once the part has it."""
        reader, writer = os.pipe()
        self._pump = Thread(target=self._move, args=(reader,), name=f"log {self.path.stem}", daemon=True)
        self._pump.start()
        return writer

    def settle(self, timeout_s: float = 1.0) -> None:
        """Wait until the last lines of a part that has ended are in the file."""
        if self._pump is not None:
            self._pump.join(timeout_s)

    def close(self) -> None:
        self.settle()
        self._file.close()

    def _move(self, reader: int) -> None:
        with os.fdopen(reader, encoding="utf-8", errors="replace") as lines:
            while line := lines.readline(MAX_LINE):
                text = line.rstrip("\n")
                self.tail.append(text)
                self._file.handle(logging.makeLogRecord({"msg": text}))
