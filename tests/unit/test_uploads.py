"""Reading the form of a batch: what refuses all of it, and what refuses one file."""

import asyncio
import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import pytest
from fastapi import Request

from retrieval.errors import FootnoteError, InvalidInputError, TooLargeError, UnavailableError
from services.api.uploads import BATCH_FILES, BATCH_OVERHEAD, Upload, receive_all
from services.blobs.directory import DirectoryStore

LIMIT = 1000
Part = tuple[str, tuple[str | None, bytes]]


def form(*parts: Part, metadata: object = None) -> httpx.Request:
    data = {} if metadata is None else {"metadata": metadata if isinstance(metadata, str) else json.dumps(metadata)}
    return httpx.Request("POST", "http://footnote.example/v1/documents/batch", data=data, files=list(parts))


def files(*contents: bytes) -> list[Part]:
    return [("file", (f"{number}.txt", content)) for number, content in enumerate(contents)]


def received(folder: Path, request: httpx.Request) -> list[Upload | InvalidInputError]:
    body = request.read()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(k.lower(), v) for k, v in request.headers.raw]}
    return asyncio.run(receive_all(Request(scope, receive), DirectoryStore(folder), limit=LIMIT))


def refused(folder: Path, request: httpx.Request) -> FootnoteError:
    with pytest.raises(FootnoteError) as refusal:
        received(folder, request)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    return refusal.value


def names(outcomes: Sequence[Upload | InvalidInputError]) -> list[str]:
    return [outcome.file_name if isinstance(outcome, Upload) else outcome.code for outcome in outcomes]


def test_files_and_what_is_said_of_them_are_matched_in_order(tmp_path: Path) -> None:
    said = [{"title": "First"}, {"title": "Second"}]
    first, second = received(tmp_path, form(*files(b"one", b"two"), metadata=said))
    assert isinstance(first, Upload)
    assert isinstance(second, Upload)
    assert (first.file_name, first.metadata.title, first.blob.size) == ("0.txt", "First", 3)
    assert DirectoryStore(tmp_path).read(second.blob.sha256) == b"two"


def test_without_metadata_each_goes_by_its_name(tmp_path: Path) -> None:
    assert names(received(tmp_path, form(*files(b"one", b"two")))) == ["0.txt", "1.txt"]


def test_a_refused_file_stops_no_other(tmp_path: Path) -> None:
    parts = files(b"one", b"", b"three", b"four", b"five")
    said: list[object] = [{}, {}, {"colour": 1}, None, {"title": "T"}]
    outcomes = received(tmp_path, form(*parts, metadata=said))
    assert names(outcomes) == ["0.txt", "empty_file", "invalid_metadata", "invalid_metadata", "4.txt"]
    assert [str(outcomes[1]), str(outcomes[2])] == [
        "1.txt is empty.",
        "metadata: colour: Extra inputs are not permitted",
    ]


def test_a_name_that_no_database_keeps_is_none(tmp_path: Path) -> None:
    named = form(*files(b"one", b"two"))
    body = named.read().replace(b"1.txt", b"1\x00txt")
    raw = httpx.Request("POST", named.url, content=body, headers={"Content-Type": named.headers["content-type"]})
    assert names(received(tmp_path, raw)) == ["0.txt", "no_file"]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [("{", "invalid_metadata"), ({}, "invalid_metadata"), ([], "invalid_metadata"), ([{}] * 3, "invalid_metadata")],
)
def test_metadata_that_is_no_list_of_as_many_refuses_all(tmp_path: Path, metadata: object, code: str) -> None:
    assert refused(tmp_path, form(*files(b"one", b"two"), metadata=metadata)).code == code


def test_metadata_nested_without_end_refuses_all(tmp_path: Path) -> None:
    assert refused(tmp_path, form(*files(b"one"), metadata="[" * 100_000)).code == "invalid_metadata"


def test_a_part_of_another_name_refuses_all_instead_of_being_lost(tmp_path: Path) -> None:
    error = refused(tmp_path, form(*files(b"one"), ("fiel", ("2.txt", b"two"))))
    assert (error.code, "'fiel'" in error.message) == ("invalid_form", True)


def test_a_form_without_files_or_with_a_field_in_place_of_one_refuses_all(tmp_path: Path) -> None:
    assert refused(tmp_path, form(("file", (None, b"text")), *files(b"one"))).code == "no_file"
    json_request = httpx.Request("POST", "http://footnote.example/", json={"file": "x"})
    assert refused(tmp_path, json_request).code == "no_file"


def test_more_files_than_a_batch_takes_refuse_all(tmp_path: Path) -> None:
    assert len(received(tmp_path / "most", form(*files(*[b"x"] * BATCH_FILES)))) == BATCH_FILES
    assert refused(tmp_path / "more", form(*files(*[b"x"] * (BATCH_FILES + 1)))).code == "invalid_form"


def test_a_form_that_breaks_off_refuses_all(tmp_path: Path) -> None:
    whole = form(*files(b"one", b"two"))
    torn = httpx.Request(
        "POST", whole.url, content=whole.read()[:-30], headers={"Content-Type": whole.headers["content-type"]}
    )
    assert refused(tmp_path, torn).code == "invalid_form"


def test_the_limit_is_for_all_files_together(tmp_path: Path) -> None:
    half = b"x" * (LIMIT // 2)
    assert len(received(tmp_path / "fits", form(*files(half, half)))) == 2
    assert isinstance(refused(tmp_path / "over", form(*files(half, half, b"x"))), TooLargeError)
    assert isinstance(refused(tmp_path / "far", form(*files(b"x" * (LIMIT + BATCH_OVERHEAD + 1)))), TooLargeError)


def temporary_files_fail(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    class Failing(SpooledTemporaryFile[bytes]):
        def write(self, _: object) -> int:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", Failing)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_for_temporary_files_that_is_full_is_full_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    temporary_files_fail(monkeypatch, number)
    error = refused(tmp_path, form(*files(b"one")))
    assert (type(error), error.code) == (UnavailableError, "storage_full")


def test_another_failure_of_the_disk_for_temporary_files_stays_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary_files_fail(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        received(tmp_path, form(*files(b"one")))
