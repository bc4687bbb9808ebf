"""The model is asked while the evidence is weighed where the search is sure, and only behind it where it is not."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing

import anyio
import pytest

from retrieval import answering
from retrieval.dense import Vectors
from retrieval.embedding import Embedder
from retrieval.evidence import Prospect, Strictness
from retrieval.foresight import is_likely
from retrieval.generating import Generation
from retrieval.llm import ChatModel
from retrieval.prompts import ESTIMATED
from retrieval.retriever import Retriever
from retrieval.transcript import Transcript
from retrieval.types import Mode, Outcome, RefusalReason
from tests.in_memory import WordModel, document, retriever_over
from tests.scripted_model import Breaks, Hangs, Says, ScriptedModel, scripted_model
from tests.unit.test_answering import GOOD, QUESTION, TEXTS, events, final

UNANSWERED = "Who invented the steam locomotive in Wales?"


class WatchedEmbedder(Embedder):
    """Calls `look` before it embeds the sentences that the evidence is weighed by."""

    look: Callable[[], object] = staticmethod(lambda: None)

    def embed_asked(self, texts: Sequence[str]) -> Vectors:
        self.look()
        return super().embed_asked(texts)


@pytest.fixture
def embedder() -> WatchedEmbedder:
    return WatchedEmbedder(WordModel(), model_name="words")


@pytest.fixture
def retriever(embedder: WatchedEmbedder) -> Retriever:
    return retriever_over(
        [document(text, title=name.capitalize(), name=name) for name, text in TEXTS.items()], embedder
    )


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    with scripted_model() as running:
        yield running


def judge_likely(monkeypatch: pytest.MonkeyPatch, verdict: bool) -> None:
    def judged(_: Sequence[Prospect], __: Strictness) -> bool:
        return verdict

    monkeypatch.setattr(answering, "is_likely", judged)


def test_a_likely_answer_is_asked_for_while_its_evidence_is_weighed(
    retriever: Retriever, embedder: WatchedEmbedder, server: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_likely(monkeypatch, True)
    server.does(Says(GOOD))
    asked: list[bool] = []
    embedder.look = lambda: asked.append(server.asked())
    answer = final(events(retriever, server=server))
    assert asked[0]
    assert (answer.text, answer.mode, answer.usage.llm_calls) == (GOOD, Mode.GENERATED, 1)
    assert len(server.requests) == 1


def test_an_unlikely_one_waits_for_the_evidence(
    retriever: Retriever, embedder: WatchedEmbedder, server: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_likely(monkeypatch, False)
    server.does(Says(GOOD))
    requests: list[int] = []
    embedder.look = lambda: requests.append(len(server.requests))
    answer = final(events(retriever, server=server))
    assert requests[0] == 0
    assert (answer.text, answer.mode) == (GOOD, Mode.GENERATED)


@pytest.mark.parametrize("behaviour", [Hangs(), Hangs("Richard Trevithick invented"), Says(GOOD)], ids=str)
def test_what_was_asked_for_in_vain_is_ended_refused_and_counted(
    retriever: Retriever,
    embedder: WatchedEmbedder,
    server: ScriptedModel,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: Hangs | Says,
) -> None:
    judge_likely(monkeypatch, True)
    server.does(behaviour)
    embedder.look = server.asked
    answer = final(events(retriever, UNANSWERED, server=server))
    assert answer.refusal is not None
    assert (answer.refusal.reason, answer.text, answer.sources) == (RefusalReason.NO_EVIDENCE, "", ())
    assert server.idle()
    assert (answer.usage.llm_calls, answer.usage.prompt_tokens > 100) == (1, True)


@pytest.mark.parametrize("written", ["", GOOD], ids=["before a sentence", "while one is checked"])
def test_a_reader_who_is_cut_off_again_and_again_frees_the_model_and_it_is_counted(
    server: ScriptedModel, written: str
) -> None:
    server.does(Hangs(written))
    transcript = Transcript("a1", "c1")

    async def run() -> None:
        model = ChatModel(base_url=server.url, model="scripted")
        generation = Generation(model, QUESTION, [], transcript, as_of=None, room=700, tokens=ESTIMATED)
        checking = asyncio.Event()

        async def read() -> None:
            async with aclosing(generation.drafts()) as drafts:
                async for _ in drafts:
                    checking.set()
                    await asyncio.sleep(60)

        async with anyio.create_task_group() as response:  # as Starlette's streaming response does
            response.start_soon(read)
            await asyncio.to_thread(server.asked)
            if written:
                await checking.wait()
            response.cancel_scope.cancel()
        async with asyncio.timeout(10.0):  # R9: a second, on a machine that does nothing else
            assert await asyncio.to_thread(server.idle)
        await generation.aclose()
        await model.aclose()

    asyncio.run(run())
    usage = transcript.done().answer.usage
    assert (usage.llm_calls, usage.prompt_tokens > 50) == (1, True)


def test_a_model_that_failed_meanwhile_costs_only_the_wording(
    retriever: Retriever, embedder: WatchedEmbedder, server: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_likely(monkeypatch, True)
    server.does(Breaks())
    embedder.look = server.asked
    answer = final(events(retriever, server=server))
    assert (answer.outcome, answer.mode) == (Outcome.ANSWERED, Mode.EXTRACTIVE)
    assert "27 days" in answer.text


def test_what_is_likely_for_one_setting_of_the_dial_is_so_for_those_that_need_less() -> None:
    assert not is_likely([], Strictness.LENIENT)
    weak = Prospect(passage=0.1, novelty=0.1, heading=0.5, missing_facts=1.0)
    some = Prospect(passage=0.5, novelty=0.5, heading=0.2, missing_facts=0.0)
    strong = Prospect(passage=0.8, novelty=1.0, heading=0.2, missing_facts=0.0)
    dials = (Strictness.STRICT, Strictness.BALANCED, Strictness.LENIENT)
    assert [is_likely([weak, some], dial) for dial in dials] == [False, False, True]
    assert [is_likely([weak, strong], dial) for dial in dials] == [True, True, True]
    assert not any(is_likely([weak], dial) for dial in dials)
