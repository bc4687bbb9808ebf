"""The whole journey of a question over the real read path, with no model, a good one and bad ones."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from retrieval.answering import Answerer
from retrieval.embedding import Embedder
from retrieval.errors import ForbiddenError
from retrieval.evidence import Strictness
from retrieval.llm import ChatModel
from retrieval.retriever import Retriever
from retrieval.token_counting import Message
from retrieval.types import (
    Answer,
    AnswerDone,
    AnswerEvent,
    Mode,
    Outcome,
    Principal,
    RefusalReason,
    SentenceChecked,
    SentenceStatus,
    SourcesFound,
    TextDelta,
    Turn,
)
from services.api.wording import message
from tests.in_memory import ASKER, WordModel, document, retriever_over
from tests.scripted_model import (
    Behaviour,
    Breaks,
    Ends,
    Fails,
    Hangs,
    RefusesConstraints,
    Says,
    ScriptedModel,
    Talks,
    scripted_model,
)

TEXTS = {
    "leave": "Annual leave is granted by calendar year. Full-time employees receive 27 days of annual leave, plus "
    "public holidays. Unused days may not be carried over to the next year.",
    "travel": "Submit the expense claim within 30 days of the expense. Expense claims older than 90 days are not paid. "
    "You need for a claim:\n- a receipt\n- the claim form\n\nTaxis are paid at night.",
    "warranty": "The warranty of Heron 3 is 36 months. The warranty of Heron 2 is 24 months.",
    "salaries": "The salary of a director is 123,456 euros a year.",
}
QUESTION = "How many days of annual leave do full-time employees receive?"
GOOD = "Full-time employees receive 27 days of annual leave [1]. Unused days may not be carried over [1]."


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    embedder = Embedder(WordModel(), model_name="words")
    documents = [document(text, title=name.capitalize(), name=name) for name, text in TEXTS.items()]
    return retriever_over(documents, embedder, grants={"salaries": {"group:hr"}})


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModel]:
    with scripted_model() as running:
        yield running


def events(
    retriever: Retriever,
    question: str = QUESTION,
    *,
    principal: Principal = ASKER,
    history: Sequence[Turn] = (),
    server: ScriptedModel | None = None,
    use: Callable[[Answerer], Any] | None = None,
    **options: Any,
) -> list[AnswerEvent]:
    async def run() -> list[AnswerEvent]:
        model = ChatModel(base_url=server.url, model="scripted", timeouts=server.timeouts()) if server else None
        answerer = Answerer(retriever, model=model, **options)
        try:
            answering = answerer.answer(question, principal, answer_id="a1", conversation_id="c1", history=history)
            async with aclosing(answering):
                return [event async for event in answering]
        finally:
            if model:
                await model.aclose()

    return asyncio.run(run())


def final(happened: Sequence[AnswerEvent]) -> Answer:
    """The answer, after checking what every stream of events must keep to."""
    assert isinstance(happened[0], SourcesFound)
    assert isinstance(happened[-1], AnswerDone)
    answer = happened[-1].answer
    deltas = [event.delta for event in happened if isinstance(event, TextDelta)]
    assert "".join(deltas) == answer.text
    assert tuple(event.sentence for event in happened if isinstance(event, SentenceChecked)) == answer.sentences
    assert [type(event) for event in happened[1:-1]] == [TextDelta, SentenceChecked] * len(answer.sentences)
    assert happened[0].sources == answer.sources
    numbers = {source.number: source for source in answer.sources}
    for sentence in answer.sentences:
        assert answer.text[sentence.start : sentence.end] == sentence.text
        for citation in sentence.citations:
            assert f"[{citation.source}]" in sentence.text
            source = numbers[citation.source]
            assert source.text[citation.start - source.start : citation.end - source.start] == citation.quote
            assert TEXTS[source.external_id][citation.start : citation.end] == citation.quote
    assert (answer.id, answer.conversation_id) == ("a1", "c1")
    assert set(answer.timings_ms) == {"rewrite", "retrieve", "rerank", "first_text", "total"}
    assert (answer.outcome is Outcome.REFUSED) == (answer.refusal is not None)
    return answer


def test_without_a_model_the_answer_is_made_of_the_sources_sentences(retriever: Retriever) -> None:
    answer = final(events(retriever))
    assert (answer.outcome, answer.mode) == (Outcome.ANSWERED, Mode.EXTRACTIVE)
    wanted = "Full-time employees receive 27 days of annual leave, plus public holidays. [1]"
    assert wanted in [sentence.text for sentence in answer.sentences]
    assert {sentence.status for sentence in answer.sentences} == {SentenceStatus.SUPPORTED}
    assert answer.usage.llm_calls == 0


def test_a_list_is_quoted_whole(retriever: Retriever) -> None:
    answer = final(events(retriever, "What do I need for an expense claim?"))
    assert "You need for a claim:\n- a receipt\n- the claim form [1]" in [
        sentence.text for sentence in answer.sentences
    ]


def test_without_evidence_the_answer_is_a_refusal_with_the_closest_passages(
    retriever: Retriever, server: ScriptedModel
) -> None:
    server.does(Says(GOOD))
    answer = final(events(retriever, "Who invented the steam locomotive in Wales?", server=server))
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.NO_EVIDENCE
    assert [source.number for source in answer.refusal.closest] == list(range(1, len(answer.refusal.closest) + 1))
    assert answer.text == ""
    assert server.requests == []


class NoTokens:
    """A token counter for prompts that are not to be made at all."""

    def text(self, text: str) -> int:
        raise AssertionError(text)

    def prompt(self, messages: Sequence[Message]) -> int:
        raise AssertionError(messages)


def test_a_refusal_without_the_model_packs_no_prompt(retriever: Retriever, server: ScriptedModel) -> None:
    answer = final(events(retriever, "Who invented the steam locomotive in Wales?", server=server, tokens=NoTokens()))
    assert answer.outcome is Outcome.REFUSED


def test_a_question_without_a_subject_is_unclear(retriever: Retriever) -> None:
    answer = final(events(retriever, "and what about it?"))
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.UNCLEAR_QUESTION


def test_a_question_that_leaves_open_what_it_is_about_is_asked_back(server: ScriptedModel) -> None:
    server.does(Says(GOOD))
    embedder = Embedder(WordModel(), model_name="words")
    documents = [
        document(f"The canteen in {name} serves lunch at noon.", title=f"{name} site", name=name)
        for name in ("Porto", "Oslo")
    ]
    question = "Which vegetarian desserts does the canteen offer on Fridays?"
    answer = final(events(retriever_over(documents, embedder), question, server=server))
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.UNCLEAR_QUESTION
    assert sorted(source.title for source in answer.refusal.closest) == ["Oslo site", "Porto site"]
    assert [source.number for source in answer.refusal.closest] == [1, 2]
    assert server.requests == []
    said = message(AnswerDone(answer))
    assert said.index("Which of these do you mean?") < said.index("- Oslo site")


def test_what_the_asker_may_not_read_is_in_no_answer(retriever: Retriever) -> None:
    question = "What is the salary of a director?"
    assert "123,456" not in str(events(retriever, question))
    hr = Principal("u2", "eve@larkmoor.example", frozenset({"everyone", "group:hr"}))
    assert "123,456" in final(events(retriever, question, principal=hr)).text


def test_somebody_without_grants_is_refused_by_the_search(retriever: Retriever) -> None:
    with pytest.raises(ForbiddenError):
        events(retriever, principal=Principal("u3", "x@larkmoor.example", frozenset()))


def test_the_dial_decides_how_much_evidence_is_enough(retriever: Retriever) -> None:
    question = "Are public taxis allowed in the next year?"
    outcomes = [final(events(retriever, question, strictness=dial)).outcome for dial in reversed(Strictness)]
    assert outcomes == sorted(outcomes)  # "answered" before "refused": from lenient to strict never more answers


def test_a_follow_up_carries_its_topic_over_without_a_model(retriever: Retriever) -> None:
    history = [Turn("user", "How long is the warranty of Heron 3?"), Turn("assistant", "It is 36 months [1].")]
    answer = final(events(retriever, "And of the Heron 2?", history=history))
    assert "The warranty of Heron 2 is 24 months." in answer.text


def test_a_model_s_sentences_are_checked_and_quoted(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Says(GOOD, piece=5))
    answer = final(events(retriever, server=server))
    assert (answer.outcome, answer.mode) == (Outcome.ANSWERED, Mode.GENERATED)
    assert answer.text == GOOD
    assert [sentence.status for sentence in answer.sentences] == [SentenceStatus.SUPPORTED] * 2
    assert answer.usage.llm_calls == 1
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (100, 10)


def test_a_follow_up_is_rewritten_by_the_model_in_one_short_call(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Says(QUESTION), Says(GOOD))
    history = [Turn("user", "What about sick days?"), Turn("assistant", "There is no limit [1].")]
    answer = final(events(retriever, "And of annual leave?", history=history, server=server))
    assert answer.text == GOOD
    assert answer.usage.llm_calls == 2
    assert "sick days" in server.requests[0]["messages"][1]["content"]
    assert server.requests[1]["messages"][1]["content"].endswith(f"Question: {QUESTION}")


def test_what_the_source_does_not_say_is_withheld(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Says("Full-time employees receive 45 days of annual leave [1]. " + GOOD))
    answer = final(events(retriever, server=server))
    assert answer.text == GOOD
    shown = final(events(retriever, server=server, show_unsupported=True))
    assert shown.sentences[0].status is SentenceStatus.UNSUPPORTED
    assert shown.text.startswith("Full-time employees receive 45 days")


def test_markers_that_name_no_source_never_reach_the_reader(retriever: Retriever, server: ScriptedModel) -> None:
    first, second = GOOD.split(". ")
    server.does(Says(f"{first}[7] [99]. {second.replace(' be', ' [0] be')}"))
    assert final(events(retriever, server=server)).text == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "NO_ANSWER",
        " NO_ANSWER.\n",
        "I don't know.",
        "The sources do not contain information about that. Please ask your manager?",
        "Here is what I found:\n\nFull-time employees receive 45 days of annual leave [1].",
        "",
        "[1]",
    ],
)
def test_a_model_that_has_nothing_to_say_is_a_refusal(retriever: Retriever, server: ScriptedModel, text: str) -> None:
    server.does(Says(text))
    answer = final(events(retriever, server=server))
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.NO_EVIDENCE
    assert answer.text == ""


def test_a_lead_in_waits_for_the_sentence_it_leads_to(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Says("The rules are:\n- Full-time employees receive 27 days of annual leave [1]\n"))
    answer = final(events(retriever, server=server))
    assert answer.text == "The rules are:\n- Full-time employees receive 27 days of annual leave [1]"
    assert [sentence.status for sentence in answer.sentences] == [SentenceStatus.NO_CLAIM, SentenceStatus.SUPPORTED]


@pytest.mark.parametrize(
    "behaviour",
    [
        Hangs(headers=False),
        Hangs(),
        Hangs("Full-time employees receive"),
        Fails(500),
        Fails(429),
        Fails(400, "context length"),
        Breaks(),
        Breaks("Full-time employees", 'data: {"id"'),
        Ends(),
        Ends("", "data: nonsense\n\n"),
    ],
    ids=str,
)
def test_a_model_that_fails_before_it_has_said_anything_costs_only_the_wording(
    retriever: Retriever, server: ScriptedModel, behaviour: Behaviour
) -> None:
    server.does(behaviour)
    answer = final(events(retriever, server=server))
    assert (answer.outcome, answer.mode) == (Outcome.ANSWERED, Mode.EXTRACTIVE)
    assert "27 days" in answer.text
    assert server.idle()


@pytest.mark.parametrize("behaviour", [Hangs, Breaks, Ends])
def test_a_model_that_fails_half_way_leaves_what_was_checked(
    retriever: Retriever, server: ScriptedModel, behaviour: Callable[[str], Behaviour]
) -> None:
    server.does(behaviour(GOOD[:-10]))
    answer = final(events(retriever, server=server))
    assert (answer.outcome, answer.mode) == (Outcome.ANSWERED, Mode.GENERATED)
    assert answer.text == "Full-time employees receive 27 days of annual leave [1]."


def test_a_sentence_cut_off_by_the_length_limit_is_left_out(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Says(GOOD[:-10], finish="length"))
    assert final(events(retriever, server=server)).text == "Full-time employees receive 27 days of annual leave [1]."


def test_a_model_that_never_stops_is_stopped(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Talks("Full-time employees receive 27 days of annual leave [1]. "))
    assert final(events(retriever, server=server)).mode is Mode.GENERATED
    assert server.idle()


def test_a_model_that_fails_at_the_rewrite_is_not_asked_again(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Fails(500), Says(GOOD))
    history = [Turn("user", QUESTION), Turn("assistant", "27 days [1].")]
    answer = final(events(retriever, "And of unused days?", history=history, server=server))
    assert answer.mode is Mode.EXTRACTIVE
    assert len(server.requests) == 1


def test_a_server_that_cannot_constrain_generation_answers_all_the_same(
    retriever: Retriever, server: ScriptedModel
) -> None:
    server.does(RefusesConstraints(GOOD))
    assert final(events(retriever, server=server)).text == GOOD


def test_a_reader_who_leaves_frees_the_model(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Hangs(GOOD + " And"))

    async def leave() -> None:
        model = ChatModel(base_url=server.url, model="scripted")
        answering = Answerer(retriever, model=model).answer(QUESTION, ASKER, answer_id="a1", conversation_id="c1")
        async with aclosing(answering):
            async for event in answering:
                if isinstance(event, SentenceChecked):
                    break
        assert await asyncio.to_thread(server.idle)
        await model.aclose()

    asyncio.run(leave())


def test_a_prompt_stays_within_its_budget(server: ScriptedModel) -> None:
    embedder = Embedder(WordModel(), model_name="words")
    long = [
        document(f"{TEXTS['leave']} " * 12, title=f"Leave {n}", name="leave", document_id=f"d{n}") for n in range(8)
    ]
    server.does(Says("NO_ANSWER", usage=False))
    answer = final(events(retriever_over(long, embedder), server=server))
    assert 2000 < answer.usage.prompt_tokens <= 4000


def test_whoever_asks_hears_which_sources_enter_the_prompt(server: ScriptedModel) -> None:
    texts = {f"d{n}": f"{TEXTS['leave']} Rule {n * 111}. " * 12 for n in range(1, 9)}
    long = [document(text, title=f"Leave {name}", name=name, document_id=name) for name, text in texts.items()]
    server.does(Says("NO_ANSWER", usage=False))
    told: list[list[str]] = []

    async def ask() -> None:
        model = ChatModel(base_url=server.url, model="scripted")
        answering = Answerer(retriever_over(long, Embedder(WordModel(), model_name="words")), model=model).answer(
            QUESTION,
            ASKER,
            answer_id="a1",
            conversation_id="c1",
            prompted=lambda sources: told.append([source.document_id for source in sources]),
        )
        async with aclosing(answering):
            assert [event async for event in answering]
        await model.aclose()

    asyncio.run(ask())
    prompt = json.dumps(server.requests[-1])
    assert len(told) == 1
    assert set(told[0]) == {f"d{n}" for n in range(1, 9) if f"Rule {n * 111}." in prompt}
    assert 0 < len(set(told[0])) < len(texts), "some do not fit, else this proves nothing"


@pytest.mark.parametrize("behaviour", [Talks("NO_ANSWER. "), Breaks(text=GOOD + " And")])
def test_what_is_broken_off_is_counted_all_the_same(
    retriever: Retriever, server: ScriptedModel, behaviour: Behaviour
) -> None:
    server.does(behaviour)
    usage = final(events(retriever, server=server)).usage
    assert (usage.llm_calls, usage.prompt_tokens > 100, usage.completion_tokens > 1) == (1, True, True)


def test_a_model_that_goes_round_in_circles_is_stopped(retriever: Retriever, server: ScriptedModel) -> None:
    server.does(Talks(GOOD + " "))
    answer = final(events(retriever, server=server))
    assert [sentence.text for sentence in answer.sentences] == [part + "." for part in GOOD.rstrip(".").split(". ")]
    assert server.idle()
