"""Parses the originals of a batch: small texts together by one disposable process, every other file by one of its own.

A process takes 4 ms of computing to be made and ended, a small text a fifth of that to be read. Knows nothing of jobs.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ingest.parsing import ParsedDocument, reads_as_prose
from retrieval.errors import DocumentError


class Parser(Protocol):
    """`ingest.sandbox.ParseSandbox`, or what stands for it."""

    def parse(self, path: Path, file_name: str) -> ParsedDocument: ...

    def parse_prose(self, files: Sequence[tuple[Path, str]]) -> Sequence[ParsedDocument | DocumentError | None]: ...


class Reading:
    """What became of the small texts among `files` (by any key: path, file name), read when this is made.

    Raises UnavailableError where no parser can be started.
    """

    def __init__(self, parser: Parser, files: Mapping[str, tuple[Path, str]]) -> None:
        self._parser = parser
        self._bytes = {key: path.stat().st_size for key, (path, _) in files.items()}
        prose = {key: file for key, file in files.items() if reads_as_prose(file[1], self._bytes[key])}
        began = time.perf_counter()
        # A text by itself is read as any other file is: whatever it does then is its own doing.
        found = parser.parse_prose(list(prose.values())) if len(prose) > 1 else [None] * len(prose)
        self._found = dict(zip(prose, found, strict=True))
        self._share_ms = round(1000 * (time.perf_counter() - began) / max(len(prose), 1), 1)

    def parsed(self, key: str, path: Path, file_name: str) -> ParsedDocument:
        """The document in this file. Raises DocumentError."""
        found = self._found.pop(key, None)
        if isinstance(found, DocumentError):
            raise found
        return found or self._parser.parse(path, file_name)

    def left(self, key: str) -> int:
        """How many bytes are still to be parsed of this file."""
        return 0 if self._found.get(key) else self._bytes.get(key, 0)

    def share_ms(self, key: str) -> float:
        """How long it took to read this file before `parsed` was called."""
        return self._share_ms if key in self._found else 0.0
