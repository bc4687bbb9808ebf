"""How long a model is waited for is the operator's to say: slow hardware thinks for longer than what hangs."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from retrieval import answering
from retrieval.answering import Answerer
from retrieval.embedding import Embedder
from retrieval.errors import ModelUnavailableError
from retrieval.llm import ChatModel, Finished
from retrieval.replicas import FIRST_SECONDS, HEDGE_SECONDS, Replicas
from retrieval.types import Answer, AnswerDone, Mode, Turn
from services.settings import Settings
from services.wiring.answerer import chat_model
from tests.in_memory import ASKER, WordModel, document, retriever_over
from tests.scripted_model import Hangs, Says, ScriptedModel, Trickles, scripted_model

PATIENT = {"llm_first_token_seconds": 20.0, "llm_token_seconds": 20.0, "llm_answer_seconds": 60.0}


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModel]:
    with scripted_model() as running:
        yield running


def heard(server: ScriptedModel, words: int, **seconds: float) -> str:
    """What comes of an answer until so many words have, by a model that these settings make."""

    async def run() -> str:
        model = chat_model(Settings(llm_url=server.url, **{**PATIENT, **seconds}))  # type: ignore[arg-type]
        assert isinstance(model, ChatModel)
        text = ""
        try:
            async with aclosing(model.stream([("human", "How long?")])) as pieces:
                async for piece in pieces:
                    text += "" if isinstance(piece, Finished) else piece
                    if len(text.split()) >= words:
                        break
        except ModelUnavailableError:
            text += "(given up)"
        finally:
            await model.aclose()
        return text

    return asyncio.run(run())


def test_one_that_says_nothing_is_given_up_after_the_time_for_its_first_token(server: ScriptedModel) -> None:
    server.does(Hangs())
    assert heard(server, 1, llm_first_token_seconds=1) == "(given up)"


def test_one_that_pauses_is_given_up_after_the_time_between_tokens(server: ScriptedModel) -> None:
    server.does(Trickles("one two three four five six", seconds=3.0))
    assert heard(server, 3, llm_token_seconds=1).endswith("(given up)")
    assert heard(server, 3).split()[:3] == ["one", "two", "three"]


def test_one_that_goes_on_and_on_is_given_up_after_the_time_for_an_answer(server: ScriptedModel) -> None:
    server.does(Trickles("word", seconds=0.2))
    assert heard(server, 1000, llm_first_token_seconds=5, llm_answer_seconds=5).endswith("(given up)")


@pytest.mark.parametrize(
    ("settings", "first", "hedge"),
    [({}, FIRST_SECONDS, HEDGE_SECONDS), ({**PATIENT, "llm_first_token_seconds": 40}, 41.5, 10.0)],
    ids=["as it comes", "slow"],
)
def test_several_servers_are_waited_for_as_one_is(settings: dict[str, float], first: float, hedge: float) -> None:
    model = chat_model(Settings(llm_url="http://127.0.0.1:9/v1,http://127.0.0.1:9/v1", **settings))  # type: ignore[arg-type]
    assert isinstance(model, Replicas)
    assert (model._first_seconds, model._hedge_seconds) == (first, hedge)


LEAVE = "Full-time employees receive 27 days of annual leave."
HISTORY = (Turn("user", "How many days of annual leave are there?"), Turn("assistant", "There are 27 [1]."))


def followed_up(*addresses: str, **settings: float) -> Answer:
    """What a model that these settings make answers to a second question."""

    async def run() -> Answer:
        retriever = retriever_over(
            [document(LEAVE, title="Leave", name="leave")], Embedder(WordModel(), model_name="w")
        )
        model = chat_model(Settings(llm_url=",".join(addresses), **settings))  # type: ignore[arg-type]
        assert isinstance(model, ChatModel | Replicas)
        asking = Answerer(retriever, model=model).answer(
            "And of full-time employees?", ASKER, answer_id="a1", conversation_id="c1", history=HISTORY
        )
        try:
            async with aclosing(asking) as events:
                *_, last = [event async for event in events]
        finally:
            await model.aclose()
        assert isinstance(last, AnswerDone)
        return last.answer

    return asyncio.run(run())


def test_a_slow_model_answers_a_follow_up_that_it_was_too_slow_to_rewrite(
    server: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "REWRITE_SECONDS", 0.5)
    with scripted_model() as other:
        for addresses in ([server.url], [server.url, other.url]):
            server.does(Hangs(), Says(f"{LEAVE[:-1]} [1]."))
            answer = followed_up(*addresses, **PATIENT)
            assert answer.mode is Mode.GENERATED
            assert answer.usage.llm_calls == 2
            assert "annual leave" in server.requests[1]["messages"][1]["content"].rpartition("Question: ")[2]


def test_a_model_that_hangs_at_the_rewrite_is_not_waited_for_again(
    server: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "REWRITE_SECONDS", 0.5)
    server.does(Hangs())
    assert followed_up(server.url).mode is Mode.EXTRACTIVE
    assert len(server.requests) == 1
