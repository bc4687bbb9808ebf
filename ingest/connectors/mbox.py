"""A mailbox file in mbox format as a data source, each message a document.

The file is read again only when it changed. Knows nothing of what is in a message.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingest.connectors.contract import Batch, ConnectorError, Fetched, Item, ItemError, ItemGoneError
from ingest.connectors.folder import permitted_path
from ingest.connectors.messages import MAX_HEADER_BYTES, MessageHead, message_head
from ingest.connectors.options import MboxOptions
from ingest.connectors.policy import ConnectorPolicy

BATCH = 200
_LINE = 64 * 1024
_QUOTED = re.compile(rb">+From ")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message lies in the file, without its "From " line."""

    start: int
    end: int
    digest: str
    head: MessageHead


class MboxConnector:
    """The cursor is the file's size and time: the same again means nothing changed."""

    def __init__(self, options: MboxOptions, policy: ConnectorPolicy) -> None:
        self.lists_everything = False
        self._path = permitted_path(options.path, policy)
        self._max_bytes = policy.max_item_bytes
        self._places: dict[str, _Place] = {}

    def close(self) -> None:
        """Nothing is held between calls."""

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        before = self._state()
        if cursor == before:
            yield Batch((), cursor=before)
            return
        items: list[Item] = []
        failed: list[tuple[str, str]] = []
        for external_id, place in self._found():
            size = place.end - place.start
            if size > self._max_bytes:
                failed.append((external_id, f"The message has {size / 2**20:,.4g} MiB, which is more than allowed."))
            else:
                items.append(place.head.item(place.digest, external_id=external_id))
            if len(items) + len(failed) >= BATCH:
                yield Batch(tuple(items), failed=tuple(failed))
                items, failed = [], []
        if self._state() != before:
            # Mail came in while we read: what follows may be cut in the middle, so nothing is taken for gone.
            yield Batch(tuple(items), failed=tuple(failed))
            return
        self.lists_everything = True
        yield Batch(tuple(items), failed=tuple(failed), cursor=before)

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        if item.external_id not in self._places:
            for _ in self._found():
                pass
        place = self._places.get(item.external_id)
        if place is None:
            raise ItemGoneError("The message is no longer in the mailbox.")
        if place.digest == known_revision:
            return None
        if place.end - place.start > self._max_bytes:
            raise ItemError("The message is larger than allowed.")
        path = folder / item.file_name
        if self._copied(place, path) != place.digest:
            raise ItemError("The mailbox changed while it was read; the next sync reads it again.")
        return Fetched(path, place.head.item(place.digest, external_id=item.external_id))

    def _found(self) -> Iterator[tuple[str, _Place]]:
        """Every message under its external id; a second one of the same id gets another."""
        self._places = {}
        for place in self._messages():
            external_id = place.head.external_id
            if external_id in self._places:
                if self._places[external_id].digest == place.digest:
                    continue
                external_id = f"{external_id} {place.digest[:12]}"
            if external_id not in self._places:
                self._places[external_id] = place
                yield external_id, place

    def _messages(self) -> Iterator[_Place]:
        with self._opened() as file:
            start: int | None = None
            head, digest, in_head, after_blank, at = bytearray(), hashlib.sha256(), True, True, 0
            while line := file.readline(_LINE):
                if after_blank and line.startswith(b"From "):
                    if start is not None:
                        yield _place(start, at, head, digest.hexdigest())
                    start = at + len(line)
                    head, digest, in_head = bytearray(), hashlib.sha256(), True
                elif start is None:
                    raise ConnectorError(f"{self._path.name} is not a mailbox in mbox format.")
                else:
                    digest.update(_unquoted(line))
                    in_head = in_head and line not in (b"\n", b"\r\n") and len(head) < MAX_HEADER_BYTES
                    if in_head:
                        head += line
                at += len(line)
                after_blank = line in (b"\n", b"\r\n")
            if start is not None:
                yield _place(start, at, head, digest.hexdigest())

    def _copied(self, place: _Place, path: Path) -> str:
        """Write a message to a file; the digest of what was written."""
        digest = hashlib.sha256()
        with self._opened() as file, path.open("wb") as copy:
            file.seek(place.start)
            left = place.end - place.start
            while left > 0 and (line := file.readline(min(_LINE, left))):
                left -= len(line)
                digest.update(_unquoted(line))
                copy.write(_unquoted(line))
        return digest.hexdigest()

    def _opened(self) -> BinaryIO:
        try:
            return os.fdopen(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
        except OSError as error:
            raise ConnectorError(f"{self._path} cannot be read: {error.strerror}.") from error

    def _state(self) -> str:
        try:
            found = self._path.stat()
        except OSError as error:
            raise ConnectorError(f"{self._path} cannot be read: {error.strerror}.") from error
        return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def _place(start: int, end: int, head: bytearray, digest: str) -> _Place:
    return _Place(start, end, digest, message_head(bytes(head), digest))


def _unquoted(line: bytes) -> bytes:
    """A line as it was before the mailbox put a ">" before its "From "."""
    return line[1:] if _QUOTED.match(line) else line
