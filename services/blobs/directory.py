"""Blobs as files in a directory, content-addressed. Every process of the installation has to reach it.

A blob is written beside its place, synced and renamed, so it is there whole or not at all, and outlives a crash.
"""

import hashlib
import os
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import structlog

from retrieval.errors import NotFoundError
from services.blobs.contract import Blob, BlobStore, Incoming, StoredBlob
from services.blobs.directory_holds import DirectoryHolds
from services.blobs.errors import storage_errors
from services.durable import fsync

SYNCING = 8
_SHA256 = re.compile(r"[0-9a-f]{64}")
_INCOMING, _ASIDE = ".incoming-", ".aside-"
_WHERE = "originals"
_log = structlog.get_logger(__name__)


class DirectoryStore(BlobStore):
    """Files under one directory, which is made where it is missing."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self.holds = DirectoryHolds(directory)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put_readers(self, sources: Sequence[IO[bytes]]) -> list[Blob]:
        with ExitStack() as stack:
            all_incoming = [stack.enter_context(self._incoming(limit=None)) for _ in sources]
            for incoming, source in zip(all_incoming, sources, strict=True):
                incoming.take(source)
            # A journal writes down for many at once what they ask for at the same moment.
            with ThreadPoolExecutor(SYNCING) as pool, storage_errors(_WHERE):
                list(pool.map(_IncomingFile.sync, all_incoming))
                blobs = [incoming.move() for incoming in all_incoming]
                list(pool.map(fsync, {_place(self._directory, blob.sha256).parent for blob in blobs}))
            return blobs

    def path(self, sha256: str) -> Path:
        path = _place(self._directory, sha256)
        if not self.has(sha256):
            raise _missing()
        return path

    def open(self, sha256: str) -> IO[bytes]:
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:  # cleared away since we looked
            raise _missing() from None

    def has(self, sha256: str) -> bool:
        place = _place(self._directory, sha256)
        if not place.is_file():
            self._take_back(sha256)
        return place.is_file()

    def is_whole(self, sha256: str) -> bool:
        try:
            with self.path(sha256).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except NotFoundError:
            return False
        except OSError as error:
            _log.warning("blob_unreadable", blob=sha256, error=error.strerror)
            return False

    def stored(self) -> Iterator[StoredBlob]:
        self._take_back()
        for path in sorted([*self._directory.glob(f"{_INCOMING}*"), *self._directory.glob("[0-9a-f][0-9a-f]/*")]):
            with suppress(FileNotFoundError):  # moved or deleted since the folder was listed
                yield _stored(path)

    def page(self, after: str, limit: int) -> list[StoredBlob]:
        self._take_back()
        found: list[StoredBlob] = []
        for number in range(int(after[:2] or "0", 16), 256):
            folder = self._directory / f"{number:02x}"
            for path in sorted(folder.glob("*")):
                if path.name > after and _name(path) is not None and len(found) < limit:
                    with suppress(FileNotFoundError):
                        found.append(_stored(path))
            if len(found) == limit:
                break
        return found

    def named(self, name: str) -> Iterator[StoredBlob]:
        for path in (_place(self._directory, name), self._directory / name):
            if path.is_file() and (_name(path) or name.startswith(_INCOMING)):
                yield _stored(path)

    def discard(self, blob: StoredBlob, *, wanted: Callable[[], bool], before: float) -> bool:
        """It is moved aside first and `wanted` asked then: the same bytes sent at this moment lie at its place beside
        it, and are not lost. Each call has a name of its own for it, so that no other can delete what this one moved.
        """
        if blob.sha256 is None:
            (self._directory / blob.name).unlink(missing_ok=True)
            return True
        place = _place(self._directory, blob.sha256)
        aside = self._directory / f"{_ASIDE}{blob.sha256}-{uuid.uuid4().hex}"
        with suppress(FileNotFoundError):
            if place.stat().st_mtime >= before:
                return False
            place.rename(aside)
            if aside.stat().st_mtime < before and not wanted():
                aside.unlink()
                return True
            _put_back(aside, place)
        return False

    def answers(self) -> bool:
        return os.access(self._directory, os.R_OK | os.W_OK | os.X_OK)

    def close(self) -> None:
        return

    def _take_back(self, sha256: str = "") -> None:
        """Put back what was moved aside, by a process that was killed in `discard` or is in it now: whoever looks for a
        blob finds it, also at the moment at which it is judged."""
        for aside in self._directory.glob(f"{_ASIDE}{sha256}*"):
            _put_back(aside, _place(self._directory, aside.name.removeprefix(_ASIDE)[:64]))

    def _incoming(self, *, limit: int | None) -> "_IncomingFile":
        return _IncomingFile(self._directory, limit=limit)


class _IncomingFile(Incoming):
    """A file beside its place."""

    def __init__(self, directory: Path, *, limit: int | None) -> None:
        with storage_errors(_WHERE):
            handle, name = tempfile.mkstemp(dir=directory, prefix=_INCOMING)
        super().__init__(os.fdopen(handle, "wb"), limit=limit, where=_WHERE)
        self._directory = directory
        self._path = Path(name)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._path.unlink(missing_ok=True)

    def keep(self) -> Blob:
        with storage_errors(_WHERE):
            self.sync()
            blob = self.move()
            fsync(_place(self._directory, blob.sha256).parent)
        return blob

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def move(self) -> Blob:
        """To its place, which holds after a crash once its directory is synced."""
        place = _place(self._directory, self.blob.sha256)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        self._path.replace(place)
        return self.blob


def _stored(path: Path) -> StoredBlob:
    return StoredBlob(_name(path), path.name, path.stat().st_mtime)


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


def _missing() -> NotFoundError:
    return NotFoundError("The stored file is missing from the blob store.", code="original_missing")
