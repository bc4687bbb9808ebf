"""One contract, two stores: a directory, and a bucket on moto's server. What only the bucket has comes after."""

import asyncio
import hashlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from retrieval.errors import FootnoteError, NotFoundError, TooLargeError, UnavailableError
from services.blobs import BlobStore, bucket_holds, bucket_store, directory_holds
from services.blobs import bucket as bucket_module
from services.blobs.bucket_store import BucketStore
from services.blobs.directory import DirectoryStore
from services.parsed_text import kept_text
from tests.integration.buckets import PREFIX, new_bucket, open_store
from tests.integration.workshop import Workshop
from tests.private_servers import free_port

NOBODYS = "0" * 64
LATER = 3600.0


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def refused(call: Callable[[], object]) -> str:
    """The code of the error."""
    with pytest.raises(FootnoteError) as caught:
        call()
    return caught.value.code


class StoreContract:
    """Each store is a fixture `store`; `holds` is the module of its holds."""

    holds: object

    def test_a_blob_is_found_by_its_digest_however_it_was_stored(self, store: BlobStore, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"hello")
        blobs = [
            store.put(b"hello"),
            store.put_reader(BytesIO(b"hello")),
            store.put_file(tmp_path / "file", limit=5),
            asyncio.run(store.put_stream(stream(b"hel", b"lo"), limit=5)),
        ]
        assert {(blob.sha256, blob.size) for blob in blobs} == {(digest(b"hello"), 5)}
        assert store.read(blobs[0].sha256) == b"hello"
        assert store.path(blobs[0].sha256).read_bytes() == b"hello"
        assert store.has(blobs[0].sha256)
        assert store.is_whole(blobs[0].sha256)
        assert [blob.name for blob in store.stored()] == [blobs[0].sha256]

    def test_many_are_stored_in_order_and_the_same_bytes_once(self, store: BlobStore) -> None:
        contents = [b"one", b"two", b"one", b"", b"x" * 3_000_000]
        blobs = store.put_readers([BytesIO(content) for content in contents])
        assert [store.read(blob.sha256) for blob in blobs] == contents
        assert [blob.size for blob in blobs] == [3, 3, 3, 0, 3_000_000]
        assert len(list(store.stored())) == 4

    def test_what_is_too_large_or_breaks_off_leaves_nothing(self, store: BlobStore, tmp_path: Path) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"abc"
            raise ConnectionResetError

        (tmp_path / "file").write_bytes(b"abcdef")
        with pytest.raises(TooLargeError):
            asyncio.run(store.put_stream(stream(b"abc", b"def"), limit=5))
        with pytest.raises(TooLargeError):
            store.put_file(tmp_path / "file", limit=5)
        with pytest.raises(ConnectionResetError):
            asyncio.run(store.put_stream(broken(), limit=50))
        assert list(store.stored()) == []

    def test_a_missing_blob_is_said_to_be_missing(self, store: BlobStore) -> None:
        for look in (store.read, store.path, store.open):
            with pytest.raises(NotFoundError) as missing:
                look(NOBODYS)
            assert missing.value.code == "original_missing"
        assert not store.has(NOBODYS)
        assert not store.is_whole(NOBODYS)
        assert list(store.named(NOBODYS)) == []

    def test_pages_hold_every_blob_once_in_the_order_of_their_names(self, store: BlobStore) -> None:
        names = sorted(store.put(bytes([number])).sha256 for number in range(9))
        store.put(bytes([3]))
        pages, after = list[list[str]](), ""
        while page := store.page(after, 2):
            pages.append([blob.name for blob in page])
            after = page[-1].name
        assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
        assert [name for page in pages for name in page] == names
        assert [blob.sha256 for blob in store.stored()] == names
        assert [blob.sha256 for blob in store.named(names[4])] == [names[4]]
        assert all(abs(blob.modified - time.time()) < 60 for blob in store.stored())

    def test_what_nobody_wants_is_deleted_and_what_somebody_wants_is_not(self, store: BlobStore) -> None:
        (blob,) = store.named(store.put(b"old").sha256)
        assert not store.discard(blob, wanted=lambda: True, before=time.time() + LATER)
        assert store.read(blob.name) == b"old"
        assert store.discard(blob, wanted=lambda: False, before=time.time() + LATER)
        assert not store.has(blob.name)
        assert not store.discard(blob, wanted=lambda: pytest.fail("It is gone."), before=time.time() + LATER)

    def test_what_was_written_again_is_not_even_judged(self, store: BlobStore) -> None:
        (blob,) = store.named(store.put(b"again").sha256)
        store.put(b"again")
        assert not store.discard(blob, wanted=lambda: pytest.fail("It was judged."), before=time.time() - LATER)
        assert store.read(blob.name) == b"again"

    def test_the_same_bytes_sent_while_a_blob_is_judged_outlive_its_deletion(self, store: BlobStore) -> None:
        (blob,) = store.named(store.put(b"again").sha256)

        def sent_meanwhile() -> bool:
            store.put(b"again")
            return False

        store.discard(blob, wanted=sent_meanwhile, before=time.time() + LATER)
        assert store.read(blob.name) == b"again"

    def test_two_that_discard_the_same_blob_cannot_delete_what_was_sent_between_them(self, store: BlobStore) -> None:
        (blob,) = store.named(store.put(b"again").sha256)

        def sent_and_discarded() -> bool:
            store.put(b"again")
            return store.discard(blob, wanted=lambda: False, before=time.time() - LATER)

        store.discard(blob, wanted=sent_and_discarded, before=time.time() + LATER)
        assert store.read(blob.name) == b"again"

    def test_a_hold_is_seen_until_it_is_given_up_or_its_holder_is_silent(
        self, store: BlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not store.holds.any()
        with store.holds.hold() as keep:
            keep()
            assert store.holds.any()
        assert not store.holds.any()
        with store.holds.hold():
            with monkeypatch.context() as an_hour_later:
                an_hour_later.setattr(self.holds, "SILENT_SECONDS", -LATER)
                assert not store.holds.any()
            assert not store.holds.any()  # what a killed process left behind is deleted
        assert list(store.stored()) == []

    def test_it_answers(self, store: BlobStore) -> None:
        assert store.answers()


class TestDirectory(StoreContract):
    holds = directory_holds

    @pytest.fixture
    def store(self, tmp_path: Path) -> BlobStore:
        return DirectoryStore(tmp_path / "blobs")

    def test_a_directory_that_is_gone_does_not_answer(self, store: BlobStore, tmp_path: Path) -> None:
        (tmp_path / "blobs").rmdir()
        assert not store.answers()


@pytest.fixture
def bucket(object_store: str) -> str:
    return new_bucket(object_store)


@pytest.fixture
def store(object_store: str, bucket: str, tmp_path: Path) -> Iterator[BucketStore]:
    with closing(open_store(object_store, bucket, tmp_path / "copies")) as made:
        yield made


@pytest.fixture
def down(tmp_path: Path) -> Iterator[BucketStore]:
    """A store behind an address where nobody listens."""
    with closing(open_store(f"http://127.0.0.1:{free_port()}", "originals", tmp_path / "nothing")) as made:
        yield made


class TestBucket(StoreContract):
    holds = bucket_holds


# --- the bucket alone


def keys(store: BucketStore, sha256: str) -> list[str]:
    return [stored.key for stored in store._bucket.objects(f"{sha256[:2]}/{sha256}")]


def test_a_store_that_is_down_is_said_to_be_down_and_nothing_to_be_missing(down: BucketStore) -> None:
    calls: list[Callable[[], object]] = [
        lambda: down.put(b"hello"),
        lambda: asyncio.run(down.put_stream(stream(b"hello"), limit=5)),
        lambda: down.put_readers([BytesIO(b"one"), BytesIO(b"two")]),
        lambda: down.has(NOBODYS),
        lambda: down.read(NOBODYS),
        lambda: down.path(NOBODYS),
        lambda: down.is_whole(NOBODYS),
        lambda: list(down.stored()),
        lambda: kept_text(down, NOBODYS, title=None, media_type="text/plain"),
        down.holds.any,
    ]
    assert [refused(call) for call in calls] == ["storage_unavailable"] * len(calls)
    assert not down.answers()


def test_a_bucket_that_is_not_there_is_no_missing_original(object_store: str, tmp_path: Path) -> None:
    with closing(open_store(object_store, "nobody-made-this", tmp_path)) as store:
        assert refused(lambda: store.put(b"hello")) == "storage_unavailable"
        assert refused(lambda: store.read(NOBODYS)) == "storage_unavailable"
        assert not store.answers()


def test_keys_that_are_refused_are_not_repeated(object_store: str, store: BucketStore) -> None:
    httpx.post(f"{object_store}/moto-api/reset-auth", content="0").raise_for_status()
    try:
        with pytest.raises(UnavailableError, match="403") as caught:
            store.put(b"hello")
    finally:
        httpx.post(f"{object_store}/moto-api/reset-auth", content="Infinity").raise_for_status()
    assert caught.value.code == "storage_unavailable"
    assert "staple" not in caught.value.message
    assert list(store.stored()) == []


@contextmanager
def full_store(status: int, code: str) -> Iterator[str]:
    """The address of a store that has no room, which none can be had with for real."""

    class Full(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = f"<Error><Code>{code}</Code></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Full) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(("status", "code"), [(507, "XMinioStorageFull"), (403, "QuotaExceeded")])
def test_a_store_without_room_is_said_to_be_full(tmp_path: Path, status: int, code: str) -> None:
    with full_store(status, code) as endpoint, closing(open_store(endpoint, "originals", tmp_path)) as store:
        assert refused(lambda: store.put(b"hello")) == "storage_full"


def test_a_large_file_goes_up_in_parts(store: BucketStore, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "WHOLE", 2**20)
    monkeypatch.setattr(bucket_module, "PART", 5 * 2**20)
    data = bytes(range(256)) * 48 * 1024
    sha256 = store.put_reader(BytesIO(data)).sha256
    assert store.read(sha256) == data
    (key,) = keys(store, sha256)
    about = store._bucket._client.head_object(Bucket=bucket, Key=f"{PREFIX}/{key}")
    assert about["ETag"].strip('"').endswith("-3")


def test_an_upload_that_took_too_long_to_be_safe_is_refused(
    store: BucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_store, "SENDING_SECONDS", 0.0)
    assert refused(lambda: store.put(b"hello")) == "storage_unavailable"
    assert list(store.stored()) == []


def test_the_object_of_a_blob_that_is_stored_again_goes_once_it_is_old(
    store: BucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = store.put(b"again").sha256
    store.put(b"again")
    before = keys(store, sha256)
    assert len(before) == 2
    monkeypatch.setattr(bucket_store, "OVERTAKEN_SECONDS", -LATER)
    store.put(b"again")
    (left,) = keys(store, sha256)
    assert left not in before
    assert store.read(sha256) == b"again"


def test_damage_is_found_and_mended_by_whoever_sends_the_file_again(store: BucketStore) -> None:
    sha256 = store.put(b"whole").sha256
    (key,) = keys(store, sha256)
    store._bucket.put(key, BytesIO(b"other"))
    assert store.has(sha256)
    assert not store.is_whole(sha256)
    assert refused(lambda: store.read(sha256)) == "original_damaged"
    assert refused(lambda: store.path(sha256)) == "original_damaged"
    store.put(b"whole")
    assert store.is_whole(sha256)
    assert store.path(sha256).read_bytes() == b"whole"


def test_a_directory_that_was_copied_into_the_bucket_is_read_as_it_is(store: BucketStore) -> None:
    sha256 = digest(b"moved")
    store._bucket.put(f"{sha256[:2]}/{sha256}", BytesIO(b"moved"))
    for key in ("lost+found", "ab/notes.txt", f"ff/{sha256}", "holds/x"):
        store._bucket.put(key, BytesIO(b"not ours"))
    assert store.read(sha256) == b"moved"
    assert [blob.name for blob in store.stored()] == [sha256]
    assert [blob.name for blob in store.page("", 10)] == [sha256]
    assert store.page(sha256, 10) == []


def test_two_machines_see_what_each_other_stores_holds_and_deletes(
    store: BucketStore, object_store: str, bucket: str, tmp_path: Path
) -> None:
    with closing(open_store(object_store, bucket, tmp_path / "other")) as other:
        sha256 = store.put(b"shared").sha256
        here, there = store.path(sha256), other.path(sha256)
        assert here != there
        assert there.read_bytes() == b"shared"
        with other.holds.hold():
            assert store.holds.any()
        (blob,) = other.stored()
        assert other.discard(blob, wanted=lambda: False, before=time.time() + LATER)
        assert not store.has(sha256)


def test_a_copy_is_fetched_once_and_nothing_else_is_left_on_the_machine(store: BucketStore, tmp_path: Path) -> None:
    sha256 = store.put(b"once" * 1_000_000).sha256
    assert [path.name for path in (tmp_path / "copies").iterdir()] in ([], [".lock"])
    store.path(sha256)
    (blob,) = store.stored()
    store.discard(blob, wanted=lambda: False, before=time.time() + LATER)
    assert store.path(sha256).read_bytes() == b"once" * 1_000_000
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == sorted([".lock", sha256])


def test_a_document_waits_while_the_bucket_does_not_answer(
    shop: Workshop, store: BucketStore, down: BucketStore
) -> None:
    shop.blobs = store
    job = shop.send("plan.txt", "The plan is to wait.")
    shop.blobs = down
    shop.runner().run(job)
    assert (shop.job(job).state, shop.job(job).code) == ("queued", "storage_unavailable")
    shop.make_due()
    shop.blobs = store
    shop.runner().run(job)
    assert shop.job(job).state == "ready"
