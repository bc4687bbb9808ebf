"""Several servers of one model: who is asked, who stands in, and how seldom a server is asked for nothing."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, aclosing
from typing import Any

import anyio
import pytest

from retrieval.breaker import RetryBudget
from retrieval.errors import ModelUnavailableError
from retrieval.llm import ChatModel, Finished, Timeouts
from retrieval.replicas import Replicas
from tests.scripted_model import Behaviour, Breaks, Fails, Hangs, Says, ScriptedModel, Trickles, scripted_model
from tests.unit.test_llm import ASK, collected, unconnectable

QUICK = Timeouts(connect=2.0, first_token=3.0, between_tokens=5.0, total=30.0)
SOON_S = 10.0
NOBODY = "http://127.0.0.1:9/v1"
TEXT = "The limit is 30 days [1]."
ON_AND_ON = Trickles(TEXT, seconds=0.05)


def busy(replicas: Replicas) -> list[int]:
    """How many requests each server is thought to have in hand."""
    return [replica.busy for replica in replicas._replicas]


async def freed(*servers: ScriptedModel) -> None:
    """Each of them was asked, and is soon rid of us (R9: within a second)."""
    async with asyncio.timeout(SOON_S):
        assert all([await asyncio.to_thread(server.idle) for server in servers])


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedModel, ScriptedModel]]:
    with ExitStack() as stack:
        yield stack.enter_context(scripted_model()), stack.enter_context(scripted_model())


def using(*urls: str, use: Callable[[Replicas], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    async def run() -> Any:
        models = [ChatModel(base_url=url, model="scripted", timeouts=QUICK, retries=RetryBudget.none()) for url in urls]
        replicas = Replicas(models, **{"hedge_seconds": 30.0, **options})
        try:
            return await use(replicas)
        finally:
            await replicas.aclose()

    return asyncio.run(run())


async def answer(replicas: Replicas) -> str:
    text, end = await collected(replicas.stream(ASK))
    assert isinstance(end, Finished)
    return text


def test_the_less_busy_server_is_asked(servers: tuple[ScriptedModel, ScriptedModel]) -> None:
    one, other = servers
    one.does(Hangs(text="Wait"))
    other.does(Says(TEXT))

    async def use(replicas: Replicas) -> str:
        async with aclosing(replicas.stream(ASK)) as open_one:
            await anext(open_one)
            return await answer(replicas)

    assert using(one.url, other.url, use=use) == TEXT
    assert (len(one.requests), len(other.requests)) == (1, 1)
    assert one.idle()


def test_where_nobody_listens_another_one_answers_whatever_the_budget() -> None:
    with scripted_model() as other:
        other.does(Says(TEXT))
        assert using(NOBODY, other.url, use=answer, budget=RetryBudget.none()) == TEXT


def test_where_a_server_takes_no_connection_another_one_answers_whatever_the_budget() -> None:
    with unconnectable() as url, scripted_model() as other:
        other.does(Says(TEXT))
        assert using(url, other.url, use=answer, budget=RetryBudget.none(), first_seconds=20.0) == TEXT


def test_a_first_token_is_given_up_when_it_has_had_its_time(servers: tuple[ScriptedModel, ScriptedModel]) -> None:
    for server in servers:
        server.does(Hangs())
    with pytest.raises(ModelUnavailableError, match="too long"):
        using(servers[0].url, servers[1].url, use=answer, first_seconds=0.3)
    assert servers[1].requests == []  # it never came to the hedge


def test_a_server_that_is_slow_to_begin_is_helped_out_and_freed(servers: tuple[ScriptedModel, ScriptedModel]) -> None:
    one, other = servers
    one.does(Hangs())
    other.does(Says(TEXT))

    async def use(replicas: Replicas) -> str:
        text = await answer(replicas)
        assert await asyncio.to_thread(one.idle)
        return text

    assert using(one.url, other.url, use=use, hedge_seconds=0.2) == TEXT
    assert len(one.requests) == 1


def test_the_server_that_was_helped_out_is_freed_while_the_other_one_still_writes(
    servers: tuple[ScriptedModel, ScriptedModel],
) -> None:
    one, other = servers
    one.does(Hangs())
    other.does(ON_AND_ON)

    async def use(replicas: Replicas) -> None:
        async with aclosing(replicas.stream(ASK)) as pieces:
            await anext(pieces)
            await freed(one)
            assert busy(replicas) == [0, 1]
            await anext(pieces)
            assert other.running == 1
        assert busy(replicas) == [0, 0]
        await freed(other)

    using(one.url, other.url, use=use, hedge_seconds=0.2)


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [(Hangs(), Hangs(), 0.0), (Hangs(), ON_AND_ON, 0.0), (Hangs(), ON_AND_ON, 60.0), (ON_AND_ON, Hangs(), 60.0)],
    ids=["both silent", "waiting for text", "busy with text", "busy with the first one's"],
)
def test_a_reader_who_is_cut_off_again_and_again_leaves_no_request_and_no_count(
    servers: tuple[ScriptedModel, ScriptedModel], first: Behaviour, second: Behaviour, seconds: float
) -> None:
    for server, behaviour in zip(servers, (first, second), strict=True):
        server.does(behaviour)

    async def use(replicas: Replicas) -> None:
        heard = asyncio.Event()

        async def read() -> None:
            async with aclosing(replicas.stream(ASK)) as pieces:
                async for _ in pieces:
                    heard.set()
                    await asyncio.sleep(seconds)

        async with anyio.create_task_group() as response:  # as Starlette's streaming response does
            response.start_soon(read)
            for server in servers if first == Hangs() else servers[:1]:
                await asyncio.to_thread(server.asked)
            if ON_AND_ON in (first, second):
                await heard.wait()
            response.cancel_scope.cancel()
        assert busy(replicas) == [0, 0]
        await freed(*servers)

    using(servers[0].url, servers[1].url, use=use, hedge_seconds=0.05 if first == Hangs() else 10.0)


def test_without_a_budget_nobody_is_asked_twice(servers: tuple[ScriptedModel, ScriptedModel]) -> None:
    one, other = servers
    one.does(Hangs())
    other.does(Says(TEXT))
    with pytest.raises(ModelUnavailableError):
        using(one.url, other.url, use=answer, hedge_seconds=0.2, budget=RetryBudget.none())
    assert other.requests == []


def test_once_text_has_come_nothing_is_asked_again(servers: tuple[ScriptedModel, ScriptedModel]) -> None:
    one, other = servers
    one.does(Breaks(text="The limit"))
    other.does(Says(TEXT))
    with pytest.raises(ModelUnavailableError):
        using(one.url, other.url, use=answer)
    assert other.requests == []


def test_servers_that_are_overloaded_are_asked_a_tenth_more_at_most(
    servers: tuple[ScriptedModel, ScriptedModel],
) -> None:
    calls = 40
    for server in servers:
        server.does(Fails(503))

    async def use(replicas: Replicas) -> None:
        for _ in range(calls):
            with pytest.raises(ModelUnavailableError):
                await answer(replicas)

    using(servers[0].url, servers[1].url, use=use)
    assert sum(len(server.requests) for server in servers) <= 1.1 * calls


def test_a_short_completion_comes_from_whoever_listens() -> None:
    with scripted_model() as other:
        other.does(Says(TEXT))
        text, _ = using(NOBODY, other.url, use=lambda replicas: replicas.complete(ASK, max_tokens=9, seconds=5.0))
    assert text == TEXT


def test_all_of_them_silent_is_a_model_that_is_not_available() -> None:
    with pytest.raises(ModelUnavailableError):
        using(NOBODY, NOBODY, use=answer)
