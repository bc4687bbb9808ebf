"""One collection: its shard on disk, its life and its upkeep.

Threads may read and write at once. Every call of the engine holds the interpreter lock for its whole run (0.9.0), so
writes go in slices short enough for a search to get in between, and the slow `flush` waits for a quiet moment.

Promise: a durable write is on disk when `write` returns. It is in the write-ahead log then (see `journal.py`), and an
engine that is opened again replays the log from its last flush, at about 13,000 points a second.

Knows nothing of names, aliases or JSON.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import UUID

from qdrant_edge import (
    CountRequest,
    EdgeShard,
    Filter,
    Point,
    QueryBatchRequest,
    QueryRequest,
    Record,
    ScoredPoint,
    ScrollRequest,
    UpdateMode,
    UpdateOperation,
)

from services.embedded.index.errors import MissingError, RequestError, WrongInputError
from services.embedded.index.failures import DamagedError, is_damage, is_refusal, unopened
from services.embedded.index.journal import Journal
from services.embedded.index.schema import Schema

# What writes a collection's files, and how: another version of it may not be able to read them.
ENGINE = f"qdrant-edge-py {version('qdrant-edge-py')}"
# 32 points of 384 dimensions hold the interpreter lock for 3 ms.
SLICE = 32
# Flushed when nothing was asked or written for 2 s, or when a restart would have to replay the log for 2 to 3 s.
QUIET_S = 2.0
REPLAYED_AT_MOST = 30_000
# Clearing out deleted points took 2.5 s for 20,000 points beside 40,000 deleted ones; 50,000 keeps a start under 10 s.
VACUUMED_UP_TO = 50_000
# Meanwhile nobody is answered, so a server that is not restarted does it when nobody searched or wrote for so long.
IDLE_S = 600.0
# So many reads may fail by the engine's own fault before everything is read to see whether the files are to blame: not
# in a row, for what a spoilt page does not touch is answered still. Where they are not, that is not repeated so soon.
FAILURES = 3
PROBED_AGAIN_S = 600.0
PAGE = 100

if TYPE_CHECKING:
    from qdrant_edge import ShardInfo  # in the stub of 0.9.0 only

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class Collection:
    """Made by `create` or `load`, ended by `close`; after that every call raises MissingError."""

    def __init__(self, directory: Path, schema: Schema, shard: EdgeShard) -> None:
        self.directory = directory
        self.schema = schema
        self._shard = shard
        self._journal = Journal(directory / "wal")
        self._writing = threading.Lock()
        self._closed = False
        self._operations = 0
        self._unflushed = 0
        self._last_call = self._last_use = time.monotonic()
        self._littered = False
        self._failures = 0
        self._probed_at = -PROBED_AGAIN_S
        self._damage: DamagedError | None = None

    @classmethod
    def create(cls, directory: Path, schema: Schema) -> "Collection":
        collection = cls(directory, schema, EdgeShard.create(str(directory), schema.config()))
        collection.flush()
        return collection

    @classmethod
    def load(cls, directory: Path, schema: Schema) -> "Collection":
        """Open what is there, replay its log, and clear out deleted points where there are many.

        DamagedError for what is in its files, OSError for what the machine refuses.
        """
        try:
            shard = EdgeShard.load(str(directory), schema.config())
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # a panic of the engine is no Exception
            raise unopened(directory, error) from error
        collection = cls(directory, schema, shard)
        collection._vacuum()
        return collection

    def _vacuum(self) -> None:
        """Clear out deleted points; put off where the disk has not the room that takes, two copies of everything."""
        points = self._shard.count(CountRequest(exact=True, filter=None))
        if points > VACUUMED_UP_TO:
            return
        try:
            if self._shard.optimize():
                self._shard.flush()  # until then a crash leaves what was replaced beside what replaced it, for good
                log.info("cleared deleted points out of %s, %d points kept", self.directory.name, points)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the engine is no Exception
            log.warning("deleted points stay in %s for now: %s", self.directory.name, error)

    def query(self, requests: Sequence[QueryRequest]) -> list[list[ScoredPoint]]:
        """One list of points for each request, best first."""
        self._last_use = time.monotonic()
        return self._read(self._shard.query_batch, QueryBatchRequest(list(requests)))

    def scroll(self, request: ScrollRequest) -> tuple[list[Record], int | UUID | str | None]:
        return self._read(self._shard.scroll, request)

    def count(self, request: CountRequest) -> int:
        return self._read(self._shard.count, request)

    def retrieve(self, ids: Sequence[int | UUID], payload: Any, vectors: Any) -> list[Record]:
        return self._read(self._shard.retrieve, list(ids), payload, vectors)

    def info(self) -> "ShardInfo":
        return self._read(self._shard.info)

    def upsert(
        self, points: Sequence[Point], *, condition: Filter | None, mode: UpdateMode | None, durable: bool
    ) -> int:
        """Write points in slices. Returns the last operation's number; a power cut may undo it unless `durable`."""
        for start in range(0, len(points), SLICE):
            batch = list(points[start : start + SLICE])
            self._apply(UpdateOperation.upsert_points(batch, condition, mode), len(batch))
        return self._acknowledge(durable)

    def write(self, operation: UpdateOperation, *, durable: bool) -> int:
        """Apply one operation. Returns its number; a power cut may undo it unless `durable`."""
        self._apply(operation, 1)
        return self._acknowledge(durable)

    def flush(self) -> None:
        """Write everything out and shorten the log. Holds the interpreter lock: 0.1 to 0.5 s up to 100,000 points."""
        with self._writing:
            if not self._closed:
                self._shard.flush()
                self._unflushed = 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody has searched or written for long."""
        return time.monotonic() - self._last_use > IDLE_S

    def keep(self, *, clear: bool) -> None:
        """Flush if something was written and now is the time; where `clear`, clear out deleted points.

        Meant to be called every second or so.
        """
        quiet = time.monotonic() - self._last_call > QUIET_S
        if self._unflushed and (quiet or self._unflushed > REPLAYED_AT_MOST):
            self.flush()
        if clear and self._littered:
            with self._writing:
                if not self._closed:
                    self._vacuum()
                    self._littered = False

    def damage(self) -> DamagedError | None:
        """What is wrong with the files; None where they can be read, or nothing has cast a doubt on them."""
        now = time.monotonic()
        if self._damage is None and self._failures >= FAILURES and now - self._probed_at >= PROBED_AGAIN_S:
            self._failures, self._probed_at = 0, now
            self._damage = self._probe()
        return self._damage

    def _probe(self) -> DamagedError | None:
        """Read every point once, as a whole collection allows: what failed may have been asked for the impossible.

        Payloads and vectors are all that the engine (0.9.0) reads from its files when it is asked: indexes and ids are
        in memory from the start on.
        """
        offset = None
        try:
            while True:
                page = ScrollRequest(offset=offset, limit=PAGE, filter=None, with_payload=True, with_vector=True)
                offset = self._shard.scroll(page)[1]
                if offset is None:
                    return None
        except BaseException as error:  # a panic of the engine is no Exception
            if is_damage(error):
                return DamagedError(f"it cannot be read: {error}")
            log.warning("it cannot be seen whether %s is damaged: %s", self.directory.name, error)
            return None

    def abandon(self) -> None:
        """Close what may be too damaged to be closed."""
        try:
            self.close()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the engine is no Exception
            log.warning("%s could not be closed properly: %s", self.directory.name, error)

    def close(self) -> None:
        with self._writing:
            if not self._closed:
                self._closed = True
                self._shard.close()  # flushes as well

    def _apply(self, operation: UpdateOperation, points: int) -> None:
        with self._writing:
            if self._closed:
                raise MissingError("Not found: the collection was closed")
            try:
                self._shard.update(operation)
            except BaseException as error:  # a panic of the engine is no Exception
                raise self._refusal(error) from error
            self._last_call = self._last_use = time.monotonic()
            self._littered = True
            self._operations += 1
            self._unflushed += points

    def _acknowledge(self, durable: bool) -> int:
        number = self._operations
        if durable:
            try:
                self._journal.sync()
            except FileNotFoundError as error:
                raise self._refusal(error) from error
        return number

    def _read(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        self._last_call = time.monotonic()
        try:
            return call(*arguments, **named)
        except BaseException as error:  # a panic of the engine is no Exception
            refusal = self._refusal(error)
            self._failures += type(refusal) is RequestError and is_damage(error)
            raise refusal from error

    def _refusal(self, error: BaseException) -> RequestError:
        if self._closed:
            return MissingError("Not found: the collection was closed")
        text = str(error)
        if text.startswith("No point with id"):
            return MissingError(f"Not found: {text}")
        if is_refusal(error):
            return WrongInputError(f"Wrong input: {text}")
        log.error("the engine failed in %s: %s", self.directory.name, text)
        return RequestError(f"Service internal error: {text}")
