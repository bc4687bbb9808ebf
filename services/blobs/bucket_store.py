"""Blobs as objects in a bucket, so that machines need no folder in common.

A blob's key is `<aa>/<sha256>/<unique>`: each time it is stored it gets another object, and any object of it will do
for reading. An object `<aa>/<sha256>`, as a directory's files are named, counts as one too: a directory that was copied
into the bucket is read as it is. The store has to list what it has acknowledged, as Amazon's, MinIO and Ceph do, and
its clock may be a quarter of an hour from ours, beyond which it refuses what we sign.
"""

import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import structlog

from retrieval.errors import NotFoundError, UnavailableError
from services.blobs.bucket import Bucket
from services.blobs.bucket_holds import BucketHolds
from services.blobs.cache import Cache
from services.blobs.contract import READ, Blob, BlobStore, Incoming, StoredBlob
from services.blobs.errors import storage_errors

SENDING = 8
# An object's time is when its upload began: one that took much longer would look old to `discard` before whoever sent
# it could register it.
SENDING_SECONDS = 1800.0
# Nobody counts on an object of this age who does not know that the registry names its blob.
OVERTAKEN_SECONDS = 3600.0
LOOKS = 3
_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})(?:/[^/]+)?")
_WHERE = "temporary files"
_log = structlog.get_logger(__name__)


class BucketStore(BlobStore):
    """Objects in `bucket`; `cache` has copies of those that are needed as files."""

    def __init__(self, bucket: Bucket, cache: Cache) -> None:
        super().__init__()
        self._bucket = bucket
        self._cache = cache
        self.holds = BucketHolds(bucket)

    def put_readers(self, sources: Sequence[IO[bytes]]) -> list[Blob]:
        with ExitStack() as stack:
            all_incoming = [stack.enter_context(self._incoming(limit=None)) for _ in sources]
            for incoming, source in zip(all_incoming, sources, strict=True):
                incoming.take(source)
            with ThreadPoolExecutor(SENDING) as pool:
                return list(pool.map(_Spooled.keep, all_incoming))

    def path(self, sha256: str) -> Path:
        with storage_errors(_WHERE):
            return self._cache.path(sha256, partial(self._fetch, sha256))

    def open(self, sha256: str) -> IO[bytes]:
        """From the bucket, also where there is a copy: it is for whoever reads once, or wants to know what is there."""
        with ExitStack() as stack, storage_errors(_WHERE):
            file = stack.enter_context(_spool(self._cache.directory))
            self._fetch(sha256, file)
            file.seek(0)
            stack.pop_all()
            return file

    def has(self, sha256: str) -> bool:
        return any(self._blobs(_place(sha256)))

    def is_whole(self, sha256: str) -> bool:
        try:
            self.open(sha256).close()
        except NotFoundError:
            return False
        return True

    def stored(self) -> Iterator[StoredBlob]:
        return self._blobs()

    def page(self, after: str, limit: int) -> list[StoredBlob]:
        # "0" comes behind "/" and so behind all objects of that blob.
        return list(islice(self._blobs(after=f"{_place(after)}0" if after else ""), limit))

    def named(self, name: str) -> Iterator[StoredBlob]:
        return (blob for blob in self._blobs(_place(name)) if blob.name == name)

    def discard(self, blob: StoredBlob, *, wanted: Callable[[], bool], before: float) -> bool:
        """Only objects are deleted that were listed before `wanted` was asked. The same bytes sent at this moment are
        an object of their own: it is either on the list, then it is younger than `before` and nothing is deleted, or it
        came later, and is not touched. Whoever sent an older one knows it for half an hour at least, and has registered
        it: `wanted` says so.
        """
        objects = list(self._bucket.objects(_place(blob.name)))
        if not objects or any(stored.modified >= before for stored in objects) or wanted():
            return False
        for stored in objects:
            self._bucket.delete(stored.key)
        return True

    def answers(self) -> bool:
        return self._bucket.answers()

    def close(self) -> None:
        self._bucket.close()

    def _incoming(self, *, limit: int | None) -> "_Spooled":
        return _Spooled(self._send, self._cache.directory, limit=limit)

    def _send(self, sha256: str, file: IO[bytes]) -> None:
        """As an object of its own, always: one that is there already may be about to be deleted, or be damaged."""
        key, began = f"{_place(sha256)}/{uuid.uuid4().hex}", time.monotonic()
        self._bucket.put(key, file)
        if time.monotonic() - began > SENDING_SECONDS:
            self._bucket.delete(key)
            raise UnavailableError("Storing the original took too long: send it again.", code="storage_unavailable")
        with suppress(UnavailableError):  # stored it is
            self._drop_overtaken(sha256, key)

    def _drop_overtaken(self, sha256: str, key: str) -> None:
        """Delete the objects in whose place this one is. Whoever stored the same bytes within the hour, and has not
        registered them yet, loses nothing: neither of the two deletes the other's object.
        """
        objects = {stored.key: stored.modified for stored in self._bucket.objects(_place(sha256))}
        mine = objects.pop(key, 0.0)  # by the store's clock, as theirs
        for other, modified in objects.items():
            if modified < mine - OVERTAKEN_SECONDS:
                self._bucket.delete(other)

    def _fetch(self, sha256: str, file: IO[bytes]) -> None:
        """Write the blob's bytes, of the newest object that has them whole.

        All that were listed may be gone when they are asked for, because the blob was stored again: so it looks again.
        """
        damaged: set[str] = set()
        for _ in range(LOOKS):
            objects = [stored for stored in self._bucket.objects(_place(sha256)) if stored.key not in damaged]
            for stored in sorted(objects, key=lambda stored: stored.modified, reverse=True):
                found = self._copied(stored.key, file)
                if found == sha256:
                    return
                if found is not None:
                    damaged.add(stored.key)
                    _log.warning("blob_damaged", blob=sha256, key=stored.key)
            if not objects:
                break
        if damaged:
            raise NotFoundError("The stored file is damaged in the object store.", code="original_damaged")
        raise NotFoundError("The stored file is missing from the object store.", code="original_missing")

    def _copied(self, key: str, file: IO[bytes]) -> str | None:
        """The digest of the object's bytes, which are in the file then; None where there is no such object."""
        file.seek(0)
        file.truncate()
        digest = hashlib.sha256()

        def write(data: bytes) -> None:
            digest.update(data)
            file.write(data)

        return digest.hexdigest() if self._bucket.get(key, write) else None

    def _blobs(self, below: str = "", *, after: str = "") -> Iterator[StoredBlob]:
        """One for all objects of a blob, with the time of the newest."""
        found = ((_KEY.fullmatch(stored.key), stored) for stored in self._bucket.objects(below, after=after))
        named = ((match[2], stored.modified) for match, stored in found if match)
        for sha256, objects in groupby(named, key=lambda one: one[0]):
            yield StoredBlob(sha256, sha256, max(modified for _, modified in objects))


class _Spooled(Incoming):
    """A file without a name, which a killed process does not leave behind; small ones stay in memory."""

    def __init__(self, send: Callable[[str, IO[bytes]], None], folder: Path, *, limit: int | None) -> None:
        super().__init__(_spool(folder), limit=limit, where=_WHERE)
        self._send = send

    def keep(self) -> Blob:
        self._send(self.blob.sha256, self._file)
        return self.blob


def _spool(folder: Path) -> IO[bytes]:
    return SpooledTemporaryFile(max_size=READ, dir=str(folder))


def _place(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"
