"""What a question leaves open, and what is never asked back."""

from collections.abc import Sequence

import pytest

from retrieval.ambiguity import MOST, left_open
from retrieval.evidence import Evidence
from tests.unit.test_extractive import hit

OFFICES = ("Lisbon office", "Porto office", "Berlin office")


def asked_back(question: str, titles: Sequence[str], logits: Sequence[float]) -> list[str]:
    text = "The office, das Büro, la cuisine."
    hits = [hit(text, rank=n, name=f"d{n}", title=title) for n, title in enumerate(titles, start=1)]
    evidence = Evidence(0.2, tuple(logits), ())
    return [found.document.title for found in left_open(question, evidence, hits)]


@pytest.mark.parametrize(
    "question",
    [
        "Where may visitors park at the office?",
        "Does the office have showers?",
        "Who cleans this office?",
        "What is the office's address?",
        "Wer reinigt dieses Büro?",
        "Qui nettoie cette cuisine ?",
    ],
)
def test_what_is_taken_for_known_is_asked_back(question: str) -> None:
    assert asked_back(question, OFFICES, (-1.0, -0.5, -3.0)) == ["Porto office", "Lisbon office"]


@pytest.mark.parametrize(
    "question",
    [
        "When does the Lisbon office open?",  # named
        "What is the price of a Heron 4 probe?",  # what is asked for is not what it is asked of
        "How many weeks of sabbatical may I take?",
        "Was it different in the past?",
        "Who owns the shares of the company?",
        "Where may visitors park at the office? (Porto office)",  # the choice was made
    ],
)
def test_what_is_named_or_known_to_everybody_is_not(question: str) -> None:
    assert asked_back(question, OFFICES, (-1.0, -0.5, -3.0)) == []


def test_one_document_leaves_nothing_to_choose() -> None:
    question = "Where may visitors park at the office?"
    assert asked_back(question, OFFICES, (0.0, -1.5, -3.0)) == []
    assert asked_back(question, ("Handbook", "Handbook"), (0.0, -0.1)) == []
    assert asked_back(question, (), ()) == []


def test_documents_that_know_nothing_of_it_are_no_choice() -> None:
    question = "Where may visitors park at the office?"
    texts = ("Cars.", "The office in Porto.", "The office in Lisbon.")
    hits = [hit(text, rank=n, name=f"d{n}", title=f"Number {n}") for n, text in enumerate(texts, start=1)]
    found = left_open(question, Evidence(0.2, (-0.1, -1.5, -2.0), ()), hits)
    assert [one.document.title for one in found] == ["Number 2", "Number 3"]


def test_a_reader_is_given_few_to_choose_from() -> None:
    titles = [f"Site {letter}" for letter in "ABCDEFG"]
    assert asked_back("Who cleans this office?", titles, (-1.0,) * len(titles)) == titles[:MOST]
