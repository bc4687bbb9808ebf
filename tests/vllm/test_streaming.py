"""Our client against a real vLLM: text as it comes, markers that can only name a source, a slot that is freed."""

import asyncio
import re

import pytest

from retrieval.errors import ModelUnavailableError
from retrieval.llm import ChatModel
from tests.vllm.asking import QUESTIONS, asked, pieces, with_model
from tests.vllm.server import NAME, VllmServer

SOURCES = 4
MARKER = re.compile(r"\[[1-4]\]")
CUT_MARKER = re.compile(r"\[[1-4]?\Z")


def test_text_comes_in_pieces_with_the_servers_own_counts_at_the_end(vllm: VllmServer) -> None:
    came, end = with_model(vllm, lambda model: pieces(model, asked(QUESTIONS[0]), max_tokens=64))
    assert len(came) > 1  # tokens within a sentence come together (retrieval/merged_events.py)
    assert (end.cut, end.completion_tokens) == (True, 64)
    assert end.prompt_tokens is not None


def written(vllm: VllmServer, sources: int | None) -> str:
    """All that it writes to several questions, without the marker that a length limit may have cut at an end."""

    async def ask(model: ChatModel) -> str:
        answers = [await pieces(model, asked(question), sources=sources, max_tokens=160) for question in QUESTIONS]
        return " ".join(CUT_MARKER.sub("", "".join(came)) for came, _ in answers)

    return with_model(vllm, ask)


def test_a_marker_can_only_name_a_source_that_there_is(vllm: VllmServer) -> None:
    text = written(vllm, SOURCES)
    assert MARKER.search(text), "the constraint leaves markers possible"
    assert not re.search(r"[\[\]]", MARKER.sub("", text))


def test_without_the_constraint_this_model_writes_other_brackets(vllm: VllmServer) -> None:
    assert re.search(r"[\[\]]", MARKER.sub("", written(vllm, None)))


def test_a_reader_who_leaves_frees_the_slot_soon(vllm: VllmServer) -> None:
    async def leave(model: ChatModel) -> None:
        stream = model.stream(asked(QUESTIONS[0]), sources=SOURCES, max_tokens=1500)
        assert isinstance(await anext(stream), str)
        assert await asyncio.to_thread(vllm.eventually, lambda: vllm.running() == 1, seconds=5.0)
        await stream.aclose()
        assert await asyncio.to_thread(vllm.is_freed)

    with_model(vllm, leave)


def test_a_wrong_key_is_a_model_that_is_not_available(vllm: VllmServer) -> None:
    async def ask() -> None:
        model = ChatModel(base_url=vllm.url, model=NAME, api_key="wrong")
        try:
            with pytest.raises(ModelUnavailableError):
                await pieces(model, asked(QUESTIONS[0]))
        finally:
            await model.aclose()

    asyncio.run(ask())
