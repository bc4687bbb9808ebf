"""Facts beside the words that the claim puts beside them."""

from decimal import Decimal

import pytest

from retrieval.binding import misplaced, read_words
from retrieval.terms import stem
from tests.unit.counting import operations

PASSAGE = [
    "Full-time employees receive 27 days of annual leave.",
    "Part-time employees receive 14 days of annual leave.",
    "Toyota tested its batteries for ten years, and GM made similar claims.",
    "The maker Nissan left out the liquid cooling of its battery packs.",
]


def swapped(claim: str, passage: list[str] = PASSAGE, topic: str = "") -> tuple[float, float]:
    return misplaced(
        read_words(claim), [read_words(unit) for unit in passage], {}, topic=frozenset({stem(topic.lower())})
    )


def test_a_number_of_another_sentence_fits_worse_than_the_one_that_stands_there() -> None:
    assert swapped("Full-time employees receive 14 days of annual leave.")[0] > 0.1
    assert swapped("Full-time employees receive 27 days of annual leave.")[0] <= 0
    assert swapped("Part-time employees get 14 days of annual leave.")[0] <= 0


def test_a_name_of_another_sentence_fits_worse_than_the_one_that_stands_there() -> None:
    assert swapped("The maker Toyota left out the liquid cooling of its battery packs.")[1] > 0.4
    assert swapped("The maker Nissan left out the liquid cooling of its battery packs.")[1] <= 0


def test_two_numbers_of_one_sentence_that_are_exchanged_are_seen() -> None:
    passage = ["Accounts are locked for 30 minutes after 5 failed attempts."]
    assert swapped("After 30 failed attempts the account is locked for 5 minutes.", passage)[0] > 0.4
    assert swapped("After 5 failed attempts the account is locked for 30 minutes.", passage)[0] <= 0
    leave = ["Employees get 25 days, interns get 20 days."]
    assert swapped("Interns and employees get 20 and 25 days respectively.", leave)[0] <= 0.2


def test_a_number_in_words_is_a_number() -> None:
    assert swapped("Toyota tested batteries for 27 years.")[0] > 0.4
    assert swapped("Toyota tested batteries for 10 years.")[0] <= 0


def test_a_fact_that_stands_nowhere_is_not_judged() -> None:
    assert swapped("Full-time employees of Siemens receive 99 days of annual leave.") == (0.0, 0.0)


def test_a_name_in_the_title_needs_no_place() -> None:
    passage = [
        "Ada Lovelace wrote it.",
        "In 1840 the Royal Society in London heard of the engine from Charles Babbage.",
    ]
    claim = "The Royal Society in London heard of the engine from Ada Lovelace."
    assert swapped(claim, passage)[1] > 0.3
    assert swapped(claim, passage, topic="Lovelace")[1] == 0.0


@pytest.mark.parametrize("word", ["However", "The", "Additionally"])
def test_the_first_word_of_a_sentence_is_no_name(word: str) -> None:
    assert not any(mention.sure for mention in read_words(f"{word} employees may go. {word} they stay.").mentions)


def test_names_and_numbers_are_read_with_their_places() -> None:
    read = read_words("The Port Authority of New York hired 1,200 people in two years, IBM none.")
    assert [(mention.first, mention.last, mention.number) for mention in read.mentions] == [
        (1, 2, False),
        (4, 5, False),
        (7, 7, True),
        (10, 10, True),
        (12, 12, False),
    ]
    assert read.stems[0] is None
    assert read.stems[6] == stem("hired")


def test_a_numbered_dot_is_no_number() -> None:
    read = read_words("❶ Open the cover ➁ Press 2 keys ፩")
    assert [mention.keys for mention in read.mentions if mention.number] == [frozenset({Decimal(2)})]


@pytest.mark.parametrize("unit", ["1,", "A ", "a-", "Ab Cd. ", "9 "])
def test_hostile_text_takes_linear_work(unit: str) -> None:
    passage = [read_words("Ada has 9 of them.")]

    def work(repeats: int) -> int:
        return operations(lambda: misplaced(read_words(unit * repeats), passage, {}))

    assert work(4000) < 2.6 * work(2000) + 2000
