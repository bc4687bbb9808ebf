"""Explanations over the real read path: each hit's places, and nothing of what the asker may not read."""

from dataclasses import replace

import pytest

from retrieval.embedding import Embedder
from retrieval.evidence import Strictness, threshold
from retrieval.explaining import explained
from retrieval.retriever import Retriever
from retrieval.types import AnswerDone, Explanation, RefusalReason, Turn
from tests.in_memory import ASKER, WordModel, document, retriever_over
from tests.scripted_model import Says, scripted_model
from tests.unit.test_answering import QUESTION, TEXTS, events

EMBEDDER = Embedder(WordModel(), model_name="words")


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    documents = [document(text, title=name.capitalize(), name=name) for name, text in TEXTS.items()]
    return retriever_over(documents, EMBEDDER, grants={"salaries": {"group:hr"}})


def explanation_of(happened: list[object]) -> Explanation:
    done = happened[-1]
    assert isinstance(done, AnswerDone)
    assert done.explanation is not None
    return done.explanation


def test_every_hit_has_its_places_and_span(retriever: Retriever) -> None:
    found = retriever.retrieve("annual leave in days", ASKER)
    places = explained(found).hits
    assert [place.rank for place in places] == [1, 2, 3]
    for place, hit in zip(places, found.hits, strict=True):
        assert (place.document_id, place.version) == (hit.document.document_id, hit.document.version)
        assert (place.start, place.end, place.score) == (hit.chunk.start, hit.chunk.end, hit.score)
        assert (place.dense_rank, place.sparse_rank) == (hit.dense_rank, hit.sparse_rank)
        assert place.fused_rank is not None
    assert (places[0].document_id, places[0].dense_rank, places[0].sparse_rank) == ("leave", 1, 1)
    assert None in {place.sparse_rank for place in places}, "not every passage holds a word of the query"


def test_candidates_that_the_registry_does_not_let_through_are_only_counted() -> None:
    retriever = retriever_over([document(text, name=name) for name, text in TEXTS.items()], EMBEDDER)
    del retriever._registry.documents["salaries"]  # type: ignore[attr-defined]
    explanation = explained(retriever.retrieve("salary of a director", ASKER))
    assert explanation.dropped == 1
    assert "salaries" not in repr(explanation)


def test_what_others_wrote_changes_nothing_in_the_explanation_of_ones_own_passage() -> None:
    seen = set()
    for others in (0, 20):
        secret = {f"secret {n}": f"Paper {n} of project Albatross." for n in range(others)}
        documents = [document(text, name=name) for name, text in {"own": "The Albatross is a bird.", **secret}.items()]
        retriever = retriever_over(documents, EMBEDDER, grants={name: {"group:hr"} for name in secret})
        (place,) = explained(retriever.retrieve("albatross", ASKER)).hits
        assert place.dense_score is not None
        seen.add(replace(place, score=0.0, dense_score=round(place.dense_score, 5)))
    assert len(seen) == 1


def test_an_answer_comes_with_the_explanation_of_its_own_search(retriever: Retriever) -> None:
    happened = events(retriever)
    explanation = explanation_of([*happened])
    answer = happened[-1].answer  # type: ignore[union-attr]
    assert explanation.query == QUESTION
    assert [(place.document_id, place.start, place.end) for place in explanation.hits] == [
        (source.document_id, source.start, source.end) for source in answer.sources
    ]
    assert explanation.sufficiency is not None
    assert explanation.sufficiency >= threshold(Strictness.BALANCED) == explanation.threshold
    assert {"embed", "search", "check"} <= set(explanation.timings_ms)
    assert explanation.prompt_version is None


def test_a_refusal_explains_every_hit_and_the_evidence_that_was_missing(retriever: Retriever) -> None:
    explanation = explanation_of([*events(retriever, "What is the boiling point of tungsten?")])
    assert len(explanation.hits) == 3
    assert explanation.sufficiency is not None
    assert explanation.threshold is not None
    assert explanation.sufficiency < explanation.threshold


def test_a_question_without_content_was_not_searched(retriever: Retriever) -> None:
    happened = events(retriever, "And of that?")
    assert happened[-1].answer.refusal.reason is RefusalReason.UNCLEAR_QUESTION  # type: ignore[union-attr]
    assert explanation_of([*happened]) == Explanation("And of that?")


def test_a_follow_up_is_explained_by_the_query_that_was_searched(retriever: Retriever) -> None:
    history = [Turn("user", "How long is the warranty of Heron 3?"), Turn("assistant", "It is 36 months [1].")]
    carried = explanation_of([*events(retriever, "And of the Heron 2?", history=history)])
    assert carried.query == "And of the Heron 2? long warranty 3"
    with scripted_model() as server:
        server.does(Says("How long is the warranty of Heron 2?"), Says("The warranty of Heron 2 is 24 months [1]."))
        rewritten = explanation_of([*events(retriever, "And of the Heron 2?", history=history, server=server)])
    assert rewritten.query == "How long is the warranty of Heron 2?"
