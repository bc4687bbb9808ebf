"""The harness itself: a seed is a schedule, and the judge sees every wrong response. A blind judge proves nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from services.db.models import Document, Job, Version
from tests.faults.audit import Row, against_index
from tests.faults.judge import Reading, judged
from tests.faults.ledger import EVERYONE, INSIDERS, Entry, Granted, Ledger
from tests.faults.proxy import Exchange, Trap, is_upsert
from tests.faults.schedule import KILLS, OTHERS, digest, scheduled
from tests.faults.words import read_back, written

NAME = "doc00001abcd"
LATER = 100.0


def ledger_with(*, revisions: int = 2, grant: str = EVERYONE, floor: int = 1) -> tuple[Ledger, Entry]:
    """One document of so many revisions, of which readers see `floor` at least from moment 1 on."""
    ledger, entry = Ledger(), Entry(NAME, 2)
    ledger.add(entry)
    for revision in range(1, revisions + 1):
        ledger.sending(entry, written(NAME, revision, chunks=2))
    ledger.accepted(entry, "id-1", revisions)
    entry.grants.append(Granted(grant, 0.0, 0.0))
    entry.raise_floor(floor, 1.0)
    return ledger, entry


def hit(revision: int, *, version: int | None = None, start: int = 0, document: str = "id-1") -> dict[str, Any]:
    text = written(NAME, revision, chunks=1).data.decode()
    return {"document_id": document, "version": version or revision, "start": start, "end": start + 9, "text": text}


def kinds(ledger: Ledger, entry: Entry | None, *hits: dict[str, Any], insider: bool = True) -> list[str]:
    reading = Reading(entry, insider, LATER, LATER + 1, hits)
    return [violation.kind for violation in judged(ledger, reading)]


def test_a_seed_is_a_schedule_and_another_seed_another() -> None:
    assert scheduled(7, kills=50, pause=1.0) == scheduled(7, kills=50, pause=1.0)
    assert digest(scheduled(7, kills=50, pause=1.0)) != digest(scheduled(8, kills=50, pause=1.0))


def test_a_long_schedule_has_the_kills_that_were_asked_for_and_every_kind_of_fault() -> None:
    kinds_of = [fault.kind for fault in scheduled(7, kills=500, pause=1.0)]
    assert sum(kind in KILLS for kind in kinds_of) == 500
    assert set(kinds_of) == KILLS.keys() | OTHERS.keys()


def test_a_text_names_its_document_and_revision_in_every_sentence() -> None:
    text = written(NAME, 3, chunks=2).data.decode()
    assert all(read_back(sentence) == {(NAME, 3)} for sentence in text.split(". "))


def test_a_whole_version_is_nothing_to_complain_of() -> None:
    ledger, entry = ledger_with()
    assert kinds(ledger, entry, hit(1), hit(1, start=20)) == []


@pytest.mark.parametrize("other", [hit(2, start=20), hit(2, version=1, start=20), hit(1, version=2, start=20)])
def test_two_versions_or_two_texts_in_one_response_are_torn(other: dict[str, Any]) -> None:
    ledger, entry = ledger_with()
    assert kinds(ledger, entry, hit(1), other) == ["torn"]


def test_a_passage_that_comes_twice_is_a_duplicate() -> None:
    ledger, entry = ledger_with()
    assert kinds(ledger, entry, hit(1), hit(1)) == ["duplicate"]


def test_a_document_that_comes_under_a_second_id_is_a_duplicate() -> None:
    ledger, entry = ledger_with()
    assert "duplicate" in kinds(ledger, entry, hit(1), hit(1, document="id-2"))


def test_a_ready_document_that_is_not_found_has_vanished() -> None:
    ledger, entry = ledger_with()
    assert kinds(ledger, entry) == ["vanished"]


def test_a_document_whose_id_never_came_is_known_by_its_words() -> None:
    ledger, entry = ledger_with()
    entry.id = None  # the answer to its upload was lost
    assert kinds(ledger, entry, hit(1)) == []
    assert kinds(ledger, entry) == ["vanished"]


def test_a_document_that_was_never_ready_need_not_be_found() -> None:
    ledger, entry = ledger_with(floor=0)
    entry.floors.clear()
    assert kinds(ledger, entry) == []


def test_an_older_version_after_a_newer_one_was_seen_is_a_phantom() -> None:
    ledger, entry = ledger_with()
    assert kinds(ledger, entry, hit(2)) == []
    entry.floors[-1] = (LATER - 1, 2)
    assert kinds(ledger, entry, hit(1)) == ["phantom"]


def test_a_deleted_document_is_a_phantom_once_the_deletion_was_confirmed() -> None:
    ledger, entry = ledger_with()
    entry.delete_sent = LATER - 2
    assert kinds(ledger, entry, hit(1)) == []  # sent, not confirmed: either may be seen
    entry.deleted = LATER - 1
    assert kinds(ledger, entry, hit(1)) == ["phantom"]


def test_an_insiders_document_before_an_outsider_is_access_widened() -> None:
    ledger, entry = ledger_with(grant=INSIDERS)
    assert kinds(ledger, entry, hit(1), insider=False) == ["widened"]
    assert kinds(ledger, entry, hit(1)) == []


def test_a_narrowing_of_access_counts_once_it_is_confirmed() -> None:
    ledger, entry = ledger_with()
    entry.grants.append(Granted(INSIDERS, LATER - 3, LATER + 9))
    assert kinds(ledger, entry, hit(1), insider=False) == []
    entry.grants[-1] = Granted(INSIDERS, LATER - 3, LATER - 2)
    assert kinds(ledger, entry, hit(1), insider=False) == ["widened"]


@contextmanager
def counting_server() -> Iterator[tuple[int, list[bytes]]]:
    """An HTTP server that remembers the bodies it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_proxy_applies_a_request_and_then_loses_its_answer_once() -> None:
    with counting_server() as (port, bodies), Exchange(port) as proxy, httpx.Client() as asking:
        url = f"http://127.0.0.1:{proxy.port}/collections/c/points"
        proxy.set(Trap(is_upsert, answer="500"))
        assert asking.put(url, content=b"one").status_code == 500
        proxy.set(Trap(is_upsert, answer="reset"))
        with pytest.raises(httpx.TransportError):
            asking.put(url, content=b"two")
        assert asking.put(url, content=b"three").text == "ok"
        assert bodies == [b"one", b"two", b"three"]


