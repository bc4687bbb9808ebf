"""Waiting for documents, over httpx's MockTransport and without sleeping."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ingest.client import Client
from ingest.commands import waiting
from ingest.commands.sending import Outcome
from ingest.commands.waiting import FIRST_INTERVAL_S, LONGEST_INTERVAL_S, wait_for
from ingest.problems import ServerUnreachableError

LATER = "2030-01-01T00:00:00Z"


def queued(id_: str, version: int = 1) -> Outcome:
    return Outcome(f"{id_}.md", id_, version, "queued", sent=True)


class Server:
    """Answers each document's states one after the other; the last one stays. None: it is gone."""

    def __init__(self, **states: Any) -> None:
        self.states: dict[str, list[dict[str, Any] | None]] = states
        self.asked: list[str] = []
        self.requests = 0
        self.away = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            self.away -= 1
            raise httpx.ConnectError("refused")
        self.requests += 1
        found = [self._document(id_) for id_ in request.url.params.get_list("id")]
        return httpx.Response(200, json={"items": [document for document in found if document], "next_cursor": None})

    def _document(self, id_: str) -> dict[str, Any] | None:
        self.asked.append(id_)
        states = self.states[id_]
        state = states.pop(0) if len(states) > 1 else states[0]
        return state and {"id": id_, "data_source": "hr", "external_id": f"{id_}.md", **state}


def client_of(server: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client("http://footnote.example", "k", transport=httpx.MockTransport(server), sleep=lambda _: None)


def wait(server: Server, *outcomes: Outcome) -> tuple[list[Outcome], list[float]]:
    pauses: list[float] = []
    return list(wait_for(client_of(server), outcomes, sleep=pauses.append)), pauses


def test_what_is_final_already_is_not_asked_after() -> None:
    server = Server()
    done = [Outcome("a", "a", 1, "ready"), Outcome("b", None, None, "failed", "too large")]
    assert wait(server, *done) == (done, [])


def test_the_interval_grows_to_its_limit_and_is_never_much_of_the_time_waited() -> None:
    server = Server(a=[{"state": "running"}] * 90 + [{"state": "ready"}])
    found, pauses = wait(server, queued("a"))
    assert found[0].state == "ready"
    assert pauses[0] == FIRST_INTERVAL_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_INTERVAL_S
    assert all(pause <= max(FIRST_INTERVAL_S, 0.05 * sum(pauses[:at])) for at, pause in enumerate(pauses))


def waited_for(ready_after: dict[str, float]) -> list[float]:
    """The pauses of waiting for documents that are ready after so many seconds, in this order."""
    pauses: list[float] = []

    def server(request: httpx.Request) -> httpx.Response:
        ids = request.url.params.get_list("id")
        states = {id_: "ready" if sum(pauses) >= ready_after[id_] else "running" for id_ in ids}
        named = [{"id": id_, "data_source": "hr", "external_id": id_, "state": states[id_]} for id_ in ids]
        return httpx.Response(200, json={"items": named, "next_cursor": None})

    list(wait_for(client_of(server), [queued(id_) for id_ in ready_after], sleep=pauses.append))
    return pauses


def test_the_end_is_looked_for_when_it_is_due_at_the_pace_so_far() -> None:
    pauses = waited_for({str(number): number / 10 for number in range(600)})
    assert max(pauses) > 5 * FIRST_INTERVAL_S
    assert sum(pauses) < 60 + FIRST_INTERVAL_S


def test_a_giant_behind_many_small_ones_is_not_asked_after_all_the_time() -> None:
    pauses = waited_for({**{str(number): number / 100 for number in range(400)}, "giant": 3 * 3600.0})
    assert pauses[-1] == LONGEST_INTERVAL_S
    assert len(pauses) <= len(waited_for({"giant": 3 * 3600.0})) + 3


def test_ready_counts_for_the_version_that_was_sent_only() -> None:
    server = Server(a=[{"state": "ready", "version": 1}, {"state": "ready", "version": 2}])
    found, _ = wait(server, queued("a", version=2))
    assert [outcome.version for outcome in found] == [2]
    assert len(server.asked) == 2


def test_a_failure_carries_its_reason() -> None:
    found, _ = wait(Server(a=[{"state": "quarantined", "reason": "It crashed the parser."}]), queued("a"))
    assert found[0].is_failure
    assert found[0].reason == "It crashed the parser."


def test_a_document_that_is_deleted_meanwhile_has_failed() -> None:
    found, _ = wait(Server(a=[{"state": "queued"}, None]), queued("a"))
    assert found[0].is_failure


def test_a_document_that_is_tried_again_later_does_not_hold_up_the_others() -> None:
    delayed = {"state": "queued", "next_attempt_at": LATER}
    server = Server(
        a=[delayed, delayed, {"state": "ready"}], **{str(number): [{"state": "ready"}] for number in range(50)}
    )
    found, _ = wait(server, queued("a"), *(queued(str(number)) for number in range(50)))
    assert len(found) == 51
    assert found[-1].id == "a"


def test_a_thousand_documents_are_asked_after_once_each_in_few_requests() -> None:
    server = Server(**{str(number): [{"state": "ready"}] for number in range(1000)})
    found, pauses = wait(server, *(queued(str(number)) for number in range(1000)))
    assert len(found) == len(server.asked) == 1000
    assert server.requests <= 10
    assert pauses == []


def test_a_server_that_is_restarted_is_waited_for() -> None:
    server = Server(a=[{"state": "running"}, {"state": "ready"}])
    server.away = 9
    found, _ = wait(server, queued("a"))
    assert found[0].state == "ready"


def test_a_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE_S", -1.0)
    server = Server(a=[{"state": "running"}])
    server.away = 1000
    with pytest.raises(ServerUnreachableError):
        wait(server, queued("a"))
