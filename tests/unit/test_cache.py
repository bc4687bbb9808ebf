"""Local copies of blobs: bounded, shared by processes, never gone under whoever was just told of one."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from services.blobs.cache import IN_USE_SECONDS, KEPT_SECONDS, Cache

KIB = 1024
IDLE = IN_USE_SECONDS + 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "copies"


def writes(data: bytes) -> Callable[[IO[bytes]], None]:
    def write(file: IO[bytes]) -> None:
        file.write(data)

    return write


def no_fetching(_file: IO[bytes]) -> None:
    pytest.fail("There is a copy.")


def put(cache: Cache, name: str, *, idle: float = 0.0, size: int = 40 * KIB) -> Path:
    path = cache.path(name, writes(b"x" * size))
    used = time.time() - idle
    os.utime(path, (used, used))
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_beyond_its_size_what_was_not_used_for_longest_goes(folder: Path) -> None:
    cache = Cache(folder, size=100 * KIB)
    for number in range(4):
        put(cache, f"{number}", idle=IDLE + number)
    cache.path("3", no_fetching)  # it counts as used now
    cache.sweep()
    assert names(folder) == {"0", "3"}


def test_a_download_makes_room_for_itself(folder: Path) -> None:
    cache = Cache(folder, size=100 * KIB)
    for number in range(4):
        put(cache, f"{number}", idle=IDLE)
    assert len(names(folder)) <= 3


def test_what_was_used_a_moment_ago_stays_whatever_the_size(folder: Path) -> None:
    cache = Cache(folder, size=10 * KIB)
    for number in range(4):
        put(cache, f"{number}")
    cache.sweep()
    assert names(folder) == {"0", "1", "2", "3"}


def test_what_nobody_has_used_for_an_hour_goes_though_there_is_room(folder: Path) -> None:
    cache = Cache(folder, size=100 * KIB)
    put(cache, "old", idle=KEPT_SECONDS + 60)
    put(cache, "new", idle=IDLE)
    (folder / ".incoming-of-a-killed-process").write_bytes(b"half")
    os.utime(folder / ".incoming-of-a-killed-process", (0, 0))
    Cache(folder, size=100 * KIB).sweep()
    assert names(folder) == {"new"}


def test_whoever_has_opened_a_copy_reads_it_to_its_end(folder: Path) -> None:
    cache = Cache(folder, size=10 * KIB)
    with put(cache, "a", idle=IDLE).open("rb") as reader:
        cache.sweep()
        assert names(folder) == set()
        assert len(reader.read()) == 40 * KIB


def test_a_copy_that_another_process_was_told_of_meanwhile_is_not_deleted(folder: Path) -> None:
    cache = Cache(folder, size=10 * KIB)
    put(cache, "a", idle=IDLE)
    (found,) = cache._copies()
    Cache(folder, size=10 * KIB).path("a", no_fetching)
    assert not cache._deleted(found)
    assert names(folder) == {"a"}


def test_a_fetch_that_fails_leaves_nothing(folder: Path) -> None:
    def broken(file: IO[bytes]) -> None:
        file.write(b"half")
        raise ConnectionResetError

    cache = Cache(folder, size=100 * KIB)
    with pytest.raises(ConnectionResetError):
        cache.path("a", broken)
    assert names(folder) == set()
    assert cache.path("a", writes(b"whole")).read_bytes() == b"whole"
