"""The chat model against a real server that misbehaves in every way we know."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from typing import Any

import httpx
import pytest

from retrieval.breaker import CircuitBreaker, RetryBudget
from retrieval.errors import ModelUnavailableError
from retrieval.llm import ChatModel, Finished, ModelSlowError, ModelUnreachableError, Timeouts, citation_regex
from tests.scripted_model import (
    Behaviour,
    Breaks,
    Ends,
    Fails,
    Hangs,
    RefusesConstraints,
    Says,
    ScriptedModel,
    Talks,
    scripted_model,
)

ASK = [("system", "Answer."), ("human", "How long?")]
TEXT = "The limit is 30 days [1]. It was 20 before [2]."


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModel]:
    with scripted_model() as running:
        yield running


@contextmanager
def unconnectable() -> Iterator[str]:
    """The address of a server whose queue of connections is full: it drops every further one without a word."""
    with socket.socket() as listener, ExitStack() as queue:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            queued = queue.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def with_model(server: ScriptedModel, use: Callable[[ChatModel], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    async def run() -> Any:
        model = ChatModel(base_url=server.url, model="scripted", **{"timeouts": server.timeouts(), **options})
        try:
            return await use(model)
        finally:
            await model.aclose()

    return asyncio.run(run())


async def collected(stream: AsyncGenerator[str | Finished, None]) -> tuple[str, Finished | None]:
    text, end = "", None
    async with aclosing(stream):
        async for piece in stream:
            if isinstance(piece, Finished):
                end = piece
            else:
                text += piece
    return text, end


def ask(server: ScriptedModel, *, sources: int | None = None, **options: Any) -> tuple[str, Finished | None]:
    answer: tuple[str, Finished | None] = with_model(
        server, lambda model: collected(model.stream(ASK, sources=sources)), **options
    )
    return answer


def test_text_comes_in_pieces_and_ends_with_the_token_counts(server: ScriptedModel) -> None:
    server.does(Says(TEXT, piece=3))
    assert ask(server) == (TEXT, Finished(cut=False, prompt_tokens=100, completion_tokens=10))


def test_what_no_database_holds_is_taken_out_of_an_answer(server: ScriptedModel) -> None:
    server.does(Says("The limit\x00 is \ud83430 days."))
    text, _ = ask(server)
    assert text == "The limit is ?30 days."


def test_a_server_that_counts_no_tokens_is_fine(server: ScriptedModel) -> None:
    server.does(Says(TEXT, usage=False))
    assert ask(server) == (TEXT, Finished(cut=False, prompt_tokens=None, completion_tokens=None))


def test_a_length_limit_is_reported_as_a_cut(server: ScriptedModel) -> None:
    server.does(Says(TEXT, finish="length"))
    _, end = ask(server)
    assert end is not None
    assert end.cut


def test_the_request_is_what_every_compatible_server_knows(server: ScriptedModel) -> None:
    server.does(Says(TEXT))
    ask(server, sources=3)
    (request,) = server.requests
    assert request["stream"] is True
    assert request["stream_options"] == {"include_usage": True}
    assert request["temperature"] == 0.0
    assert request["max_tokens"] > 0
    assert request["structured_outputs"] == {"regex": citation_regex(3)}
    assert [message["role"] for message in request["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    "behaviour",
    [
        Hangs(headers=False),
        Hangs(),
        Hangs("The limit "),
        Fails(500),
        Fails(503),
        Fails(429),
        Fails(401),
        Fails(404),
        Breaks(),
        Breaks("The limit is "),
        Breaks("The limit is ", 'data: {"id": "c", "cho'),
        Ends(),
        Ends("The limit is "),
        Ends("The limit is ", 'data: {"id": "c", "cho\n\n'),
        Ends("", "data: 7\n\n"),
        Ends("", "data: []\n\n"),
        Ends("", 'data: {"choices": 3}\n\n'),
        Ends("", "<html>Bad gateway</html>"),
        Ends("", 'data: {"error": {"message": "CUDA out of memory"}}\n\n'),
    ],
    ids=str,
)
def test_whatever_goes_wrong_is_a_model_that_is_not_available(server: ScriptedModel, behaviour: Behaviour) -> None:
    server.does(behaviour)
    with pytest.raises(ModelUnavailableError):
        ask(server)
    assert server.idle()


def test_a_refused_connection_is_a_model_that_is_not_available() -> None:
    with pytest.raises(ModelUnavailableError):
        with_model(ScriptedModel(url="http://127.0.0.1:9/v1"), lambda model: collected(model.stream(ASK)))


def test_a_server_that_takes_no_connection_is_given_up_before_the_time_for_a_first_token() -> None:
    limits = Timeouts(connect=0.5, first_token=60.0, total=120.0)

    async def asked(model: ChatModel) -> None:
        async with asyncio.timeout(20.0):
            await collected(model.stream(ASK))

    with unconnectable() as url, pytest.raises(ModelUnreachableError):
        with_model(ScriptedModel(url=url), asked, timeouts=limits)


def test_a_model_that_never_stops_is_stopped_and_counts_as_cut(server: ScriptedModel) -> None:
    server.does(Talks("more and more "))
    text, end = with_model(server, lambda model: collected(model.stream(ASK, max_tokens=20)))
    assert end.cut
    assert len(text) < 1000
    assert server.idle()


def test_a_slow_trickle_ends_at_the_total_time(server: ScriptedModel) -> None:
    server.does(Talks("word "))
    limits = Timeouts(connect=0.5, first_token=5.0, between_tokens=5.0, total=0.2)
    with pytest.raises(ModelUnavailableError):
        with_model(server, lambda model: collected(model.stream(ASK, max_tokens=10**9)), timeouts=limits)
    assert server.idle()


def test_closing_the_stream_frees_the_model(server: ScriptedModel) -> None:
    server.does(Hangs("The limit is 30 days and "))

    async def leave(model: ChatModel) -> None:
        stream = model.stream(ASK)
        assert isinstance(await anext(stream), str)
        await stream.aclose()
        assert await asyncio.to_thread(server.idle)

    with_model(server, leave, timeouts=Timeouts())


def test_cancelling_the_reader_frees_the_model(server: ScriptedModel) -> None:
    server.does(Hangs("The limit is 30 days and "))

    async def leave(model: ChatModel) -> None:
        reader = asyncio.create_task(collected(model.stream(ASK)))
        assert await asyncio.to_thread(server.asked)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert await asyncio.to_thread(server.idle)

    with_model(server, leave, timeouts=Timeouts())


@pytest.mark.parametrize("said", ["more and more ", ""], ids=["too much", "nothing"])
def test_a_reader_cancelled_while_a_request_is_ended_is_cancelled_all_the_same(said: str) -> None:
    async def leave() -> None:
        closing = asyncio.Event()

        async def pieces() -> AsyncGenerator[bytes, None]:
            try:
                choice = {"index": 0, "delta": {"content": said}}
                yield f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode()
                await asyncio.Event().wait()
            finally:
                closing.set()
                await asyncio.sleep(0.05)

        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=pieces()))
        model = ChatModel(
            base_url="http://model.example/v1",
            model="scripted",
            timeouts=Timeouts(connect=0.1, first_token=0.1),
            http_client=httpx.AsyncClient(transport=transport),
        )
        reader = asyncio.create_task(collected(model.stream(ASK, max_tokens=1)))
        await closing.wait()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await model.aclose()

    asyncio.run(leave())


def test_a_server_that_cannot_constrain_is_asked_again_without_and_remembered(server: ScriptedModel) -> None:
    server.does(RefusesConstraints(TEXT))

    async def twice(model: ChatModel) -> None:
        assert (await collected(model.stream(ASK, sources=2)))[0] == TEXT
        assert (await collected(model.stream(ASK, sources=2)))[0] == TEXT

    with_model(server, twice)
    assert ["structured_outputs" in request for request in server.requests] == [True, False, False]


def test_a_refusal_for_another_reason_keeps_the_constraint(server: ScriptedModel) -> None:
    server.does(Fails(400, "maximum context length is 4096"), Fails(400, "the same"), Says(TEXT))

    async def twice(model: ChatModel) -> None:
        with pytest.raises(ModelUnavailableError):
            await collected(model.stream(ASK, sources=2))
        await collected(model.stream(ASK, sources=2))

    with_model(server, twice)
    assert ["structured_outputs" in request for request in server.requests] == [True, False, True]


def test_nothing_is_tried_again_once_text_has_come(server: ScriptedModel) -> None:
    server.does(Breaks("The limit "), Says(TEXT))
    with pytest.raises(ModelUnavailableError):
        ask(server)
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_once_more_while_the_budget_lasts(server: ScriptedModel) -> None:
    server.does(Fails(503), Says(TEXT))
    assert ask(server)[0] == TEXT
    server.does(Fails(503), Says(TEXT))
    with pytest.raises(ModelUnavailableError):
        ask(server, retries=RetryBudget(most=0.0))


def test_after_three_failures_the_server_is_left_alone(server: ScriptedModel) -> None:
    server.does(Fails(500))
    now = [0.0]
    breaker = CircuitBreaker(failures=3, seconds=15.0, clock=lambda: now[0])

    async def many(model: ChatModel) -> None:
        for _ in range(5):
            with pytest.raises(ModelUnavailableError):
                await collected(model.stream(ASK))
        assert len(server.requests) == 3
        server.does(Says(TEXT))
        now[0] = 16.0
        for _ in range(3):
            assert (await collected(model.stream(ASK)))[0] == TEXT

    with_model(server, many, breaker=breaker)


def test_only_one_call_tries_whether_the_server_is_back() -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=1, seconds=10.0, clock=lambda: now[0])
    breaker.failed()
    assert not breaker.allows()
    now[0] = 10.0
    assert [breaker.allows(), breaker.allows()] == [True, False]


def test_a_call_that_shows_neither_leaves_the_next_one_to_try() -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=1, seconds=10.0, clock=lambda: now[0])
    breaker.failed()
    now[0] = 10.0
    assert breaker.allows()
    breaker.undecided()
    assert [breaker.allows(), breaker.allows()] == [True, False]


def test_a_short_completion_comes_whole_or_not_at_all(server: ScriptedModel) -> None:
    server.does(Says("How long is the leave?"), Hangs("How long "))

    async def both(model: ChatModel) -> None:
        text, _ = await model.complete(ASK, max_tokens=50, seconds=5.0)
        assert text == "How long is the leave?"
        with pytest.raises(ModelUnavailableError):
            await model.complete(ASK, max_tokens=50, seconds=0.2)

    with_model(server, both, timeouts=Timeouts())
    assert server.idle()


@pytest.mark.parametrize(("first_token", "rests"), [(8.0, True), (300.0, False)])
def test_a_slow_short_completion_is_a_failure_unless_the_model_may_be_slow(
    server: ScriptedModel, first_token: float, rests: bool
) -> None:
    server.does(Hangs())

    async def thrice(model: ChatModel) -> None:
        for _ in range(3):
            with pytest.raises(ModelUnavailableError) as caught:
                await model.complete(ASK, max_tokens=50, seconds=0.1)
            assert isinstance(caught.value, ModelSlowError) is not rests
        assert model.is_resting is rests

    with_model(server, thrice, timeouts=Timeouts(first_token=first_token, total=600.0))
    assert server.idle()


@pytest.mark.parametrize("sources", [1, 4, 9, 10, 12, 50, 100, 237])
def test_the_pattern_allows_the_number_of_each_source_and_no_other(sources: int) -> None:
    pattern = re.compile(citation_regex(sources))
    allowed = {number for number in range(1000) if pattern.fullmatch(f"Yes [{number}].")}
    assert allowed == set(range(1, sources + 1))
    assert not pattern.fullmatch("Yes [01].")


def test_the_pattern_allows_prose_and_this_answers_markers_only() -> None:
    pattern = re.compile(citation_regex(12))
    for text in ("", "Up to 30 days [1].", "Two [1][12] of them.\n- a list [3]", "NO_ANSWER"):
        assert pattern.fullmatch(text)
    for text in ("[0]", "[13]", "[1", "1]", "[x]", "[1, 2]", "[[1]]", "[ 1 ]"):
        assert not pattern.fullmatch(text)
