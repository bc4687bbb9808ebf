"""Misspelt words of a query: what is put right, by which words, and what is left alone."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.spelling import corrected

TEXTS = [
    "Parental leave is twelve weeks. Ask for parental leave early. The parents decide.",
    "Reimbursement of travel expenses: keep every receipt for reimbursement. TICKETS go to the helpdesk.",
    "The helpdesk is in the main building.",
    "Die Kündigungsfrist beträgt drei Monate, sagt Johnny von larkmoor.example.",
]
WORD = re.compile(r"[^\W\d_]+")


@pytest.mark.parametrize(
    ("query", "repaired"),
    [
        ("parentl leaev", "parental leave"),
        ("how long is parnetal leave", "how long is parental leave"),
        ("reciept for travel", "receipt for travel"),
        ("travel expences", "travel expenses"),
        ("prental leave", "parental leave"),
        ("apternal leave", None),  # the first letters are swapped, and one more is wrong
        ("aprental leave", "parental leave"),
        ("Kündigungfrist", "kündigungsfrist"),
        ("What about travle?", "What about travel?"),
        ("Parentl, leaev!", "parental, leave!"),
        ("KUNDIGUNGSFRISST", "kündigungsfrist"),
    ],
)
def test_a_slip_of_the_pen_is_put_right(query: str, repaired: str | None) -> None:
    assert corrected(query, TEXTS) == repaired


def test_long_words_may_have_two_slips_and_short_ones_one() -> None:
    assert corrected("reimbursmeant", TEXTS) == "reimbursement"
    assert corrected("helpdsek", TEXTS) == "helpdesk"
    assert corrected("hepldsek", TEXTS) is None
    assert corrected("leeve", TEXTS) == "leave"
    assert corrected("leevv", TEXTS) is None


@pytest.mark.parametrize(
    "query",
    [
        "parental leave",
        "PARENTAL LEAVE",
        "reimbursed",  # its stem stands there
        "reimbursments",  # and so does this one's
        "expense",
        "parent",
    ],
)
def test_words_that_are_known_or_whose_stem_is_are_left_alone(query: str) -> None:
    assert corrected(query, TEXTS) is None


def test_an_inflection_is_known_in_the_language_of_the_texts() -> None:
    assert corrected("Kündigungsfristen", TEXTS[-1:]) is None
    assert corrected("Wie sind die Kündigungsfristen", TEXTS) is None


@pytest.mark.parametrize(
    "query",
    ["TICKET-1042", "tikets_2", "jonny@larkmoor.example", "larkmor.example", "travle/leaev", "v2travle", "12344"],
)
def test_identifiers_and_numbers_are_never_touched(query: str) -> None:
    assert corrected(query, TEXTS) is None
    assert corrected(f"{query} parentl", TEXTS) == f"{query} parental"


def test_code_is_never_touched() -> None:
    assert corrected("getLeave parentl", TEXTS) == "getLeave parental"


@pytest.mark.parametrize("query", ["dies", "leev", "welche", "though", "these"])
def test_short_words_and_function_words_are_left_alone(query: str) -> None:
    assert corrected(query, ["theses weight leave which thought"]) is None


def test_another_first_letter_is_another_word() -> None:
    assert corrected("gravel", TEXTS) is None


def test_it_is_found_behind_any_number_of_near_words_that_begin_otherwise() -> None:
    others = " ".join(f"{letter}arte" for letter in "abcdefghijlmnopqrstuvwxyz")
    assert corrected("karte", [others, "karta"]) == "karta"


def test_of_equally_near_words_the_most_frequent_wins() -> None:
    assert corrected("trial", ["trail trail tribal"]) == "trail"
    assert corrected("abcde", ["abcdx abcdy abcdy"]) == "abcdy"
    assert corrected("abcde", ["abcdy abcdx"]) == "abcdx"


def test_only_whole_words_of_the_texts_are_put_in() -> None:
    assert corrected("travle", ["untravel utravel"]) is None  # "travel" stands there, but within words
    assert corrected("travle", ["untravel 2travel"]) == "travel"
    assert corrected("travle", ["untravel-travel"]) == "travel"


def test_without_texts_nothing_is_corrected() -> None:
    assert corrected("parentl leaev", []) is None
    assert corrected("parentl leaev", [""]) is None
    assert corrected("", TEXTS) is None


def test_texts_in_decomposed_form_correct_as_well() -> None:
    decomposed = "Die Ku\u0308ndigungsfrist"
    assert corrected("Kündigungfrist", [decomposed]) == "kündigungsfrist"
    assert corrected("Ku\u0308ndigungfrist", [decomposed]) == "kündigungsfrist"
    assert corrected("Ku\u0308ndigungsfrist", [decomposed]) is None


@pytest.mark.parametrize("marks", ["(.*", "[a-z", "\\1", "^$", "a{2,}", "+?", "(?P<x>", "\\"])
def test_marks_that_mean_something_in_a_pattern_mean_nothing_here(marks: str) -> None:
    assert corrected(marks, TEXTS) is None
    assert corrected(f"{marks} parentl {marks}", TEXTS) == f"{marks} parental {marks}"


@given(
    query=st.text(max_size=60) | st.lists(st.sampled_from(["parentl", "leaev", "Zebraa", "wrods", "(x"])).map(" ".join),
    texts=st.lists(st.text(max_size=80) | st.sampled_from(TEXTS), max_size=4),
)
@settings(deadline=None)
def test_no_word_comes_out_that_stands_in_neither_the_query_nor_the_texts(query: str, texts: list[str]) -> None:
    repaired = corrected(query, texts)
    if repaired is not None:
        known = {word.casefold() for text in (query, *texts) for word in WORD.findall(text)}
        assert {word.casefold() for word in WORD.findall(repaired)} <= known


@given(
    st.lists(st.sampled_from([*"parental leave reimbursement Kündigungsfrist receipt".split(), "INC-1042"]), min_size=1)
)
def test_a_query_of_known_words_and_identifiers_is_left_alone(words: list[str]) -> None:
    assert corrected(" ".join(words), TEXTS) is None
