"""The embedded index server as a process: what survives its end, who may start it and who may ask it."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.common.version_check import is_compatible
from qdrant_edge import CountRequest, Point, UpdateOperation

from services.embedded.index import collection as collections
from services.embedded.index.catalogue import Catalogue
from services.embedded.index.collection import ENGINE, Collection
from services.embedded.index.schema import Schema
from tests.faults.volumes import mounted
from tests.integration.index_chunks import CHUNKS, DENSE, RED, SPARSE, create, ids, is_value, may_read, point, words
from tests.integration.index_process import IndexProcess, refusal

KEY = "a-key-of-more-than-sixteen-characters"
VECTOR = [1.0, 0.0, 0.0, 0.0]
# The log prepares its next segment beside the others and renames it when it likes: never part of what was written.
NEXT_SEGMENT = shutil.ignore_patterns("tmp-open-*")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    directory = tmp_path_factory.mktemp("locked")
    (directory / "key").write_text(f"{KEY}\n", encoding="utf-8")
    with IndexProcess(directory / "data", "--api-key-file", str(directory / "key")) as server:
        yield server


class TestLifetime:
    def test_everything_acknowledged_survives_kill_9_while_it_is_written(self, tmp_path: Path) -> None:
        acknowledged: list[int] = []

        enough = threading.Event()

        def write(client: QdrantClient) -> None:
            with suppress(Exception):  # the connection breaks when the server is killed; that is the point
                for start in range(0, 100_000, 20):
                    numbers = range(start, start + 20)
                    client.upsert("chunks", [point(n, [1, n, 0, 0], {n: 1.0}, number=n) for n in numbers], wait=True)
                    acknowledged.append(start)
                    if len(acknowledged) > 30:
                        enough.set()

        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            create(client, "chunks")
            writer = threading.Thread(target=write, args=(client,))
            writer.start()
            enough.wait(60)
            server.kill()
            writer.join(60)
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            expected = {start + n for start in acknowledged for n in range(20)}
            records, _ = client.scroll("chunks", limit=1_000_000, with_vectors=True)
            assert expected <= set(ids(records))
            assert all(record.payload == {"number": record.id} and len(record.vector or ()) == 2 for record in records)
            last = max(expected)
            assert ids(client.query_points("chunks", query=words(last), using=SPARSE).points) == [last]

    def test_every_kind_of_change_survives_kill_9(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            create(client, "chunks")
            client.create_payload_index("chunks", "grants", models.PayloadSchemaType.KEYWORD, wait=True)
            client.update_collection_aliases([alias("chunks", "current")])
            client.upsert("current", CHUNKS, wait=True)
            client.delete("current", models.FilterSelector(filter=may_read("group:it")), wait=True)
            client.set_payload("current", {"grants": ["group:new"]}, models.Filter(must=[is_value("version", 3)]))
            create(client, "dropped")
            client.delete_collection("dropped")
            server.kill()
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            assert set(ids(client.scroll("current")[0])) == {1, 2, 4, 5}
            assert ids(client.scroll("current", scroll_filter=may_read("group:new"))[0]) == [5]
            assert set(client.get_collection("current").payload_schema) == {"grants"}
            assert [collection.name for collection in client.get_collections().collections] == ["chunks"]

    def test_the_log_alone_restores_what_was_written_since_the_last_flush(self, tmp_path: Path) -> None:
        """The log is what a durable write forces to disk; after a power cut the rest may be as old as the flush."""
        schema = Schema({DENSE: {"size": 4, "distance": "Cosine"}}, {})
        collection = Collection.create(tmp_path / "now", schema)
        write_dense(collection, range(100))
        collection.flush()
        shutil.copytree(tmp_path / "now", tmp_path / "flushed", ignore=NEXT_SEGMENT)
        write_dense(collection, range(100, 300))
        shutil.rmtree(tmp_path / "flushed" / "wal")
        shutil.copytree(tmp_path / "now" / "wal", tmp_path / "flushed" / "wal", ignore=NEXT_SEGMENT)
        collection.close()
        restored = Collection.load(tmp_path / "flushed", schema)
        assert restored.count(CountRequest(exact=True)) == 300
        assert restored.retrieve([299], True, False)[0].payload == {"number": 299}
        restored.close()

    def test_a_refused_write_leaves_nothing_behind_after_kill_9(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            create(client, "chunks")
            for vector in ({DENSE: [1.0]}, {DENSE: [1.0, 0, 0, None]}, {"dance": VECTOR}, {SPARSE: VECTOR}, VECTOR):
                points = [{"id": 1, "vector": {DENSE: VECTOR}}, {"id": 2, "vector": vector}]
                response = httpx.put(f"{server.url}/collections/chunks/points?wait=true", json={"points": points})
                assert refusal(response)[0] == 400
            server.kill()
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            assert client.count("chunks").count == 0

    def test_sigterm_ends_it_quietly_and_a_restart_finds_everything(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            create(client, "chunks")
            client.upsert("chunks", CHUNKS, wait=False)
            client.update_collection_aliases([alias("chunks", "current")])
            code, errors = server.stop()
        assert (code, errors.splitlines()) == (0, [f"INFO services.embedded.index_server: {ENGINE}, collections: none"])
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            found = client.query_points("current", query=words(RED), using=SPARSE, query_filter=may_read("everyone"))
            assert ids(found.points) == [1]

    def test_a_restart_clears_out_deleted_points_and_keeps_the_others(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            create(client, "chunks")
            client.upsert("chunks", [point(n, [1, n, 0, 0], {n: 1.0}, half=n % 2) for n in range(3000)], wait=True)
            client.delete("chunks", models.FilterSelector(filter=models.Filter(must=[is_value("half", 0)])), wait=True)
            server.stop()
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            assert client.count("chunks", exact=True).count == 1500
            assert ids(client.query_points("chunks", query=words(2999), using=SPARSE).points) == [2999]
            client.upsert("chunks", [point(2999, VECTOR, {7: 1.0})], wait=True)
            assert client.count("chunks", exact=True).count == 1500
            assert "cleared" in server.stop()[1]

    def test_deleted_points_are_cleared_out_once_nobody_searches_or_writes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        catalogue = Catalogue(tmp_path)
        for name in ("chunks", "others"):
            catalogue.create(name, Schema({DENSE: {"size": 4, "distance": "Cosine"}}, {}))
        kept = catalogue.get("chunks")
        points = [Point(number, {DENSE: [1.0, number, 0.0, 0.0]}, {}) for number in range(3000)]
        kept.upsert(points, condition=None, mode=None, durable=True)
        kept.write(UpdateOperation.delete_points(list(range(1500))), durable=True)
        caplog.set_level("INFO")
        monkeypatch.setattr(collections, "IDLE_S", 0.2)
        time.sleep(0.3)
        catalogue.get("others").query([])
        catalogue.keep()
        assert "cleared" not in caplog.text  # others are searched, who would wait as well
        time.sleep(0.3)
        catalogue.keep()
        assert "cleared" in caplog.text
        caplog.clear()
        catalogue.keep()
        assert not caplog.text
        assert kept.count(CountRequest(exact=True, filter=None)) == 1500
        kept.upsert(points[:1], condition=None, mode=None, durable=True)
        catalogue.close()
        again = Catalogue(tmp_path)
        assert again.get("chunks").count(CountRequest(exact=True, filter=None)) == 1501
        again.close()

    def test_a_restart_with_little_room_on_the_disk_leaves_deleted_points_and_answers(self, tmp_path: Path) -> None:
        with mounted(tmp_path / "disk", megabytes=500) as volume:
            if volume is None:
                pytest.skip("a volume of its own cannot be mounted here")
            with IndexProcess(tmp_path / "disk") as server, closing(server.client()) as client:
                create(client, "chunks")
                client.upsert("chunks", [point(n, [1, n, 0, 0], {n: 1.0}, half=n % 2) for n in range(3000)], wait=True)
                gone = models.FilterSelector(filter=models.Filter(must=[is_value("half", 0)]))
                client.delete("chunks", gone, wait=True)
                server.stop()
            room = os.statvfs(tmp_path / "disk")
            (tmp_path / "disk" / ".filler").write_bytes(bytes(room.f_bavail * room.f_frsize - 60 * 2**20))
            with IndexProcess(tmp_path / "disk") as server, closing(server.client()) as client:
                assert client.count("chunks", exact=True).count == 1500
                assert ids(client.query_points("chunks", query=words(2999), using=SPARSE).points) == [2999]
                client.upsert("chunks", [point(2999, VECTOR, {7: 1.0})], wait=True)
                assert client.count("chunks", exact=True).count == 1500
                assert "deleted points stay" in server.stop()[1]

    def test_searches_are_answered_while_chunks_are_written(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path) as server, closing(server.client()) as client, closing(server.client()) as other:
            create(client, "chunks")
            points = [point(n, [1, n, 0, 0], {n: 1.0}) for n in range(5000)]
            writer = threading.Thread(target=other.upsert, args=("chunks", points), kwargs={"wait": True})
            writer.start()
            counts = [client.count("chunks").count]
            while writer.is_alive():
                client.query_points("chunks", query=VECTOR, using=DENSE)
                counts.append(client.count("chunks").count)
            writer.join()
            assert counts == sorted(counts)
            assert client.count("chunks").count == 5000

    def test_what_a_crash_left_half_made_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "collections" / "left").mkdir(parents=True)
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            assert client.get_collections().collections == []
            assert list((tmp_path / "collections").iterdir()) == []

    def test_a_second_server_on_the_same_directory_is_refused(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path) as server:
            code, errors = failed_start("--data-dir", str(tmp_path), "--port", "0")
        assert code == 1
        assert f"in use by another instance of Footnote (pid {server.pid})" in errors

    def test_a_taken_port_is_refused_and_named(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path / "first") as server:
            port = server.url.rpartition(":")[2]
            code, errors = failed_start("--data-dir", str(tmp_path / "second"), "--port", port)
        assert code == 1
        assert f"127.0.0.1:{port} is not free" in errors

    def test_it_says_a_version_that_the_client_accepts(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            assert is_compatible(version("qdrant-client"), client.info().version)

    def test_it_imports_nothing_heavy(self) -> None:
        heavy = "{'fastapi', 'torch', 'qdrant_client', 'numpy', 'openvino', 'sqlalchemy', 'pydantic'}"
        code = f"import sys, services.embedded.index_server; print(sorted({heavy} & set(sys.modules)))"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "[]"


def shortened(name: str) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        file = next(directory.rglob(name))
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    return damage


def emptied(name: str) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        next(directory.rglob(name)).write_bytes(b"")

    return damage


def overwritten(name: str) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        file = next(directory.rglob(name))
        file.write_bytes(b"\xff" * file.stat().st_size)

    return damage


class TestDamage:
    """What cannot be read is moved away and left out, and the rest is served."""

    @pytest.fixture
    def two(self, tmp_path: Path) -> Path:
        """The data directory of a server with the collections `hurt` and `whole`, and an alias of each."""
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            for name in ("hurt", "whole"):
                create(client, name)
                client.upsert(name, CHUNKS, wait=True)
                client.update_collection_aliases([alias(name, f"{name}-now")])
            server.stop()
        return tmp_path

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(shortened("segment.json"), id="an error"),
            pytest.param(overwritten("mutable_id_tracker.mappings"), id="an error in binary data"),
            pytest.param(overwritten("open-1"), id="the log"),
            pytest.param(overwritten("vector_storage-dense/deleted/status.dat"), id="a file that is not there"),
            pytest.param(emptied("vector_storage-dense/deleted/status.dat"), id="a panic"),
        ],
    )
    def test_a_collection_that_cannot_be_opened_is_kept_and_left_out(
        self, two: Path, damage: Callable[[Path], None]
    ) -> None:
        directory = directory_of(two, "hurt")
        damage(directory)
        files = names_below(directory)
        with IndexProcess(two) as server, closing(server.client()) as client:
            assert [collection.name for collection in client.get_collections().collections] == ["whole"]
            assert [entry.alias_name for entry in client.get_aliases().aliases] == ["whole-now"]
            assert client.count("whole-now").count == len(CHUNKS)
            (kept,) = (two / "damaged").iterdir()
            assert kept.name.startswith(directory.name)
            assert names_below(kept) >= files
            create(client, "hurt")  # as whoever fills it does
            client.update_collection_aliases([alias("hurt", "hurt-now")])
            errors = server.stop()[1]
            assert "collection hurt is DAMAGED" in errors
            assert str(kept) in errors
        with IndexProcess(two) as server, closing(server.client()) as client:
            assert client.count("hurt-now").count == 0
            assert "DAMAGED" not in server.stop()[1]
        assert list((two / "damaged").iterdir()) == [kept]

    def test_it_is_left_out_for_good_before_anybody_makes_it_again(self, two: Path) -> None:
        emptied("vector_storage-dense/deleted/status.dat")(directory_of(two, "hurt"))
        with IndexProcess(two) as server:
            server.kill()
        with IndexProcess(two) as server, closing(server.client()) as client:
            assert [collection.name for collection in client.get_collections().collections] == ["whole"]
            assert "DAMAGED" not in server.stop()[1]

    def test_a_collection_whose_directory_is_gone_is_left_out(self, two: Path) -> None:
        shutil.rmtree(directory_of(two, "hurt"))
        with IndexProcess(two) as server, closing(server.client()) as client:
            assert [collection.name for collection in client.get_collections().collections] == ["whole"]
            assert "collection hurt is DAMAGED" in server.stop()[1]

    @pytest.mark.parametrize(
        "text",
        [b"", b"{", bytes(300), b"[]", b'{"format": 1}', b'{"format": 1, "collections": {"a": 1}, "aliases": {}}'],
    )
    def test_without_a_catalogue_all_collections_are_kept_and_none_is_known(self, two: Path, text: bytes) -> None:
        (two / "catalogue.json").write_bytes(text)
        files = names_below(two / "collections")
        with IndexProcess(two) as server, closing(server.client()) as client:
            assert client.get_collections().collections == []
            catalogue, shards = sorted((two / "damaged").iterdir())
            assert catalogue.read_bytes() == text
            assert names_below(shards) == files
            create(client, "hurt")
            errors = server.stop()[1]
            assert "catalogue.json is DAMAGED" in errors
            assert str(shards) in errors
        with IndexProcess(two) as server, closing(server.client()) as client:
            assert [collection.name for collection in client.get_collections().collections] == ["hurt"]

    def test_what_another_engine_wrote_and_this_one_cannot_open_is_said_to_be_that(self, two: Path) -> None:
        assert engines(two) == {"hurt": ENGINE, "whole": ENGINE}
        written_by(two, "qdrant-edge-py 0.1.0")
        overwritten("mutable_id_tracker.mappings")(directory_of(two, "hurt"))
        with IndexProcess(two) as server, closing(server.client()) as client:
            assert [collection.name for collection in client.get_collections().collections] == ["whole"]
            create(client, "hurt")
            errors = server.stop()[1]
        (kept,) = (two / "damaged").iterdir()
        assert f"collection hurt was written by qdrant-edge-py 0.1.0, and {ENGINE}, which is installed now" in errors
        assert str(kept) in errors
        assert f"collection whole, written by qdrant-edge-py 0.1.0, is open; from now on {ENGINE} writes it" in errors
        assert engines(two) == {"hurt": ENGINE, "whole": ENGINE}

    def test_a_catalogue_that_names_no_engine_is_read_and_names_it_from_then_on(self, two: Path) -> None:
        written_by(two, None)
        with IndexProcess(two) as server, closing(server.client()) as client:
            assert client.count("hurt-now").count == client.count("whole-now").count == len(CHUNKS)
            assert "written by" not in server.stop()[1]
        assert engines(two) == {"hurt": ENGINE, "whole": ENGINE}

    def test_a_directory_of_another_release_is_refused_and_left_alone(self, two: Path) -> None:
        catalogue = two / "catalogue.json"
        catalogue.write_text(json.dumps({"format": 2, "shards": []}), encoding="utf-8")
        before = names_below(two)
        code, errors = failed_start("--data-dir", str(two), "--port", "0")
        assert (code, "another release (format 2)" in errors) == (1, True)
        assert names_below(two) == before

    @pytest.mark.parametrize(
        "error",
        [
            # The engine's own words where descriptors, memory, threads and permissions were taken from it.
            Exception("Service runtime error: IO Error: Too many open files (os error 24)"),
            Exception('Can\'t init WAL: Os { code: 13, kind: PermissionDenied, message: "Permission denied" }'),
            Exception("Failed to open mmap payload storage: Cannot allocate memory (os error 12)"),
            Exception("failed to build edge edge-search thread pool: Resource temporarily unavailable (os error 11)"),
            Exception("IO Error: No space left on device (os error 28)"),
            Exception("IO Error: Input/output error (os error 5)"),
            MemoryError(),
            KeyboardInterrupt(),
            SystemExit(0),
        ],
        ids=lambda error: str(error)[-12:] or type(error).__name__,
    )
    def test_nothing_is_moved_for_what_the_machine_refuses(
        self, two: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Refused:
            @staticmethod
            def load(*_: object) -> None:
                raise error

        monkeypatch.setattr(collections, "EdgeShard", Refused)
        before, saved = names_below(two), (two / "catalogue.json").read_bytes()
        with pytest.raises(OSError if type(error) is Exception else type(error)):
            Catalogue(two)
        assert (names_below(two), (two / "catalogue.json").read_bytes()) == (before, saved)

    def test_nothing_is_moved_where_the_process_may_open_no_more_files(self, two: Path) -> None:
        before = names_below(two)
        run = subprocess.run([sys.executable, "-c", NO_FILES, str(two)], capture_output=True, text=True, check=False)
        assert "OSError: [Errno 24]" in run.stderr
        assert names_below(two) == before

    def test_a_panic_while_deleted_points_are_cleared_out_stops_nobody(self, tmp_path: Path) -> None:
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            create(client, "chunks")
            client.upsert("chunks", [point(n, [1, n, 0, 0], {n: 1.0}, half=n % 2) for n in range(3000)], wait=True)
            client.delete("chunks", models.FilterSelector(filter=models.Filter(must=[is_value("half", 0)])), wait=True)
            server.stop()
        emptied("chunk_0.mmap")(directory_of(tmp_path, "chunks"))
        with IndexProcess(tmp_path) as server, closing(server.client()) as client:
            assert client.count("chunks", exact=True).count == 1500
            assert "deleted points stay" in server.stop()[1]


# Leaves its process two descriptors, fewer than a collection takes to open.
NO_FILES = """
import os, resource, sys
from pathlib import Path
from services.embedded.index.catalogue import Catalogue
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    for descriptor in taken[:2]:
        os.close(descriptor)