def test_the_proxy_holds_a_request_back_until_it_may_go_on() -> None:
    came, go = threading.Event(), threading.Event()

    def hold() -> None:
        came.set()
        go.wait(10)

    with counting_server() as (port, bodies), Exchange(port) as proxy:
        proxy.set(Trap(is_upsert, before=hold))
        sending = threading.Thread(target=lambda: httpx.put(f"http://127.0.0.1:{proxy.port}/c/points", content=b"x"))
        sending.start()
        assert came.wait(10)
        assert bodies == []
        go.set()
        sending.join()
        assert bodies == [b"x"]


def test_the_audit_sees_missing_surplus_and_foreign_points() -> None:
    row = _row()
    right = [_point(number) for number in range(3)]
    assert list(against_index([row], right)) == []
    assert [v.kind for v in against_index([row], right[:2])] == ["missing"]
    assert [v.kind for v in against_index([row], [*right, right[0]])] == ["duplicate"]
    assert [v.kind for v in against_index([row], [*right, _point(0) | {"version": 1}])] == ["phantom"]
    assert [v.kind for v in against_index([row], [right[0] | {"grants": ["everyone"]}, *right[1:]])] == ["grants"]


def _point(number: int) -> dict[str, Any]:
    return {"document_id": "id-1", "version": 2, "number": number, "grants": ["group:hr"], "text": ""}


def _row() -> Row:
    document = Document(id="id-1", external_id="x", active_version=2)
    version = Version(document_id="id-1", number=2, chunks=3)
    return Row(document, Job(state="ready"), version, version, frozenset({"group:hr"}))
