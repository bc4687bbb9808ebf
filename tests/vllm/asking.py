"""Asking the model through our own client, as the answerer does."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from retrieval.llm import ChatModel, Finished
from retrieval.token_counting import Message
from tests.vllm.server import KEY, NAME, VllmServer

T = TypeVar("T")
QUESTIONS = ["How long is the warranty?", "Who pays for a taxi at night?", "Wann beginnt die Probezeit?"]


def asked(question: str) -> list[Message]:
    return [("system", "You answer questions."), ("human", question)]


def with_model(vllm: VllmServer, use: Callable[[ChatModel], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        model = ChatModel(base_url=vllm.url, model=NAME, api_key=KEY)
        try:
            return await use(model)
        finally:
            await model.aclose()

    return asyncio.run(run())


async def pieces(
    model: ChatModel, messages: Sequence[Message], *, sources: int | None = None, max_tokens: int = 48
) -> tuple[list[str], Finished]:
    """The text in the pieces that it came in, and its end."""
    came: list[str] = []
    async with aclosing(model.stream(messages, sources=sources, max_tokens=max_tokens)) as stream:
        async for piece in stream:
            if isinstance(piece, Finished):
                return came, piece
            came.append(piece)
    raise AssertionError("a stream ends with Finished or an error")
