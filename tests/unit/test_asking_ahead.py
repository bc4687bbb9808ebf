"""The model is asked while the evidence is weighed where the search is sure, and only behind it where it is not."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from retrieval import answering
from retrieval.dense import Vectors
from retrieval.embedding import Embedder
from retrieval.evidence import Prospect, Strictness
from retrieval.foresight import is_likely
from retrieval.retriever import Retriever
from retrieval.types import Mode, Outcome, RefusalReason
from tests.in_memory import WordModel, document, retriever_over
from tests.scripted_model import Breaks, Hangs, Says, ScriptedModel, scripted_model
from tests.unit.test_answering import GOOD, TEXTS, events, final

UNANSWERED = "Who invented the steam locomotive in Wales?"


class WatchedEmbedder(Embedder):
    """Calls `look` before it embeds the sentences that the evidence is weighed by."""

    look: Callable[[], object] = staticmethod(lambda: None)

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        self.look()
        return super().embed_sentences(texts)


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
