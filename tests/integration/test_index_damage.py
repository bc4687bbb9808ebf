"""Files of the embedded index that are spoilt while it is open, or cut by a power failure.

What cannot be opened at all is in `test_index_server.py`, and that the rest of the assistant fills a collection again
that was left out in `test_lost_index.py`.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_edge import (
    CountRequest,
    EdgeShard,
    Point,
    Query,
    QueryRequest,
    ScrollRequest,
    SparseVector,
)

from services.embedded.index.catalogue import Catalogue
from services.embedded.index.collection import FAILURES, Collection
from services.embedded.index.errors import MissingError, RequestError, WrongInputError
from services.embedded.index.failures import is_damage
from services.embedded.index.schema import Schema

SCHEMA = Schema({"dense": {"size": 4, "distance": "Cosine"}}, {"bm25": {"modifier": "idf"}})
POINTS = 300
EVERYTHING = ScrollRequest(limit=POINTS, with_payload=True, with_vector=True)
ALL = CountRequest(exact=True, filter=None)
NEAREST = QueryRequest(limit=10, query=Query.Nearest([1.0, 0.0, 0.0, 0.0], "dense"))


def write(collection: Collection, numbers: range) -> None:
    points = [
        Point(n, {"dense": [1.0, n, 0.0, 0.0], "bm25": SparseVector([n], [1.0])}, {"text": f"passage {n} " * 9})
        for n in numbers
    ]
    collection.upsert(points, condition=None, mode=None, durable=True)


def text_of(collection: Collection, number: int) -> str:
    return str((collection.retrieve([number], True, False)[0].payload or {})["text"])


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """The collections `hurt` and `whole`, written out, and an alias of each."""
    made = Catalogue(tmp_path)
    for name in ("hurt", "whole"):
        made.create(name, SCHEMA)
        made.change_aliases([{"create_alias": {"collection_name": name, "alias_name": f"{name}-now"}}])
        write(made.get(name), range(POINTS))
        made.get(name).flush()
    yield made
    made.close()


def overwrite(file: Path, with_bytes: Callable[[int], bytes]) -> None:
    """All that was written to it, in place: whoever has mapped the file sees it."""
    end = len(file.read_bytes().rstrip(b"\0"))
    with file.open("r+b") as stream:
        stream.write(with_bytes(end)[:end])


def spoil_payloads(directory: Path) -> None:
    overwrite(directory_of(directory, "payload_storage/page_0.dat"), random.Random(1).randbytes)


def spoil_addresses(directory: Path) -> None:
    """Of payloads: the engine panics."""
    overwrite(directory_of(directory, "payload_storage/tracker.dat"), lambda length: b"\xff" * length)


def spoil_sparse_vectors(directory: Path) -> None:
    overwrite(directory_of(directory, "vector_storage-bm25/store/page_0.dat"), random.Random(1).randbytes)


def directory_of(collection: Path, name: str) -> Path:
    return next(collection.rglob(name))


def ask(collection: Collection, times: int) -> None:
    """Reads that fail."""
    for _ in range(times):
        with pytest.raises(RequestError, match="Service internal error"):
            collection.scroll(EVERYTHING)


class TestWhileItIsOpen:
    @pytest.mark.parametrize("spoil", [spoil_payloads, spoil_addresses, spoil_sparse_vectors])
    def test_a_collection_that_cannot_be_read_any_more_is_kept_and_left_out(
        self, catalogue: Catalogue, tmp_path: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        hurt = catalogue.get("hurt")
        spoil(hurt.directory)
        ask(hurt, FAILURES)
        catalogue.keep()
        assert (catalogue.names(), catalogue.aliases()) == (["whole"], {"whole-now": "whole"})
        assert catalogue.get("whole").count(ALL) == POINTS
        with pytest.raises(MissingError):
            hurt.scroll(EVERYTHING)
        (kept,) = (tmp_path / "damaged").iterdir()
        assert kept.name.startswith(hurt.directory.name)
        assert "collection hurt is DAMAGED" in caplog.text
        catalogue.create("hurt", SCHEMA)  # as whoever fills it does
        write(catalogue.get("hurt"), range(10))
        catalogue.close()
        assert Catalogue(tmp_path).get("hurt").count(ALL) == 10

    def test_one_that_is_deleted_meanwhile_is_gone_and_no_other_with_it(self, catalogue: Catalogue) -> None:
        hurt = catalogue.get("hurt")
        spoil_payloads(hurt.directory)
        ask(hurt, FAILURES)
        catalogue.delete("hurt")
        catalogue.create("hurt", SCHEMA)
        catalogue.keep()
        assert catalogue.names() == ["hurt", "whole"]


class TestWhatIsNoDamage:
    def test_fewer_failures_move_nothing(self, catalogue: Catalogue) -> None:
        spoil_payloads(catalogue.get("hurt").directory)
        ask(catalogue.get("hurt"), FAILURES - 1)
        catalogue.keep()
        assert catalogue.names() == ["hurt", "whole"]

    def test_bad_requests_move_nothing_not_even_what_is_damaged(self, catalogue: Catalogue) -> None:
        hurt = catalogue.get("hurt")
        spoil_payloads(hurt.directory)
        for query in (Query.Nearest([1.0], "dense"), Query.Nearest([1.0, 0.0, 0.0, 0.0], "dance")):
            for _ in range(FAILURES):
                with pytest.raises(WrongInputError):
                    hurt.query([QueryRequest(limit=1, query=query)])
        catalogue.keep()
        assert catalogue.names() == ["hurt", "whole"]

    def test_a_request_that_the_engine_fails_on_moves_nothing_where_all_can_be_read(self, catalogue: Catalogue) -> None:
        whole = catalogue.get("whole")
        never_seen = Exception("Service runtime error: never seen before")
        whole._shard = Failing(whole._shard, "query_batch", never_seen)  # type: ignore[assignment]
        for _ in range(2 * FAILURES):
            with pytest.raises(RequestError, match="never seen before"):
                whole.query([NEAREST])
            catalogue.keep()
        assert catalogue.names() == ["hurt", "whole"]

    @pytest.mark.parametrize(
        "error",
        [
            Exception("Service runtime error: IO Error: No space left on device (os error 28)"),
            Exception("Service runtime error: Cannot allocate memory (os error 12)"),
            Exception("Service runtime error: IO Error: Too many open files (os error 24)"),
            Exception('Gridstore IO error: Os { code: 5, kind: Uncategorized, message: "Input/output error" }'),
            Exception("Service runtime error: memory allocation failed because the memory allocator returned an error"),
            Exception("Timeout error: Operation 'search' timed out after 10 seconds"),
            Exception("Operation was cancelled: the caller is gone"),
            MemoryError(),
            SystemExit(0),
        ],
        ids=lambda error: str(error)[-16:] or type(error).__name__,
    )
    def test_what_the_machine_refuses_and_time_outs_move_nothing(
        self, catalogue: Catalogue, error: BaseException
    ) -> None:
        hurt = catalogue.get("hurt")
        spoil_payloads(hurt.directory)
        assert not is_damage(error)
        shard, hurt._shard = hurt._shard, Failing(hurt._shard, "query_batch", error)  # type: ignore[assignment]
        for _ in range(FAILURES):
            with pytest.raises(RequestError):
                hurt.query([NEAREST])
        hurt._shard = shard
        catalogue.keep()
        assert catalogue.names() == ["hurt", "whole"]

    def test_nothing_is_moved_that_the_machine_does_not_let_us_see(self, catalogue: Catalogue) -> None:
        hurt = catalogue.get("hurt")
        spoil_payloads(hurt.directory)
        ask(hurt, FAILURES)
        hurt._shard = Failing(hurt._shard, "scroll", Exception("(os error 12)"))  # type: ignore[assignment]
        catalogue.keep()
        assert catalogue.names() == ["hurt", "whole"]


class Failing:
    """A shard of which one call fails, as no file makes it fail at will; everything else is the shard's own."""

    def __init__(self, shard: EdgeShard, call: str, error: BaseException) -> None:
        self._shard = shard
        self._call = call
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._call else getattr(self._shard, name)

    def _fail(self, *_: object) -> None:
        raise self._error


