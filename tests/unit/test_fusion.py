"""Fusion: where a candidate lies in each of the two searches, and the order that their mean gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fusion import fused, places
from retrieval.types import Candidate, Chunk

SCORES = st.none() | st.floats(-100, 100)


def candidate(document: str, dense: float | None, sparse: float | None, *, number: int = 0) -> Candidate:
    return Candidate(document, 1, Chunk(number, "text", 0, 4), dense_score=dense, sparse_score=sparse)


def test_the_first_of_a_search_is_at_one_its_last_at_zero_and_what_it_missed_as_well() -> None:
    found = places([candidate("a", 0.8, 4.0), candidate("b", 0.5, None), candidate("c", 0.4, 12.0)])
    assert found.tolist() == [[1.0, 0.0], [pytest.approx(0.25), 0.0], [0.0, 1.0]]


def test_the_fused_score_is_the_mean_and_the_best_comes_first() -> None:
    found = fused([candidate("a", 0.9, 1.0), candidate("b", 0.8, 9.0), candidate("c", 0.1, None)])
    assert [c.document_id for c in found] == ["b", "a", "c"]
    assert [c.score for c in found] == [pytest.approx((0.875 + 1) / 2), pytest.approx(0.5), 0.0]


def test_how_far_apart_scores_are_counts_and_not_only_their_order() -> None:
    close = [candidate("a", 0.9, 5.0), candidate("b", 0.89, 9.0), candidate("c", 0.1, 1.0)]
    far = [candidate("a", 0.9, 5.0), candidate("b", 0.2, 5.1), candidate("c", 0.1, 1.0)]
    assert fused(close)[0].document_id == "b"
    assert fused(far)[0].document_id == "a"


def test_a_tie_goes_to_the_chunk_that_sorts_first() -> None:
    tied = [candidate("b", 0.5, 2.0), candidate("a", 0.5, 2.0, number=7), candidate("a", 0.5, 2.0, number=3)]
    ordered = [("a", 3), ("a", 7), ("b", 0)]
    assert [(c.document_id, c.chunk.number) for c in fused(tied)] == ordered
    assert [(c.document_id, c.chunk.number) for c in fused(tied[::-1])] == ordered


def test_equal_scores_are_all_at_one() -> None:
    assert places([candidate("a", 0.5, 2.0), candidate("b", 0.5, 2.0)]).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert places([candidate("a", 0.0, None)]).tolist() == [[1.0, 0.0]]


def test_without_one_search_the_order_is_that_of_the_other() -> None:
    dense = [candidate("a", 0.1, None), candidate("b", 0.3, None), candidate("c", 0.2, None)]
    sparse = [candidate("a", None, 1.0), candidate("b", None, 3.0), candidate("c", None, 2.0)]
    for one in (dense, sparse):
        assert [c.document_id for c in fused(one)] == ["b", "c", "a"]


def test_nothing_found_is_nothing_fused() -> None:
    assert fused([]) == []
    assert places([]).shape == (0, 2)


def test_what_the_searches_said_is_kept() -> None:
    (found,) = fused([candidate("a", 0.25, 3.0)])
    assert (found.dense_score, found.sparse_score, found.score) == (0.25, 3.0, 1.0)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), SCORES, SCORES), max_size=20))
def test_no_candidate_is_lost_scores_are_between_zero_and_one_and_descend(
    scores: list[tuple[str, float | None, float | None]],
) -> None:
    given_ = [candidate(name, dense, sparse, number=n) for n, (name, dense, sparse) in enumerate(scores)]
    found = fused(given_)
    assert sorted(c.chunk.number for c in found) == list(range(len(given_)))
    assert all(0 <= c.score <= 1 for c in found)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert fused(given_[::-1]) == found
