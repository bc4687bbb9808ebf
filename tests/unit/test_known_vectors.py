"""Sentences met before are not embedded again, and what is kept is bounded."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from retrieval.dense import Vectors
from retrieval.errors import UnavailableError
from retrieval.known_vectors import KnownVectors


class Counted:
    """A vector that tells its text, and what was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        return np.array([[len(text), sum(map(ord, text))] for text in texts], dtype=np.float32)


def test_each_text_is_embedded_once_and_the_order_is_kept() -> None:
    embed = Counted()
    known = KnownVectors(embed)
    for texts in (["a", "bb", "a"], ["bb", "ccc"], ["ccc", "a", "bb"]):
        assert (known(texts) == Counted()(texts)).all()
    assert embed.asked == [["a", "bb"], ["ccc"]]


def test_the_text_asked_for_longest_ago_is_forgotten() -> None:
    embed = Counted()
    known = KnownVectors(embed, most=2)
    for texts in (["a"], ["b"], ["a"], ["c"], ["a"], ["b"]):
        known(texts)
    assert embed.asked == [["a"], ["b"], ["c"], ["b"]]


def test_more_than_is_kept_is_answered_in_one_call() -> None:
    known = KnownVectors(Counted(), most=2)
    texts = ["a", "b", "c", "d"]
    assert (known(texts) == Counted()(texts)).all()


def test_a_failure_is_not_kept() -> None:
    broken = True

    def embed(texts: Sequence[str]) -> Vectors:
        if broken:
            raise UnavailableError("No memory.", code="out_of_memory")
        return Counted()(texts)

    known = KnownVectors(embed)
    with pytest.raises(UnavailableError):
        known(["a"])
    broken = False
    assert (known(["a"]) == Counted()(["a"])).all()


def test_threads_get_the_vectors_of_their_own_texts() -> None:
    known = KnownVectors(Counted(), most=8)
    asked = [[f"{(number + step) % 23}" for step in range(7)] for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(known, asked))
    for texts, vectors in zip(asked, found, strict=True):
        assert (vectors == Counted()(texts)).all()
