"""The client of the REST interface, over httpx's MockTransport: errors, retries, pages, uploads, streams."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.client import Client
from ingest.problems import (
    AnswerInterruptedError,
    BehindProxyError,
    ConflictProblemError,
    ForbiddenProblemError,
    InvalidInputProblemError,
    NotFoundProblemError,
    OverloadedProblemError,
    ProblemError,
    ServerUnreachableError,
    TooLargeProblemError,
    UnauthenticatedProblemError,
    UnavailableProblemError,
    UnexpectedAnswerError,
)
from ingest.resources import Registered
from ingest.rest import ATTEMPTS, LONGEST_PAUSE_S, PATIENCE_S
from ingest.uploads import Upload
from retrieval.errors import InvalidInputError, NotFoundError
from retrieval.types import AnswerDone, SearchFilters, SentenceChecked, SentenceStatus, SourcesFound, TextDelta
from tests.unit.fake_server import ANSWER, SENTENCES, SOURCE, event

Handler = Callable[[httpx.Request], httpx.Response]


class Pauses(list[float]):
    """Remembers how long the client would have slept."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client_of(handler: Handler, pauses: Pauses | None = None) -> Client:
    return Client(
        "http://footnote.example/",
        "fn_secret-key",
        transport=httpx.MockTransport(handler),
        sleep=pauses if pauses is not None else Pauses(),
    )


def answering(*responses: httpx.Response | Exception) -> tuple[Handler, list[httpx.Request]]:
    """A handler that gives these answers one after the other, and the requests it has seen."""
    remaining = list(responses)
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = remaining.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handler, seen


def problem(status: int, **members: Any) -> httpx.Response:
    return httpx.Response(status, json={"title": "t", "status": status, **members})


# --- errors


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, UnauthenticatedProblemError),
        (403, ForbiddenProblemError),
        (404, NotFoundProblemError),
        (409, ConflictProblemError),
        (413, TooLargeProblemError),
        (422, InvalidInputProblemError),
        (429, OverloadedProblemError),
        (503, UnavailableProblemError),
        (418, ProblemError),
    ],
)
def test_a_problem_document_becomes_the_error_of_its_status(status: int, expected: type[ProblemError]) -> None:
    handler, _ = answering(*[problem(status, code="some_code", detail="What happened.") for _ in range(ATTEMPTS)])
    with pytest.raises(expected) as caught:
        client_of(handler).me()
    error = caught.value
    assert (error.status, error.code, error.detail, error.message) == (
        status, "some_code", "What happened.", "What happened.",
    )  # fmt: skip


def test_the_library_s_own_class_catches_the_server_s_error() -> None:
    handler, _ = answering(problem(404, code="not_found", detail="No such document."))
    with pytest.raises(NotFoundError):
        client_of(handler).document("d1")


def test_the_single_faults_of_a_problem_document_are_in_its_message() -> None:
    faults = [{"field": "top_k", "problem": "must be at least 1"}, {"field": "query", "problem": "is missing"}]
    handler, _ = answering(problem(422, code="invalid_input", detail="top_k: must be at least 1", errors=faults))
    with pytest.raises(InvalidInputProblemError) as caught:
        client_of(handler).search("q")
    assert caught.value.message == "top_k: must be at least 1; query: is missing"


def test_an_error_page_of_a_proxy_has_the_code_and_words_of_its_status() -> None:
    handler, _ = answering(httpx.Response(404, html="<h1>nginx</h1>"))
    with pytest.raises(NotFoundProblemError) as caught:
        client_of(handler).document("d1")
    assert caught.value.code == "not_found"
    assert caught.value.message == "The server answered 404 Not Found."


@pytest.mark.parametrize("status", [502, 503, 504])
def test_where_a_proxy_answers_for_a_server_that_is_away_the_server_is_unreachable(status: int) -> None:
    handler, _ = answering(*[httpx.Response(status, html="<h1>nginx</h1>") for _ in range(ATTEMPTS)])
    with pytest.raises(BehindProxyError) as caught:
        client_of(handler).document("d1")
    assert isinstance(caught.value, ServerUnreachableError)
    assert (caught.value.status, caught.value.code) == (status, "unavailable")


