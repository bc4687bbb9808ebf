"""A stream that fails in the middle: an error in OpenAI's form in place of [DONE], and nothing of the inside."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest

from retrieval.errors import IndexUnavailableError
from retrieval.types import AnswerDone, AnswerEvent, SourcesFound, TextDelta
from services.api.openai_streaming import chunks


async def _fails(error: Exception) -> AsyncGenerator[AnswerEvent, None]:
    yield SourcesFound(())
    yield TextDelta("Three")
    raise error


async def _never(_done: AnswerDone) -> None:
    raise AssertionError("there is no answer")


def _told(error: Exception) -> list[str]:
    async def told() -> list[str]:
        return [text async for text in chunks("1", _fails(error), _never, with_usage=False)]

    return asyncio.run(told())


@pytest.mark.parametrize(
    ("error", "code"),
    [(IndexUnavailableError("The index is down."), "index_unavailable"), (KeyError("secret"), "internal_error")],
)
def test_a_stream_that_fails_ends_with_an_error_and_is_not_done(error: Exception, code: str) -> None:
    told = [json.loads(text.removeprefix("data: ")) for text in _told(error)]
    assert [chunk["choices"][0]["delta"].get("content") for chunk in told[:-1]] == ["", "Three"]
    assert (told[-1]["error"]["code"], told[-1]["error"]["type"]) == (code, "server_error")
    assert "secret" not in told[-1]["error"]["message"]
