"""Another server and another model behind the same client: what a reader is promised does not depend on vLLM."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import pytest

from retrieval.answering import Answerer
from retrieval.embedding import Embedder
from retrieval.llm import ChatModel, Finished, Timeouts
from retrieval.retriever import Retriever
from retrieval.types import AnswerDone, AnswerEvent, Mode, SentenceStatus
from tests.in_memory import ASKER, WordModel, document, retriever_over
from tests.llama_cpp.conftest import CONTEXT

T = TypeVar("T")
# A prompt takes this machine's two cores a while to read.
PATIENT = Timeouts(first_token=60.0, between_tokens=30.0, total=180.0)
TEXTS = {
    "leave": "Full-time employees receive 27 days of annual leave. Unused days may not be carried over.",
    "travel": "Submit the expense claim within 30 days of the expense. Taxis are paid at night.",
}
QUESTION = "How many days of annual leave do full-time employees receive?"


def with_model(url: str, use: Callable[[ChatModel], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        model = ChatModel(base_url=url, model="any", timeouts=PATIENT)
        try:
            return await use(model)
        finally:
            await model.aclose()

    return asyncio.run(run())


def test_text_streams_in_pieces_and_ends_with_counts(llama_cpp: str) -> None:
    async def use(model: ChatModel) -> list[str | Finished]:
        async with aclosing(model.stream([("human", "Count from one to ten.")], sources=2, max_tokens=32)) as stream:
            return [piece async for piece in stream]

    *text, end = with_model(llama_cpp, use)
    assert len(text) > 1
    assert isinstance(end, Finished)
    assert end.prompt_tokens
    assert end.completion_tokens


def test_its_window_is_kept_to(llama_cpp: str) -> None:
    room = with_model(llama_cpp, lambda model: model.room(4000))
    assert room.prompt + room.answer == CONTEXT


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    documents = [document(text, title=name.capitalize(), name=name) for name, text in TEXTS.items()]
    return retriever_over(documents, Embedder(WordModel(), model_name="words"))


def test_an_answer_cites_only_what_there_is(llama_cpp: str, retriever: Retriever) -> None:
    """llama.cpp takes no notice of `structured_outputs`, so that what the model writes is held by our own reader."""

    async def use(model: ChatModel) -> list[AnswerEvent]:
        answerer = Answerer(retriever, model=model)
        answering = answerer.answer(QUESTION, ASKER, answer_id="a1", conversation_id="c1")
        async with aclosing(answering):
            return [event async for event in answering]

    done = with_model(llama_cpp, use)[-1]
    assert isinstance(done, AnswerDone)
    answer = done.answer
    assert answer.mode is Mode.GENERATED
    assert answer.usage.llm_calls == 1
    numbers = {source.number for source in answer.sources}
    assert {int(number) for number in re.findall(r"\[(\d+)\]", answer.text)} <= numbers
    for sentence in answer.sentences:
        assert sentence.status is not SentenceStatus.UNSUPPORTED
        for citation in sentence.citations:
            assert citation.quote in TEXTS[next(s for s in answer.sources if s.number == citation.source).external_id]
