"""How many answers may be under way, and how they end when the process is told to stop."""

import asyncio
import gc
from collections.abc import AsyncGenerator

import pytest

from retrieval.errors import OverloadedError
from retrieval.types import AnswerEvent, SourcesFound, TextDelta
from services.api.open_answers import OpenAnswer, OpenAnswers, StoppingError

LONG = 3600.0


class Told:
    """An answer that says two things and then nothing more, and knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def events(self) -> AsyncGenerator[AnswerEvent, None]:
        try:
            yield SourcesFound(())
            yield TextDelta("Three days")
            await asyncio.sleep(LONG)
        finally:
            self.closed = True


def admitted(among: OpenAnswers) -> OpenAnswer:
    return among.admit(Told().events())


def test_a_question_too_many_is_refused_at_once_and_the_next_one_not() -> None:
    async def run() -> None:
        among = OpenAnswers(most=2, searching=2)
        first, second = admitted(among), admitted(among)
        with pytest.raises(OverloadedError) as refused:
            admitted(among)
        assert refused.value.code == "too_busy"
        await first.aclose()
        await admitted(among).aclose()
        await second.aclose()

    asyncio.run(run())


def test_those_that_still_search_are_counted_by_themselves() -> None:
    async def run() -> None:
        among = OpenAnswers(most=10, searching=1)
        first = admitted(among)
        with pytest.raises(OverloadedError):
            admitted(among)
        await anext(first)
        await admitted(among).aclose()
        await first.aclose()

    asyncio.run(run())


def test_an_answer_that_nobody_ever_began_to_read_counts_no_more() -> None:
    async def run() -> None:
        among = OpenAnswers(most=1, searching=1)
        answer = admitted(among)
        del answer
        gc.collect()
        await admitted(among).aclose()

    asyncio.run(run())


@pytest.mark.parametrize("asked_before", [True, False])
def test_draining_ends_each_answer_with_a_word_and_frees_its_model(*, asked_before: bool) -> None:
    async def run() -> None:
        among, told = OpenAnswers(most=1, searching=1), Told()
        answer = among.admit(told.events())
        await anext(answer)
        await anext(answer)
        if asked_before:  # the reader waits for the next event when the process is told to stop
            reading = asyncio.ensure_future(anext(answer))
            await asyncio.sleep(0)
            among.drain(0.01)
        else:
            among.drain(0.01)
            reading = asyncio.ensure_future(anext(answer))
        assert among.draining
        with pytest.raises(StoppingError) as ended:
            await reading
        assert ended.value.code == "server_stopping"
        assert told.closed

    asyncio.run(run())


def test_an_answer_that_ends_in_time_is_whole() -> None:
    async def short() -> AsyncGenerator[AnswerEvent, None]:
        yield SourcesFound(())
        yield TextDelta("Three days.")

    async def run() -> None:
        among = OpenAnswers(most=1, searching=1)
        answer = among.admit(short())
        among.drain(LONG)
        assert [event async for event in answer] == [SourcesFound(()), TextDelta("Three days.")]
        await admitted(among).aclose()

    asyncio.run(run())
