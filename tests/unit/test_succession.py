"""Superseded hits stand behind what superseded them, and none is lost."""

import itertools
import random
from collections.abc import Mapping

from retrieval.succession import newest_first


def ordered(hits: str, successors: Mapping[str, str]) -> str:
    """Hits as one letter each: the document it is of, upper case where it is another passage of the same."""
    return "".join(newest_first(hits, lambda hit: successors.get(hit.lower()), str.lower))


def test_a_superseded_hit_moves_directly_behind_its_successor() -> None:
    assert ordered("axby", {"a": "b"}) == "xbay"


def test_all_passages_of_a_superseded_document_move_in_their_order() -> None:
    assert ordered("axAby", {"a": "b"}) == "xbaAy"


def test_only_the_best_hit_of_the_successor_counts() -> None:
    assert ordered("axbyB", {"a": "b"}) == "xbayB"


def test_a_hit_behind_its_successor_already_keeps_its_place() -> None:
    assert ordered("bxya", {"a": "b"}) == "bxya"
    assert ordered("abxA", {"a": "b"}) == "baxA"


def test_without_its_successor_among_the_hits_an_old_one_keeps_its_place() -> None:
    assert ordered("axy", {"a": "b"}) == "axy"


def test_two_old_documents_of_one_successor_keep_their_order() -> None:
    assert ordered("acxb", {"a": "b", "c": "b"}) == "xbac"


def test_a_chain_ends_up_newest_first() -> None:
    assert ordered("abc", {"a": "b", "b": "c"}) == "cba"
    assert ordered("abc", {"a": "c", "b": "c"}) == "cab"


def test_documents_that_supersede_each_other_or_themselves_keep_their_places() -> None:
    assert ordered("ab", {"a": "b", "b": "a"}) == "ab"
    assert ordered("bac", {"a": "b", "b": "c", "c": "a"}) == "bac"
    assert ordered("aa", {"a": "a"}) == "aa"
    assert ordered("dxabA", {"a": "b", "b": "a", "d": "a"}) == "xadbA"


def test_no_hits_stay_no_hits() -> None:
    assert ordered("", {"a": "b"}) == ""


def test_whatever_supersedes_what_every_hit_stays_once_and_none_before_its_successor() -> None:
    chance = random.Random(4)
    for _ in range(2000):
        hits = "".join(chance.choices("abcdeABCDE", k=chance.randrange(9)))
        pairs = [pair for pair in itertools.combinations("abcde", 2) if chance.random() < 0.3]
        successors = dict(pairs)
        after = ordered(hits, successors)
        assert sorted(after) == sorted(hits)
        lower = after.lower()
        for old, new in successors.items():
            if old in lower and new in lower:
                assert lower.index(new) < lower.index(old), (hits, successors)
