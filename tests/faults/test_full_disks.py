"""Each volume runs full and gets room again: what cannot be stored says so, nothing is half written or lost."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.faults import audit
from tests.faults.assistant import Assistant
from tests.faults.sending import accepted, eventually, hits, send, settled


@contextmanager
def full(injured: Assistant, name: str) -> Iterator[None]:
    """Fill one volume for a while."""
    if name not in injured.volumes:
        pytest.skip("mounting a small volume needs root")
    volume = injured.volumes[name]
    try:
        volume.fill()
        yield
    finally:
        volume.free()


def test_without_room_for_originals_an_upload_is_refused_and_nothing_is_half_written(
    injured: Assistant, admin: httpx.Client
) -> None:
    blobs = injured.data_dir / "blobs"
    with full(injured, "originals"):
        before = {path for path in blobs.rglob("*") if path.is_file()}
        answer = send(admin, "full.txt", b"The cellar is full of sand." * 1000)
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_full")
        assert answer.headers["retry-after"]
        assert {path for path in blobs.rglob("*") if path.is_file()} == before
        assert admin.get("/v1/documents", params={"q": "full.txt"}).json()["items"] == []
    document = accepted(admin, "full.txt", b"The cellar has room again.")
    assert settled(admin, document)["state"] == "ready"


def test_what_is_accepted_while_the_index_has_no_room_becomes_ready_later(
    injured: Assistant, admin: httpx.Client
) -> None:
    kept = settled(admin, accepted(admin, "kept.txt", b"Zanzibar cloves lie in the third loft."))
    assert kept["state"] == "ready"
    with full(injured, "index"):
        sent = [accepted(admin, f"loft-{n}.txt", f"Loft {n} holds rope number {n}.".encode()) for n in range(3)]
    for document in sent:
        assert settled(admin, document, seconds=150)["state"] == "ready"
    eventually(lambda: any(hit["document_id"] == kept["id"] for hit in hits(admin, "Zanzibar cloves")))
    for document in sent:
        audit.comes_to_rest(injured.database, injured.servers["index"].port, document)


def test_without_room_in_the_registry_an_upload_is_refused_and_works_afterwards(
    injured: Assistant, admin: httpx.Client
) -> None:
    with full(injured, "registry"):
        answers = [send(admin, f"no-room-{n}.txt", f"Shelf {n} is bare.".encode()) for n in range(40)]
    refused = [answer for answer in answers if answer.status_code not in (200, 202)]
    assert {answer.status_code for answer in refused} <= {503}
    assert {answer.json()["code"] for answer in refused} <= {"storage_full", "database_unavailable"}

    def takes_one() -> bool:
        return send(admin, "room.txt", b"Shelf 41 has room.").status_code in (200, 202)

    eventually(takes_one, seconds=60)
    taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    for document in [*taken, accepted(admin, "room.txt", b"Shelf 41 has room.")]:
        assert settled(admin, document, seconds=150)["state"] == "ready"