Catalogue(Path(sys.argv[1]))
"""


class TestKey:
    @pytest.mark.parametrize("headers", [{"api-key": KEY}, {"authorization": f"Bearer {KEY}"}])
    def test_the_key_opens(self, locked: IndexProcess, headers: dict[str, str]) -> None:
        assert httpx.get(f"{locked.url}/collections", headers=headers).status_code == 200

    @pytest.mark.parametrize("headers", [{"api-key": KEY[:-1]}, {"authorization": f"Bearer {KEY}x"}, {"api-key": ""}])
    def test_another_key_does_not(self, locked: IndexProcess, headers: dict[str, str]) -> None:
        assert refusal(httpx.get(f"{locked.url}/collections", headers=headers))[0] == 403

    def test_no_key_does_not_even_for_calls_that_do_not_exist(self, locked: IndexProcess) -> None:
        for path in ("/collections", "/collections/x/points/delete", "/telemetry", "//healthz"):
            assert refusal(httpx.post(f"{locked.url}{path}", json={}))[0] == 401

    def test_health_is_open(self, locked: IndexProcess) -> None:
        for path in ("/healthz", "/readyz", "/livez", "/"):
            assert httpx.get(f"{locked.url}{path}").status_code == 200

    def test_a_short_key_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("short", encoding="utf-8")
        code, errors = failed_start("--data-dir", str(tmp_path), "--port", "0", "--api-key-file", str(tmp_path / "key"))
        assert (code, "shorter than 16 characters" in errors) == (1, True)


def write_dense(collection: Collection, numbers: range) -> None:
    points = [Point(number, {DENSE: [1.0, float(number), 0.0, 0.0]}, {"number": number}) for number in numbers]
    collection.upsert(points, condition=None, mode=None, durable=True)


def directory_of(data_dir: Path, collection: str) -> Path:
    catalogue = json.loads((data_dir / "catalogue.json").read_bytes())
    return data_dir / "collections" / str(catalogue["collections"][collection]["directory"])


def engines(data_dir: Path) -> dict[str, str]:
    """The engine that wrote each collection last."""
    catalogue = json.loads((data_dir / "catalogue.json").read_bytes())
    return {name: entry["engine"] for name, entry in catalogue["collections"].items()}


def written_by(data_dir: Path, engine: str | None) -> None:
    """As if this engine had written every collection; None: as a release left it that did not say so."""
    file = data_dir / "catalogue.json"
    catalogue = json.loads(file.read_bytes())
    for entry in catalogue["collections"].values():
        entry.pop("engine")
        if engine is not None:
            entry["engine"] = engine
    file.write_text(json.dumps(catalogue), encoding="utf-8")


def names_below(directory: Path) -> set[str]:
    """Without what the engine makes and drops when it likes."""
    files = {str(path.relative_to(directory)) for path in directory.rglob("*")}
    return {file for file in files if not re.search(r"tmp-open-\w+$|tracker_journal\.dat$", file)}


def alias(collection: str, name: str) -> models.CreateAliasOperation:
    return models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=collection, alias_name=name))


def failed_start(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "services.embedded.index_server", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return run.returncode, run.stderr