def cut_in_the_middle(log: bytes, end: int) -> bytes:
    return log[: end // 2]


def lost_from_the_middle(log: bytes, end: int) -> bytes:
    """As a file system shows blocks that were never written."""
    return log[: end // 2] + bytes(len(log) - end // 2)


def lost_in_the_middle(log: bytes, end: int) -> bytes:
    return log[: end // 2] + bytes(4096) + log[end // 2 + 4096 :]


class TestPowerCuts:
    """What is opened then is the older copy that it looks like, or left out: the auditor has the rest written again."""

    @pytest.mark.parametrize("damage", [cut_in_the_middle, lost_from_the_middle, lost_in_the_middle])
    def test_a_log_that_is_cut_leaves_a_collection_that_takes_again_what_it_lost(
        self, tmp_path: Path, damage: Callable[[bytes, int], bytes]
    ) -> None:
        catalogue = Catalogue(tmp_path / "now")
        catalogue.create("chunks", SCHEMA)
        catalogue.change_aliases([{"create_alias": {"collection_name": "chunks", "alias_name": "chunks-now"}}])
        write(catalogue.get("chunks"), range(100))
        catalogue.get("chunks").flush()
        flushed = tmp_path / "cut"
        shutil.copytree(tmp_path / "now", flushed, ignore=shutil.ignore_patterns("tmp-open-*"))
        write(catalogue.get("chunks"), range(100, POINTS))
        log = min(flushed.rglob("wal/open-*"))  # the one that is being written
        written = (catalogue.get("chunks").directory / "wal" / log.name).read_bytes()
        log.write_bytes(damage(written, len(written.rstrip(b"\0"))))
        catalogue.close()
        cut = Catalogue(flushed)
        if not cut.names():
            assert len(list((flushed / "damaged").iterdir())) == 1
            cut.create("chunks", SCHEMA)
        held = cut.get("chunks").count(ALL)
        assert held < POINTS
        assert len(cut.get("chunks").scroll(EVERYTHING)[0]) == held
        write(cut.get("chunks"), range(POINTS))
        cut.close()
        again = Catalogue(flushed)
        assert again.get("chunks").count(ALL) == POINTS
        assert text_of(again.get("chunks"), POINTS - 1).startswith(f"passage {POINTS - 1} ")
        again.close()
