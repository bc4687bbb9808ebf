"""vLLM asked to end while it answers. The last file of the folder, because it leaves no server behind."""

from contextlib import aclosing

from retrieval.llm import ChatModel, Finished
from tests.vllm.asking import QUESTIONS, asked, with_model
from tests.vllm.server import VllmServer


def test_an_answer_under_way_is_finished_before_the_server_ends(vllm: VllmServer) -> None:
    async def read_on(model: ChatModel) -> list[str | Finished]:
        async with aclosing(model.stream(asked(QUESTIONS[0]), sources=4, max_tokens=300)) as stream:
            first = await anext(stream)
            assert vllm.process is not None
            vllm.process.terminate()
            return [first, *[piece async for piece in stream]]

    end = with_model(vllm, read_on)[-1]
    assert isinstance(end, Finished)
    assert end.completion_tokens == 300
    assert vllm.eventually(lambda: not vllm.alive(), seconds=40.0)