def test_a_server_that_says_itself_that_a_part_is_down_is_reached() -> None:
    handler, _ = answering(*[problem(503, code="index_unavailable") for _ in range(ATTEMPTS)])
    with pytest.raises(UnavailableProblemError) as caught:
        client_of(handler).document("d1")
    assert not isinstance(caught.value, ServerUnreachableError)


@pytest.mark.parametrize("body", [b"<html>", b'{"id": "d1"}', b"[]", b'{"id": 1, "state": {}}'])
def test_an_answer_of_another_form_is_an_unexpected_answer(body: bytes) -> None:
    handler, _ = answering(httpx.Response(200, content=body))
    with pytest.raises(UnexpectedAnswerError):
        client_of(handler).document("d1")


def test_a_redirect_is_not_followed_and_says_where_to_go() -> None:
    handler, seen = answering(httpx.Response(308, headers={"location": "https://other.example/"}))
    with pytest.raises(UnexpectedAnswerError, match=r"https://other\.example/"):
        client_of(handler).me()
    assert len(seen) == 1


@pytest.mark.parametrize("url", ["", "footnote.example", "ftp://footnote.example", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Client(url, "key")
    assert caught.value.code == "invalid_url"


@pytest.mark.parametrize("key", ["a\r\nX-Other: b", "schlüssel", "two words"])
def test_a_key_that_would_break_the_header_is_refused_at_once(key: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Client("http://footnote.example", key)
    assert key not in caught.value.message


def test_the_key_is_sent_as_a_bearer_token_and_is_in_no_repr() -> None:
    handler, seen = answering(httpx.Response(200, json={"id": "u1", "email": "a@example.com"}))
    client = client_of(handler)
    client.me()
    assert seen[0].headers["authorization"] == "Bearer fn_secret-key"
    assert "secret" not in repr(client)


# --- retries


def test_a_read_is_tried_again_when_the_connection_breaks() -> None:
    pauses = Pauses()
    handler, seen = answering(
        httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.Response(200, json={"id": "u", "email": "e"})
    )
    client_of(handler, pauses).me()
    assert len(seen) == 3
    assert pauses == [0.2, 0.4]


def test_a_server_that_stays_away_is_unreachable_after_a_bounded_number_of_tries() -> None:
    handler, seen = answering(*[httpx.ConnectError("refused")] * 10)
    with pytest.raises(ServerUnreachableError, match=r"http://footnote\.example"):
        client_of(handler).me()
    assert len(seen) == ATTEMPTS


def test_a_question_is_never_asked_twice_because_a_connection_broke() -> None:
    handler, seen = answering(httpx.ReadError("reset"), httpx.Response(200, json=ANSWER))
    with pytest.raises(ServerUnreachableError):
        client_of(handler).ask("q")
    assert len(seen) == 1


def test_an_empty_question_is_sent_as_it_is_and_the_servers_word_on_it_comes_back() -> None:
    handler, seen = answering(httpx.Response(422, json={"detail": "question: At least 1 character is needed."}))
    with pytest.raises(InvalidInputProblemError, match="At least 1 character"):
        client_of(handler).ask("")
    assert json.loads(seen[0].content) == {"question": "", "stream": False}


def test_a_read_that_took_too_long_is_not_tried_again() -> None:
    handler, seen = answering(httpx.ReadTimeout("slow"), httpx.Response(200, json={}))
    with pytest.raises(ServerUnreachableError, match="in time"):
        client_of(handler).me()
    assert len(seen) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_question_is_asked_again_when_a_busy_server_says_when(status: int) -> None:
    pauses = Pauses()
    busy = httpx.Response(status, headers={"retry-after": "7"}, json={})
    handler, seen = answering(busy, httpx.Response(200, json=ANSWER))
    assert client_of(handler, pauses).ask("q").id == "a1"
    assert len(seen) == 2
    assert pauses == [7.0]


def test_a_question_is_not_asked_again_when_a_busy_server_does_not_say_when() -> None:
    handler, seen = answering(httpx.Response(503, json={}))
    with pytest.raises(UnavailableProblemError):
        client_of(handler).ask("q")
    assert len(seen) == 1


def test_a_retry_after_may_be_a_date() -> None:
    pauses = Pauses()
    at = datetime.now(UTC) + timedelta(seconds=20)
    busy = httpx.Response(503, headers={"retry-after": at.strftime("%a, %d %b %Y %H:%M:%S GMT")}, json={})
    handler, _ = answering(busy, httpx.Response(200, json={"id": "u", "email": "e"}))
    client_of(handler, pauses).me()
    assert len(pauses) == 1
    assert 0 < pauses[0] <= 20


def test_a_wait_beyond_the_limit_is_an_error_at_once() -> None:
    pauses = Pauses()
    busy = httpx.Response(429, headers={"retry-after": str(int(LONGEST_PAUSE_S) + 1)}, json={"detail": "Too many."})
    handler, _ = answering(busy)
    with pytest.raises(OverloadedProblemError, match="Too many"):
        client_of(handler, pauses).me()
    assert pauses == []


def limited(seconds: int) -> httpx.Response:
    return httpx.Response(429, headers={"retry-after": str(seconds)}, json={"code": "rate_limited", "detail": "Slow."})


def test_who_sends_too_much_a_minute_goes_on_when_the_server_says(tmp_path: Path) -> None:
    pauses = Pauses()
    (path := tmp_path / "a.txt").write_text("text")
    taken = httpx.Response(202, json={"id": "d", "version": 1, "state": "queued", "job_id": "j"})
    handler, seen = answering(*[limited(60)] * (ATTEMPTS + 1), httpx.Response(503, json={}), taken)
    assert client_of(handler, pauses).upload(path, data_source="hr").id == "d"
    assert len(seen) == ATTEMPTS + 3
    assert pauses[:-1] == [60.0] * (ATTEMPTS + 1)


def test_a_limit_without_an_end_is_an_error_in_the_end() -> None:
    pauses = Pauses()
    with pytest.raises(OverloadedProblemError, match="Slow"):
        client_of(lambda _: limited(60), pauses).me()
    assert PATIENCE_S <= sum(pauses) < 2 * PATIENCE_S


def test_a_question_waits_no_longer_for_a_limit_than_for_a_busy_server() -> None:
    handler, seen = answering(*[limited(60)] * ATTEMPTS)
    with pytest.raises(OverloadedProblemError):
        client_of(handler).ask("q")
    assert len(seen) == ATTEMPTS


# --- pages


def test_a_list_fetches_page_after_page_and_stops_at_the_last() -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"items": [document("1"), document("2")], "next_cursor": "a&b"},
        "a&b": {"items": [], "next_cursor": "c"},
        "c": {"items": [document("3")], "next_cursor": None},
    }
    asked: list[dict[str, str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        return httpx.Response(200, json=pages[request.url.params.get("cursor")])

    found = [found.id for found in client_of(handler).documents(state="ready", data_source="hr")]
    assert found == ["1", "2", "3"]
    assert asked[0] == {"state": "ready", "data_source": "hr", "limit": "200"}
    assert asked[2] == {"state": "ready", "data_source": "hr", "limit": "200", "cursor": "c"}


def test_a_list_fetches_no_page_before_it_is_needed() -> None:
    handler, seen = answering(httpx.Response(200, json={"items": [document("1")], "next_cursor": "x"}))
    assert next(client_of(handler).documents()).id == "1"
    assert len(seen) == 1


def test_a_list_that_goes_round_in_circles_is_an_error() -> None:
    page = {"items": [document("1")], "next_cursor": "same"}
    with pytest.raises(UnexpectedAnswerError):
        list(client_of(lambda _: httpx.Response(200, json=page)).documents())


def document(id_: str) -> dict[str, Any]:
    return {"id": id_, "data_source": "hr", "external_id": f"{id_}.md", "state": "ready"}


def test_fields_that_this_client_does_not_know_are_kept() -> None:
    handler, _ = answering(httpx.Response(200, json={**document("1"), "colour": "red"}))
    assert client_of(handler).document("1").model_dump()["colour"] == "red"


# --- requests


@pytest.mark.parametrize("id_", ["../v1/users", "a/b?c#d", "..", ".", "é"])
def test_an_id_is_always_one_segment_of_the_path(id_: str) -> None:
    handler, seen = answering(httpx.Response(204))
    client_of(handler).delete_document(id_)
    path = seen[0].url.raw_path.decode()
    assert path.startswith("/v1/documents/")
    assert path.count("/") == 3
    assert not path.endswith(("/..", "/."))


def test_filters_are_sent_in_the_contract_s_form_and_only_where_they_narrow() -> None:
    handler, seen = answering(httpx.Response(200, json={"hits": [], "took_ms": 1}))
    after = datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    client_of(handler).search("q", top_k=3, filters=SearchFilters(data_sources=("hr",), modified_after=after))
    assert json.loads(seen[0].content) == {
        "query": "q",
        "top_k": 3,
        "filters": {"data_sources": ["hr"], "modified_after": "2024-12-31T23:00:00Z"},
    }


# --- uploads


def registered(status: int = 202) -> httpx.Response:
    return httpx.Response(status, json={"id": "d1", "version": 2, "state": "queued", "job_id": "j1"})


def test_an_upload_sends_metadata_before_the_file_and_says_only_what_it_was_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.md"
    path.write_text("# Leave", encoding="utf-8")
    handler, seen = answering(registered())
    result = client_of(handler).upload(path, data_source="hr", modified_at=datetime(2025, 1, 1, tzinfo=UTC))
    body = seen[0].read()
    assert result.changed
    assert body.index(b'name="metadata"') < body.index(b'name="file"; filename="policy.md"')
    metadata = body.split(b"\r\n\r\n")[1].split(b"\r\n")[0]
    assert json.loads(metadata) == {
        "data_source": "hr",
        "external_id": "policy.md",
        "modified_at": "2025-01-01T00:00:00Z",
    }


def test_an_upload_names_what_it_supersedes_in_its_own_data_source_and_in_others(tmp_path: Path) -> None:
    path = tmp_path / "policy.md"
    path.write_bytes(b"x")
    handler, seen = answering(registered())
    client_of(handler).upload(path, data_source="hr", supersedes=["old.md", ("archive", "older.md")])
    metadata = seen[0].read().split(b"\r\n\r\n")[1].split(b"\r\n")[0]
    named = ["old.md", {"data_source": "archive", "external_id": "older.md"}]
    assert json.loads(metadata)["supersedes"] == named


def test_an_upload_that_the_server_had_already_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"x")
    handler, _ = answering(registered(200))
    assert not client_of(handler).upload(path, data_source="hr", grants=["everyone"]).changed


def test_many_uploads_are_one_request_and_each_has_its_own_outcome(tmp_path: Path) -> None:
    uploads = [
        Upload(path=tmp_path / name, data_source="hr", grants=["everyone"]) for name in ("a.md", "gone.md", "b.md")
    ]
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(f"text of {name}", encoding="utf-8")
    items = [
        {"status": 200, "document": {"id": "d1", "version": 2, "state": "ready", "job_id": "j1"}, "error": None},
        {"status": 409, "document": None, "error": {"code": "document_is_synced", "message": "It is synced."}},
    ]
    handler, seen = answering(httpx.Response(200, json={"items": items}))
    held, gone, refused = client_of(handler).upload_many(uploads)
    (request,) = seen
    body = request.read()
    metadata = json.loads(body.split(b"\r\n\r\n")[1].split(b"\r\n")[0])
    assert request.url.path == "/v1/documents/batch"
    assert metadata == [{"data_source": "hr", "external_id": name, "grants": ["everyone"]} for name in ("a.md", "b.md")]
    assert body.index(b"text of a.md") < body.index(b"text of b.md")
    assert isinstance(held, Registered)
    assert not held.changed
    assert isinstance(gone, FileNotFoundError)
    assert isinstance(refused, ConflictProblemError)
    assert (refused.code, refused.message) == ("document_is_synced", "It is synced.")


def test_an_answer_about_other_files_than_were_sent_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"x")
    handler, _ = answering(httpx.Response(200, json={"items": []}))
    with pytest.raises(UnexpectedAnswerError):
        client_of(handler).upload_many([Upload(path=tmp_path / "a.md", data_source="hr")])


def test_an_upload_is_read_from_disk_block_by_block(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"0123456789" * 100_000)
    blocks: list[int] = []
    handler, seen = answering(registered())
    client_of(handler).upload(path, data_source="hr", on_block=blocks.append)
    assert max(blocks) <= 64 * 1024
    assert sum(blocks) == 1_000_000
    assert path.read_bytes() in seen[0].read()


def test_an_upload_whose_connection_broke_is_sent_whole_again(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"the whole content")
    bodies: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        if len(bodies) == 1:
            raise httpx.WriteError("reset")
        return registered()

    client_of(handler).upload(path, data_source="hr")
    assert len(bodies) == 2
    assert b"the whole content" in bodies[1]


def test_what_is_raised_while_an_upload_is_read_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"x")

    def refuse(_: int) -> None:
        raise KeyError("stop")

    with pytest.raises(KeyError):
        client_of(lambda request: httpx.Response(200, content=request.read())).upload(
            path, data_source="hr", on_block=refuse
        )


