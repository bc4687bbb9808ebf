"""What every blob store does, wherever the bytes lie: originals and parsed texts by their SHA-256.

Knows nothing of documents or who may read them, nor of directories or buckets.
"""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, Self

from retrieval.errors import TooLargeError
from services.blobs.errors import storage_errors

READ = 1 << 20
KEEPING = 8
# Whoever has a hold and has been silent for so long is taken for killed.
SILENT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored blob's address and size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What lies in the store under `name`: a blob, or with `sha256` None an upload that did not end.

    `modified` is when it was written last, in seconds since 1970.
    """

    sha256: str | None
    name: str
    modified: float


class Holds(Protocol):
    """While somebody has a hold, nothing is cleared away in the store, whichever machine it is cleared from."""

    def hold(self) -> AbstractContextManager[Callable[[], None]]:
        """A hold for as long as the context is open; what it yields is to be called now and then to keep it.

        Where the store takes nothing there is none: whoever wants it goes on, with what nobody clears away meanwhile.
        """

    def any(self) -> bool:
        """Whether somebody has one. What a killed process left behind is deleted. Raises UnavailableError."""


class Incoming(ABC):
    """A blob on its way in: hashed, counted and held against `limit` as it is written to a file on the disk for
    `where`, and gone on leaving the context unless it was kept."""

    def __init__(self, file: IO[bytes], *, limit: int | None, where: str) -> None:
        self._file = file
        self._limit = limit
        self._where = where
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._file.close()

    def write(self, data: bytes) -> None:
        """Raises TooLargeError, UnavailableError."""
        self._size += len(data)
        if self._limit is not None and self._size > self._limit:
            raise TooLargeError(f"The file is larger than the limit of {self._limit // 2**20} MiB.", code="too_large")
        self._digest.update(data)
        with storage_errors(self._where):
            self._file.write(data)

    def take(self, source: IO[bytes]) -> None:
        """Write what the reader holds."""
        while chunk := source.read(READ):
            self.write(chunk)

    @property
    def blob(self) -> Blob:
        """What was written so far."""
        return Blob(self._digest.hexdigest(), self._size)

    @abstractmethod
    def keep(self) -> Blob:
        """Into the store; durable on return. Raises UnavailableError."""


class BlobStore(ABC):
    """Blobs by their SHA-256. While somebody has one of its `holds`, nothing is cleared away.

    A blob is there whole or not at all, and outlives a crash once it was stored. Methods that store raise
    UnavailableError with code storage_full or storage_unavailable; then nothing is kept. All others raise it with code
    storage_unavailable where the store does not answer: then nothing is known.
    """

    holds: Holds

    def __init__(self) -> None:
        # Threads of their own: a store that is slow, or hangs, must not take those in which questions are answered.
        self._keeping = ThreadPoolExecutor(KEEPING, thread_name_prefix="keep")

    def put(self, data: bytes) -> Blob:
        """Store `data`."""
        with self._incoming(limit=None) as incoming:
            incoming.write(data)
            return incoming.keep()

    async def put_stream(self, chunks: AsyncIterator[bytes], *, limit: int) -> Blob:
        """Store what the stream brings, at most `limit` bytes. Raises TooLargeError too; then nothing is kept."""
        with self._incoming(limit=limit) as incoming:
            async for chunk in chunks:
                incoming.write(chunk)
            return await asyncio.get_running_loop().run_in_executor(self._keeping, incoming.keep)

    def put_reader(self, source: IO[bytes]) -> Blob:
        """Store what the reader holds."""
        with self._incoming(limit=None) as incoming:
            incoming.take(source)
            return incoming.keep()

    def put_file(self, path: Path, *, limit: int) -> Blob:
        """Store what the file holds, at most `limit` bytes. Raises as `put_stream` does, and OSError for the file."""
        with self._incoming(limit=limit) as incoming, path.open("rb") as file:
            incoming.take(file)
            return incoming.keep()

    @abstractmethod
    def put_readers(self, sources: Sequence[IO[bytes]]) -> list[Blob]:
        """Store what each reader holds: read one after the other, made durable together.

        Where it fails, some may be kept that nothing will name.
        """

    @abstractmethod
    def path(self, sha256: str) -> Path:
        """A file with the blob's bytes, to be opened within minutes and not to be changed.

        Raises NotFoundError: original_missing where there is no such blob, original_damaged where a store that checks
        what it hands out has other bytes under its name.
        """

    @abstractmethod
    def open(self, sha256: str) -> IO[bytes]:
        """The blob's bytes, to be read once and closed. Raises as `path` does."""

    def read(self, sha256: str) -> bytes:
        """The whole blob; raises as `path` does."""
        with self.open(sha256) as file:
            return file.read()

    @abstractmethod
    def has(self, sha256: str) -> bool:
        """Whether the blob is there."""

    @abstractmethod
    def is_whole(self, sha256: str) -> bool:
        """Whether the blob is there and its bytes are those that it is named after: all of them are read."""

    @abstractmethod
    def stored(self) -> Iterator[StoredBlob]:
        """Every blob and every upload that did not end; what else lies there is not ours."""

    @abstractmethod
    def page(self, after: str, limit: int) -> list[StoredBlob]:
        """Up to `limit` blobs in the order of their names, behind the name `after`; none at the end."""

    @abstractmethod
    def named(self, name: str) -> Iterator[StoredBlob]:
        """What lies under this name, as `stored` would give it."""

    @abstractmethod
    def discard(self, blob: StoredBlob, *, wanted: Callable[[], bool], before: float) -> bool:
        """Delete it, unless it was written again since `before` (in seconds since 1970); whether that was done.

        `wanted` is asked at a moment from which on the same bytes, stored again, outlive the deletion.
        """

    @abstractmethod
    def answers(self) -> bool:
        """Whether the store can be reached, told within seconds."""

    @abstractmethod
    def close(self) -> None:
        """Close what was opened."""

    @abstractmethod
    def _incoming(self, *, limit: int | None) -> Incoming:
        """A blob to be written and kept."""
