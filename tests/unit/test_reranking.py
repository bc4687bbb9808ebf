"""Reranking: every candidate stays, the first in a new order, the rest behind them in the old one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.fusion import fused
from retrieval.logistic import load_weights
from retrieval.reranking import FIRST, SignalReranker, reordered
from retrieval.signals import NAMES
from retrieval.types import Candidate, Chunk

QUERY = "How long is the notice period of visitors?"


def candidate(document: str, score: float, text: str = "text", *, number: int = 0) -> Candidate:
    return Candidate(document, 1, Chunk(number, text, 0, len(text)), score, dense_score=score, sparse_score=10 * score)


def names(candidates: list[Candidate]) -> list[str]:
    return [found.document_id for found in candidates]


def test_the_first_are_ordered_by_their_new_scores_and_the_rest_stays_behind() -> None:
    before = [candidate(name, score) for name, score in (("a", 0.9), ("b", 0.8), ("c", 0.7), ("d", 0.6), ("e", 0.3))]
    after = reordered(before, [0.2, 0.5, 0.4])
    assert names(after) == ["b", "c", "a", "d", "e"]
    assert [found.score for found in after] == pytest.approx([0.5, 0.4, 0.2, 0.2, 0.1])


def test_a_tie_keeps_the_order_before() -> None:
    before = [candidate(name, 0.5) for name in "abc"]
    assert names(reordered(before, [0.3, 0.3, 0.3])) == ["a", "b", "c"]


def test_nothing_reranked_is_nothing_changed() -> None:
    assert reordered([], []) == []
    assert SignalReranker().rerank(QUERY, [], {}) == []


def test_a_rest_without_scores_comes_last() -> None:
    after = reordered([candidate("a", 0.0), candidate("b", 0.0)], [0.7])
    assert [(found.document_id, found.score) for found in after] == [("a", 0.7), ("b", 0.0)]


@given(
    st.lists(st.floats(0, 1), max_size=12).map(lambda scores: sorted(scores, reverse=True)),
    st.lists(st.floats(0, 1), max_size=12),
)
def test_scores_descend_and_nobody_is_lost_or_doubled(before: list[float], scores: list[float]) -> None:
    candidates = [candidate(str(number), score) for number, score in enumerate(before)]
    scores = scores[: len(candidates)]
    after = reordered(candidates, scores)
    if scores:
        assert sorted(names(after)) == sorted(names(candidates))
        assert [found.score for found in after] == sorted((found.score for found in after), reverse=True)
        assert names(after)[len(scores) :] == names(candidates)[len(scores) :]
        assert set(names(after)[: len(scores)]) == set(names(candidates)[: len(scores)])


def test_what_answers_comes_before_what_only_scored_better() -> None:
    asked = [
        candidate("chat", 0.62, "Visitors like the period furniture."),
        candidate("answer", 0.6, "The notice period of visitors is six weeks."),
        candidate("other", 0.1, "Dogs are welcome."),
    ]
    after = SignalReranker().rerank(QUERY, fused(asked), {"chat": "Furniture", "answer": "Visitors", "other": "Dogs"})
    assert names(after) == ["answer", "chat", "other"]
    assert all(0 < found.score < 1 for found in after)


def test_only_so_many_are_reordered_and_the_others_keep_their_order_behind_them() -> None:
    fillers = [candidate(f"{number:03d}", 0.9 - number / 1000) for number in range(FIRST + 5)]
    late = candidate("late", 0.1, QUERY)
    after = SignalReranker().rerank(QUERY, [*fillers, late], {})
    assert names(after)[FIRST:] == names([*fillers, late])[FIRST:]
    assert len(after) == FIRST + 6


def test_what_a_candidate_is_does_not_change_but_its_score() -> None:
    (after,) = SignalReranker().rerank(QUERY, [candidate("a", 0.5, "notice")], {})
    assert (after.chunk.text, after.dense_score, after.sparse_score) == ("notice", 0.5, 5.0)
    assert after.score != 0.5


WORDS = ["notice", "period", "visitors", "six", "weeks", "dogs", "of", "the", "INC-1042", "2024"]


@given(st.integers(0, 2**32), st.integers(0, FIRST + 20))
@settings(deadline=None, max_examples=25)
def test_a_search_of_any_size_comes_back_whole_in_descending_order(seed: int, count: int) -> None:
    chance = random.Random(seed)
    found = fused(
        [
            candidate(chance.choice("abcdefgh"), chance.random(), " ".join(chance.choices(WORDS, k=12)), number=number)
            for number in range(count)
        ]
    )
    after = SignalReranker().rerank(QUERY, found, dict.fromkeys("abcdefgh", "Notice period"))
    key = [(one.document_id, one.chunk.number) for one in found]
    assert sorted((one.document_id, one.chunk.number) for one in after) == sorted(key)
    assert [(one.document_id, one.chunk.number) for one in after[FIRST:]] == key[FIRST:]
    assert [one.score for one in after] == sorted((one.score for one in after), reverse=True)
    assert all(0 <= one.score <= 1 for one in after)


def test_no_signal_of_an_answer_counts_against_it() -> None:
    weights = load_weights("ranking", NAMES)
    assert all(coefficient >= 0 for coefficient in weights.coefficients)