# --- streams


class Pieces(httpx.SyncByteStream):
    """A body that arrives in these pieces, and may break off."""

    def __init__(self, *pieces: bytes, fault: Exception | None = None) -> None:
        self.pieces = pieces
        self.fault = fault
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.fault is not None:
            raise self.fault

    def close(self) -> None:
        self.closed = True


def streaming(body: httpx.SyncByteStream) -> Handler:
    return lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=body)


# U+2028 ends a line for str.splitlines, but neither in SSE nor in JSON.
STREAM = (
    ": keep-alive\n\n"
    + event("sources", [SOURCE])
    + 'event: text\r\ndata: {"delta":\r\ndata: "Größe\u2028 €"}\r\n\r\n'
    + event("something_new", {"x": 1})
    + event("sentence", SENTENCES[0])
    + event("done", ANSWER)
).encode()


def read_stream(*pieces: bytes) -> list[object]:
    return list(client_of(streaming(Pieces(*pieces))).ask_stream("q"))


def test_a_stream_becomes_typed_events_in_their_order() -> None:
    sources, text, sentence, done = read_stream(STREAM)
    assert isinstance(sources, SourcesFound)
    assert sources.sources[0].modified_at == datetime(2025, 3, 1, tzinfo=UTC)
    assert text == TextDelta("Größe\u2028 €")
    assert isinstance(sentence, SentenceChecked)
    assert sentence.sentence.status is SentenceStatus.SUPPORTED
    assert sentence.sentence.citations[0].quote == "Everyone has 28 days of leave."
    assert isinstance(done, AnswerDone)
    assert done.answer.conversation_id == "c1"


