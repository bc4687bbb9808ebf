"""What a server reads at once: asked of it, remembered, and kept to by every prompt and answer."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from retrieval.answering import Answerer
from retrieval.context_window import MAX_ANSWER_TOKENS, ContextWindow, Room
from retrieval.embedding import Embedder
from retrieval.errors import ModelUnavailableError
from retrieval.llm import ChatModel
from retrieval.prompts import ESTIMATED
from retrieval.types import AnswerDone, Mode
from tests.in_memory import ASKER, WordModel, document, retriever_over
from tests.scripted_model import Fails, Says, ScriptedModel, scripted_model

Answer = Callable[[httpx.Request], httpx.Response]


def window(answer: Answer, use: Callable[[ContextWindow], Any], **options: Any) -> Any:
    async def run() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await use(ContextWindow(http, base_url="http://model/v1/", model="llama-3.1", **options))

    return asyncio.run(run())


def lists(*models: Any) -> Answer:
    return lambda request: httpx.Response(200, json={"object": "list", "data": list(models)})


VLLM = {"id": "llama-3.1", "object": "model", "max_model_len": 2048}
OTHER = {"id": "other", "object": "model", "max_model_len": 512}
LLAMA_CPP = {"id": "models/some.gguf", "object": "model", "meta": {"n_ctx": 4096, "n_ctx_train": 32768}}


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        (lists(OTHER, VLLM), 2048),
        (lists(LLAMA_CPP), 4096),
        (lists({"id": "llama-3.1", "object": "model"}), None),
        (lists({"id": "llama-3.1", "max_model_len": "long"}), None),
        (lists({"id": "llama-3.1", "meta": 3}), None),
        (lists(), None),
        (lists("llama-3.1"), None),
        (lambda request: httpx.Response(200, json=[]), None),
        (lambda request: httpx.Response(200, text="<html>"), None),
        (lambda request: httpx.Response(404), None),
    ],
)
def test_the_window_is_what_the_server_says_where_it_says_it(answer: Answer, tokens: int | None) -> None:
    assert window(answer, lambda one: one.tokens()) == tokens
    assert window(answer, lambda one: one.tokens(), default=9999) == (tokens or 9999)


def test_it_is_asked_at_the_models_address_with_the_key() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return lists(VLLM)(request)

    window(answer, lambda one: one.tokens(), api_key="k1")
    assert [(str(one.url), one.headers["authorization"]) for one in asked] == [("http://model/v1/models", "Bearer k1")]


def test_it_is_asked_once_and_again_when_the_server_has_failed() -> None:
    now, said, asked = [0.0], [2048], [0]

    def answer(request: httpx.Request) -> httpx.Response:
        asked[0] += 1
        if not said[0]:
            raise httpx.ConnectError("refused")
        return lists({**VLLM, "max_model_len": said[0]})(request)

    async def use(one: ContextWindow) -> None:
        assert [await one.tokens(), await one.tokens()] == [2048, 2048]
        assert asked[0] == 1
        one.forget()
        said[0] = 0
        assert [await one.tokens(), await one.tokens()] == [2048, 2048], "as it was last known"
        assert asked[0] == 2, "a server that does not answer is not asked with each question"
        one.forget()
        assert await one.tokens() == 2048
        assert asked[0] == 2
        now[0], said[0] = 20.0, 1024
        assert await one.tokens() == 1024

    window(answer, use, clock=lambda: now[0])


@pytest.mark.parametrize(
    ("tokens", "room"),
    [
        (131072, Room(4000, MAX_ANSWER_TOKENS)),
        (4096, Room(3396, MAX_ANSWER_TOKENS)),
        (2048, Room(1536, 512)),
        (None, Room(4000, MAX_ANSWER_TOKENS)),
    ],
)
def test_prompt_and_answer_fit_the_window_together(tokens: int | None, room: Room) -> None:
    assert window(lists(), lambda one: one.room(4000), default=tokens) == room


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModel]:
    with scripted_model() as running:
        yield running


def test_an_answer_is_asked_for_within_the_window(server: ScriptedModel) -> None:
    text = "Full-time employees receive 27 days of annual leave a year. " * 40
    documents = [document(f"{text} Part {number}.", title="Leave", name=f"leave{number}") for number in range(8)]
    retriever = retriever_over(documents, Embedder(WordModel(), model_name="words"))
    server.context_tokens = 2048
    server.does(Says("Full-time employees receive 27 days of annual leave a year [1]."))

    async def run() -> AnswerDone:
        model = ChatModel(base_url=server.url, model="scripted")
        try:
            asking = Answerer(retriever, model=model).answer(
                "How many days of annual leave do full-time employees receive?",
                ASKER,
                answer_id="a1",
                conversation_id="c1",
            )
            async with aclosing(asking):
                return [event async for event in asking][-1]  # type: ignore[return-value]
        finally:
            await model.aclose()

    done = asyncio.run(run())
    assert done.answer.mode is Mode.GENERATED
    (request,) = server.requests
    prompt = ESTIMATED.prompt([(one["role"], one["content"]) for one in request["messages"]])
    assert request["max_tokens"] == 512
    assert 0.8 * 1536 < prompt <= 1536


def test_a_server_that_failed_is_asked_anew(server: ScriptedModel) -> None:
    server.context_tokens = 2048
    server.does(Fails(500))

    async def run() -> list[Room]:
        model = ChatModel(base_url=server.url, model="scripted")
        try:
            before = await model.room(4000)
            server.context_tokens = 1024
            unchanged = await model.room(4000)
            with pytest.raises(ModelUnavailableError):
                _ = [piece async for piece in model.stream([("human", "How long?")])]
            return [before, unchanged, await model.room(4000)]
        finally:
            await model.aclose()

    assert asyncio.run(run()) == [Room(1536, 512), Room(1536, 512), Room(768, 256)]
