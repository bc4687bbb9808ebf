"""Originals and parsed texts by their SHA-256, in a directory. Knows nothing of documents or who may read them.

A blob is written beside its place, synced and renamed, so it is there whole or not at all, and outlives a crash.
"""

import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import NotFoundError, TooLargeError, UnavailableError

DISK_FULL = 28  # errno.ENOSPC, the same number wherever Python runs POSIX
QUOTA = 122


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored blob's address and size in bytes."""

    sha256: str
    size: int


class BlobStore:
    """Content-addressed files under one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, data: bytes) -> Blob:
        """Store `data`. Raises UnavailableError(code="storage_full")."""
        with _Incoming(self._directory, limit=None) as incoming:
            incoming.write(data)
            return incoming.keep()

    async def put_stream(self, chunks: AsyncIterator[bytes], *, limit: int) -> Blob:
        """Store what the stream brings, at most `limit` bytes.

        Raises TooLargeError, UnavailableError(code="storage_full"); then nothing is kept.
        """
        with _Incoming(self._directory, limit=limit) as incoming:
            async for chunk in chunks:
                incoming.write(chunk)
            return incoming.keep()

    def path(self, sha256: str) -> Path:
        """Where the blob lies. Raises NotFoundError(code="original_missing") where it does not."""
        path = _place(self._directory, sha256)
        if not path.is_file():
            raise NotFoundError("The stored file is missing from the blob store.", code="original_missing")
        return path

    def read(self, sha256: str) -> bytes:
        """The whole blob; raises as `path` does."""
        return self.path(sha256).read_bytes()


class _Incoming:
    """A blob on its way in: deleted on leaving the context unless it was kept."""

    def __init__(self, directory: Path, *, limit: int | None) -> None:
        self._directory = directory
        self._limit = limit
        self._digest = hashlib.sha256()
        self._size = 0
        with _storage_errors():
            handle, name = tempfile.mkstemp(dir=directory, prefix=".incoming-")
        self._file = os.fdopen(handle, "wb")
        self._path = Path(name)

    def __enter__(self) -> "_Incoming":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._limit is not None and self._size > self._limit:
            raise TooLargeError(f"The file is larger than the limit of {self._limit // 2**20} MiB.", code="too_large")
        self._digest.update(data)
        with _storage_errors():
            self._file.write(data)

    def keep(self) -> Blob:
        blob = Blob(self._digest.hexdigest(), self._size)
        place = _place(self._directory, blob.sha256)
        with _storage_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
            place.parent.mkdir(exist_ok=True, mode=0o700)
            self._path.replace(place)
            _sync_directory(place.parent)
        return blob


class _storage_errors:  # noqa: N801 - reads as a statement
    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            full = error.errno in (DISK_FULL, QUOTA)
            message = "The disk for originals is full: nothing was stored." if full else "Originals cannot be stored."
            raise UnavailableError(message, code="storage_full" if full else "storage_unavailable") from error


def _place(directory: Path, sha256: str) -> Path:
    return directory / sha256[:2] / sha256


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
