"""Follow-ups made to stand alone by rule, and the words that comparisons are made on."""

import pytest

from retrieval.follow_up import MAX_CARRIED, carry_topic, is_follow_up
from retrieval.terms import coverage, inverse_document_frequency, stem, terms, words
from retrieval.types import Turn

HISTORY = [Turn("user", "How long is the warranty on a Heron 3 probe?"), Turn("assistant", "It is 36 months [1].")]


@pytest.mark.parametrize(
    "question",
    ["And for the older model?", "Who approves it?", "Why?", "What about Spain?", "Which is better?", "For example?"],
)
def test_a_follow_up_carries_the_topic_over(question: str) -> None:
    assert is_follow_up(question)
    carried = carry_topic(question, HISTORY)
    assert carried.startswith(question)
    assert {"warranty", "heron", "3", "probe"} <= set(carried.split())


@pytest.mark.parametrize(
    "question",
    [
        "How many days of annual leave do full-time employees receive?",
        "Which documents must I sign before my first day at work?",
        "In which countries may employees work from home?",
        "For how long are applications of rejected candidates kept?",
        "Is there a policy on company cars for staff who travel to customers?",
        "Gibt es einen Zuschuss zum Mittagessen in der Kantine?",
        "Wie lange dürfen Dieselfahrzeuge im Hof parken?",
        "Können Sie sagen, welche Versicherung einen Diebstahl deckt?",
    ],
)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert carry_topic(question, HISTORY) == question


def test_a_first_question_is_left_alone() -> None:
    assert carry_topic("And why?", []) == "And why?"


def test_words_are_carried_from_the_latest_question_first_and_not_twice() -> None:
    history = [Turn("user", "Where is the Porto office of the company?"), *HISTORY]
    carried = carry_topic("And the warranty of the older model?", history).split("?")[1].split()
    assert carried[0] == "long"
    assert "warranty" not in carried
    assert "porto" not in carried


def test_a_chain_of_follow_ups_is_walked_back_to_its_topic() -> None:
    history = [*HISTORY, Turn("user", "And in Spain?"), Turn("assistant", "The same [1].")]
    assert {"spain", "warranty"} <= set(carry_topic("Why?", history).split())


def test_no_more_than_a_few_words_are_carried() -> None:
    long = Turn("user", " ".join(f"word{n}" for n in range(50)))
    assert len(carry_topic("Why?", [long]).split()) == 1 + MAX_CARRIED


@pytest.mark.parametrize(
    "family",
    [
        ("approve", "approved", "approval", "approvals", "approving"),
        ("employee", "employees"),
        ("policy", "policies"),
        ("reimburse", "reimbursed", "reimbursement"),
        ("process", "processes"),
        ("box", "boxes"),
        ("travel", "travelling", "traveled"),
        ("day", "days"),
    ],
)
def test_inflections_share_a_stem(family: tuple[str, ...]) -> None:
    assert len({stem(word) for word in family}) == 1


def test_words_of_other_scripts_are_kept_whole_or_in_pairs() -> None:
    assert words("Müller’s naïve café") == ["müller", "naïve", "café"]
    assert words("年間休暇") == ["年間", "間休", "休暇"]


def test_terms_leave_out_what_says_nothing() -> None:
    assert terms("What is the notice period?") == [stem("notice"), stem("period")]


def test_coverage_is_weighed_by_rarity() -> None:
    weights = inverse_document_frequency([{"heron", "probe"}, {"heron"}, {"heron", "depth"}])
    assert coverage({"heron", "depth"}, {"depth"}, weights) > coverage({"heron", "depth"}, {"heron"}, weights)
    assert coverage({"unseen"}, {"depth"}, weights) == 0.0
    assert coverage(set(), {"depth"}) == 1.0
