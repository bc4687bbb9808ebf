"""The blob store: whole or not at all."""

import asyncio
import errno
import hashlib
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from retrieval.errors import NotFoundError, TooLargeError, UnavailableError
from services.blobs.directory import DirectoryStore


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_a_blob_is_found_by_its_digest_and_stored_once(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    blob = store.put(b"hello")
    again = asyncio.run(store.put_stream(stream(b"hel", b"lo"), limit=5))
    assert blob == again
    assert blob.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert store.read(blob.sha256) == b"hello"
    assert len(files(tmp_path)) == 1


def test_a_store_that_hangs_takes_no_thread_in_which_questions_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()

    def hangs(_handle: int) -> None:
        goes_on.wait(60)

    monkeypatch.setattr(os, "fsync", hangs)  # the seam: no disk hangs when it is told to

    async def answered() -> str:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        stored = asyncio.create_task(DirectoryStore(tmp_path).put_stream(stream(b"hello"), limit=5))
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(20):
                return await asyncio.to_thread(str, "answer")
        finally:
            goes_on.set()
            await stored

    assert asyncio.run(answered()) == "answer"


def test_many_are_stored_in_order_and_the_same_bytes_once(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    contents = [b"one", b"two", b"one", b""]
    blobs = store.put_readers([BytesIO(content) for content in contents])
    assert [store.read(blob.sha256) for blob in blobs] == contents
    assert [blob.size for blob in blobs] == [3, 3, 3, 0]
    assert len(files(tmp_path)) == 3


def test_of_many_on_a_full_disk_none_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)  # the seam: a full disk cannot be had for real without mounting one
    with pytest.raises(UnavailableError) as refused:
        DirectoryStore(tmp_path).put_readers([BytesIO(b"one"), BytesIO(b"two")])
    assert refused.value.code == "storage_full"
    assert files(tmp_path) == []


def test_a_stream_over_the_limit_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TooLargeError):
        asyncio.run(DirectoryStore(tmp_path).put_stream(stream(b"abc", b"def"), limit=5))
    assert files(tmp_path) == []


def test_a_stream_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(DirectoryStore(tmp_path).put_stream(broken(), limit=50))
    assert files(tmp_path) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)  # the seam: a full disk cannot be had for real without mounting one
    with pytest.raises(UnavailableError) as refused:
        DirectoryStore(tmp_path).put(b"hello")
    assert refused.value.code == "storage_full"
    assert files(tmp_path) == []


def test_a_missing_original_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as missing:
        DirectoryStore(tmp_path).read("0" * 64)
    assert missing.value.code == "original_missing"
