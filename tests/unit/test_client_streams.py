"""Streams that a server refuses or spoils, over real connections: the errors are those of every other call."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ingest.client import Client
from ingest.problems import (
    OverloadedProblemError,
    ServerUnreachableError,
    UnexpectedAnswerError,
    problem_from_body,
)
from ingest.rest import ATTEMPTS, Rest
from retrieval.types import AnswerDone
from tests.unit.fake_server import ANSWER, event

Call = Callable[[Client], object]
PROBLEM = json.dumps({"status": 429, "title": "Too many", "code": "rate_limited", "detail": "Too many questions."})
CUT = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 1000\r\n\r\n{"
GARBLED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone"
OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
WHOLE = OPEN + b"\r\n" + event("done", ANSWER).encode()
SPOILT = OPEN + b"Content-Encoding: gzip\r\n\r\n" + b"none"
STREAMS: dict[str, Call] = {
    "ask": lambda client: list(client.ask_stream("q")),
    "verify": lambda client: list(client.verify()),
}
CALLS: dict[str, Call] = {**STREAMS, "whole": lambda client: client.ask("q")}


def limited(seconds: int) -> bytes:
    head = f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {seconds}\r\nContent-Length: {len(PROBLEM)}\r\n\r\n"
    return (head + PROBLEM).encode()


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[int]]]:
    """The address of a server that sends these bytes, one after the other, each on a connection that it then closes;
    and how many requests it had."""
    had: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for number, answer in enumerate(answers):
                connection, _ = listener.accept()
                with connection:
                    asked = b""
                    while b"\r\n\r\n" not in asked:
                        asked += connection.recv(65536)
                    had.append(number)
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):  # else what is unread resets the connection
                        pass
            listener.close()  # who comes again is refused, and does not wait for an answer

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", had


def made(call: Call, url: str) -> object:
    with Client(url, "fn_key", sleep=lambda _: None) as client:
        return call(client)


def test_a_stream_that_is_limited_is_asked_for_again_when_the_server_says() -> None:
    with answering(limited(1), WHOLE) as (url, had):
        events = made(STREAMS["ask"], url)
    assert isinstance(events, list)
    assert [type(one) for one in events] == [AnswerDone]
    assert len(had) == 2


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_limit_beyond_patience_is_the_server_s_problem(call: Call) -> None:
    with answering(limited(3600)) as (url, _), pytest.raises(OverloadedProblemError) as caught:
        made(call, url)
    assert (caught.value.code, caught.value.detail) == ("rate_limited", "Too many questions.")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_refusal_that_is_cut_off_is_a_connection_that_broke(call: Call) -> None:
    with answering(CUT) as (url, _), pytest.raises(ServerUnreachableError, match="broke"):
        made(call, url)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_refusal_that_cannot_be_decoded_is_an_unexpected_answer(call: Call) -> None:
    with answering(GARBLED) as (url, _), pytest.raises(UnexpectedAnswerError, match="decoded"):
        made(call, url)


@pytest.mark.parametrize("call", STREAMS.values(), ids=STREAMS)
def test_a_stream_that_cannot_be_decoded_is_an_unexpected_answer(call: Call) -> None:
    with answering(SPOILT) as (url, _), pytest.raises(UnexpectedAnswerError, match="decoded"):
        made(call, url)


@pytest.mark.parametrize("call", STREAMS.values(), ids=STREAMS)
def test_an_event_that_is_nested_too_deeply_is_an_unexpected_answer(call: Call) -> None:
    deep = OPEN + b"\r\nevent: done\ndata: " + b"[" * 200_000 + b"\n\n"
    with answering(deep) as (url, _), pytest.raises(UnexpectedAnswerError, match="not JSON"):
        made(call, url)


def test_an_answer_that_is_nested_too_deeply_is_an_unexpected_answer() -> None:
    deep = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"[" * 200_000
    with answering(deep) as (url, _), pytest.raises(UnexpectedAnswerError, match="JSON"):
        made(CALLS["whole"], url)


@pytest.mark.parametrize("body", [b'{"errors": 5}', b'{"errors": "top_k"}', b"[" * 200_000])
def test_a_refusal_in_no_form_that_is_known_is_still_a_refusal(body: bytes) -> None:
    error = problem_from_body(422, body)
    assert (error.status, error.errors) == (422, ())


def test_a_stream_that_may_be_asked_for_twice_is_when_its_refusal_is_cut_off() -> None:
    with answering(*[CUT] * (ATTEMPTS - 1), WHOLE) as (url, had):
        rest = Rest(url, "fn_key", sleep=lambda _: None)
        response = rest.send("GET", "/stream", stream=True)
        response.close()
        rest.close()
    assert (response.status_code, len(had)) == (200, ATTEMPTS)