def test_a_stream_reads_the_same_wherever_it_is_split() -> None:
    whole = read_stream(STREAM)
    for at in range(1, len(STREAM)):
        assert read_stream(STREAM[:at], STREAM[at:]) == whole


def test_a_stream_reads_the_same_byte_by_byte() -> None:
    assert read_stream(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == read_stream(STREAM)


def test_a_stream_cut_anywhere_never_ends_as_if_it_were_complete() -> None:
    for at in range(0, len(STREAM) - 1, 7):
        with pytest.raises(AnswerInterruptedError):
            read_stream(STREAM[:at])


def test_a_stream_whose_connection_breaks_gives_what_came_and_then_an_error() -> None:
    body = Pieces(event("text", {"delta": "a"}).encode(), fault=httpx.RemoteProtocolError("closed"))
    events = client_of(streaming(body)).ask_stream("q")
    assert next(events) == TextDelta("a")
    with pytest.raises(AnswerInterruptedError, match="broke"):
        next(events)


def test_an_error_event_is_raised_as_the_problem_it_describes() -> None:
    body = event("error", {"status": 503, "code": "index_unavailable", "title": "t", "detail": "The index is down."})
    with pytest.raises(UnavailableProblemError) as caught:
        read_stream(body.encode())
    assert (caught.value.code, caught.value.message) == ("index_unavailable", "The index is down.")


def test_a_refused_stream_raises_the_server_s_problem_before_any_event() -> None:
    handler, _ = answering(problem(422, code="invalid_filter", detail="No such filter."))
    with pytest.raises(InvalidInputProblemError, match="No such filter"):
        list(client_of(handler).ask_stream("q"))


def test_an_answer_that_is_no_stream_is_unexpected() -> None:
    handler, _ = answering(httpx.Response(200, json=ANSWER))
    with pytest.raises(UnexpectedAnswerError):
        list(client_of(handler).ask_stream("q"))


def test_leaving_a_stream_closes_its_connection() -> None:
    body = Pieces(event("text", {"delta": "a"}).encode(), event("text", {"delta": "b"}).encode())
    events = client_of(streaming(body)).ask_stream("q")
    next(events)
    events.close()
    assert body.closed
