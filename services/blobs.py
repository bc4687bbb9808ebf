"""Originals and parsed texts by their SHA-256, in a directory. Knows nothing of documents or who may read them.

A blob is written beside its place, synced and renamed, so it is there whole or not at all, and outlives a crash.
"""

import hashlib
import os
import re
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from retrieval.errors import NotFoundError, TooLargeError, UnavailableError
from services.durable import fsync
from services.holds import Holds

READ = 1 << 20
SYNCING = 8
_SHA256 = re.compile(r"[0-9a-f]{64}")
_INCOMING, _ASIDE = ".incoming-", ".aside-"
DISK_FULL = 28  # errno.ENOSPC, the same number wherever Python runs POSIX
QUOTA = 122


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored blob's address and size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A file in the store: `sha256` is what it is named, None where it is an upload that did not end."""

    sha256: str | None
    path: Path
    modified: float


class BlobStore:
    """Content-addressed files under one directory. While somebody has one of its `holds`, nothing is cleared away."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.holds = Holds(directory)
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

    def put_reader(self, source: IO[bytes]) -> Blob:
        """Store what the reader holds. Raises UnavailableError(code="storage_full")."""
        with _Incoming(self._directory, limit=None) as incoming:
            while chunk := source.read(READ):
                incoming.write(chunk)
            return incoming.keep()

    def put_readers(self, sources: Sequence[IO[bytes]]) -> list[Blob]:
        """Store what each reader holds: written one after the other, waited for on the disk together.

        Raises UnavailableError(code="storage_full"); then some may be kept that nothing will name.
        """
        with ExitStack() as stack:
            all_incoming = [stack.enter_context(_Incoming(self._directory, limit=None)) for _ in sources]
            for incoming, source in zip(all_incoming, sources, strict=True):
                while chunk := source.read(READ):
                    incoming.write(chunk)
            # A journal writes down for many at once what they ask for at the same moment.
            with ThreadPoolExecutor(SYNCING) as pool, _storage_errors():
                list(pool.map(_Incoming.sync, all_incoming))
                blobs = [incoming.move() for incoming in all_incoming]
                list(pool.map(fsync, {_place(self._directory, blob.sha256).parent for blob in blobs}))
            return blobs

    def put_file(self, path: Path, *, limit: int) -> Blob:
        """Store what the file holds, at most `limit` bytes. Raises as `put_stream` does, and OSError for the file."""
        with _Incoming(self._directory, limit=limit) as incoming, path.open("rb") as file:
            while chunk := file.read(READ):
                incoming.write(chunk)
            return incoming.keep()

    def path(self, sha256: str) -> Path:
        """Where the blob lies. Raises NotFoundError(code="original_missing") where it does not."""
        path = _place(self._directory, sha256)
        if not self.has(sha256):
            raise NotFoundError("The stored file is missing from the blob store.", code="original_missing")
        return path

    def has(self, sha256: str) -> bool:
        """Whether the blob is there."""
        place = _place(self._directory, sha256)
        if not place.is_file():
            self._take_back(sha256)
        return place.is_file()

    def stored(self) -> Iterator[StoredBlob]:
        """Every blob and every upload that did not end; what else lies in the folder is not ours."""
        self._take_back()
        for path in sorted([*self._directory.glob(f"{_INCOMING}*"), *self._directory.glob("[0-9a-f][0-9a-f]/*")]):
            with suppress(FileNotFoundError):  # moved or deleted since the folder was listed
                yield StoredBlob(_name(path), path, path.stat().st_mtime)

    def page(self, after: str, limit: int) -> list[StoredBlob]:
        """Up to `limit` blobs in the order of their names, behind the name `after`; none at the end."""
        self._take_back()
        found: list[StoredBlob] = []
        for number in range(int(after[:2] or "0", 16), 256):
            folder = self._directory / f"{number:02x}"
            for path in sorted(folder.glob("*")):
                if path.name > after and _name(path) is not None and len(found) < limit:
                    with suppress(FileNotFoundError):
                        found.append(StoredBlob(path.name, path, path.stat().st_mtime))
            if len(found) == limit:
                break
        return found

    def named(self, name: str) -> Iterator[StoredBlob]:
        """The file of this name, where `stored` would give it."""
        for path in (_place(self._directory, name), self._directory / name):
            if path.is_file() and (_name(path) or name.startswith(_INCOMING)):
                yield StoredBlob(_name(path), path, path.stat().st_mtime)

    def discard(self, blob: StoredBlob, *, wanted: Callable[[], bool], before: float) -> bool:
        """Delete a file of the store, unless it was written again since `before` (in seconds since 1970).

        It is moved aside first and `wanted` asked then: the same bytes sent at this moment lie at its place beside it,
        and are not lost. Each call has a name of its own for it, so that no other can delete what this one moved.
        """
        if blob.sha256 is None:
            blob.path.unlink(missing_ok=True)
            return True
        aside = self._directory / f"{_ASIDE}{blob.sha256}-{uuid.uuid4().hex}"
        with suppress(FileNotFoundError):
            if blob.path.stat().st_mtime >= before:
                return False
            blob.path.rename(aside)
            if aside.stat().st_mtime < before and not wanted():
                aside.unlink()
                return True
            _put_back(aside, blob.path)
        return False

    def _take_back(self, sha256: str = "") -> None:
        """Put back what was moved aside, by a process that was killed in `discard` or is in it now: whoever looks for a
        blob finds it, also at the moment at which it is judged."""
        for aside in self._directory.glob(f"{_ASIDE}{sha256}*"):
            _put_back(aside, _place(self._directory, aside.name.removeprefix(_ASIDE)[:64]))

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
            handle, name = tempfile.mkstemp(dir=directory, prefix=_INCOMING)
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
        with _storage_errors():
            self.sync()
            blob = self.move()
            fsync(_place(self._directory, blob.sha256).parent)
        return blob

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def move(self) -> Blob:
        """To its place, which holds after a crash once its directory is synced."""
        blob = Blob(self._digest.hexdigest(), self._size)
        place = _place(self._directory, blob.sha256)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        self._path.replace(place)
        return blob


class _storage_errors:  # noqa: N801 - reads as a statement
    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            full = error.errno in (DISK_FULL, QUOTA)
            message = "The disk for originals is full: nothing was stored." if full else "Originals cannot be stored."
            raise UnavailableError(message, code="storage_full" if full else "storage_unavailable") from error


def _name(path: Path) -> str | None:
    return path.name if _SHA256.fullmatch(path.name) and path.parent.name == path.name[:2] else None


def _put_back(aside: Path, place: Path) -> None:
    """To its place, unless the same bytes were sent meanwhile: those are newer, and may not be registered yet."""
    try:
        place.hardlink_to(aside)
    except FileNotFoundError:  # somebody else put it back, or deleted it
        return
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        aside.rename(place)
        return
    aside.unlink(missing_ok=True)


def _place(directory: Path, sha256: str) -> Path:
    return directory / sha256[:2] / sha256
