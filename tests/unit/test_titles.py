"""Conversations' titles: the question without what is said around it, cut behind a word."""

import pytest

from services.db.titles import TITLE_LENGTH, UNTITLED, title_of

LONG = "Who has to approve a travel expense over 1,000 euros when the manager is away and the deputy is ill as well?"


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How many days of leave do I have?", "How many days of leave do I have"),
        ("Hi, can you tell me how many days of leave I have? Thanks!", "How many days of leave I have"),
        ("Hey there, quick question: could you please explain what it covers, please?", "What it covers"),
        ("I'd like to know\n\n  who signs   travel claims. Thank you in advance.", "Who signs travel claims"),
        ("Question: who signs?", "Who signs"),
        ("Kannst du mir bitte sagen, wie viele Tage ich habe? Danke!", "Wie viele Tage ich habe"),
        ("iPads for interns???", "iPads for interns"),
        ("有給休暇は何日ありますか？", "有給休暇は何日ありますか"),
        (LONG, "Who has to approve a travel expense over 1,000 euros when the manager is away…"),
    ],
)
def test_a_title_is_the_question_itself(question: str, title: str) -> None:
    assert title_of(question) == title


@pytest.mark.parametrize(
    "question", ["History of hijinks", "Question marks in names", "Pleased customers", "What do we say of thanks"]
)
def test_words_that_only_look_like_clutter_stay(question: str) -> None:
    assert title_of(question) == question


@pytest.mark.parametrize("question", ["Hello there!", "thank you", "Please"])
def test_a_question_of_nothing_else_is_its_own_title(question: str) -> None:
    assert title_of(question) == question


def test_white_space_has_no_title() -> None:
    assert title_of(" \n ") == UNTITLED


@pytest.mark.parametrize("question", ["x" * 200, "語" * 200, "word " * 100, "hi " * 2000, "a thanks" * 500, LONG])
def test_a_title_is_never_too_long(question: str) -> None:
    assert 0 < len(title_of(question)) <= TITLE_LENGTH
