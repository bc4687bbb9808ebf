"""What is folded has every letter that a pattern takes for one without regard to case."""

import re
import string
import sys

import pytest

from retrieval.continental_numbers import WORDS, continental_numbers
from retrieval.facts import read_facts
from retrieval.letter_case import folded
from retrieval.weekdays import weekdays

EVERY_CHARACTER = "".join(map(chr, range(sys.maxunicode + 1)))


@pytest.mark.parametrize("letter", [*string.ascii_lowercase, *"äöüß"])
def test_whatever_a_pattern_takes_for_a_letter_is_folded_to_it(letter: str) -> None:
    taken = re.findall(letter, EVERY_CHARACTER, re.IGNORECASE)
    assert len(taken) >= 2
    assert all(folded(f"a{one}b") == f"a{letter}b" for one in taken)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("eine Million", [1_000_000]),
        ("ein Tag", []),
        ("QUATRE-VINGT-DIX", [90]),
        ("un million", [1_000_000]),
        ("cent", [100]),
        ("deux mille", [2000]),
    ],
)
def test_numbers_in_words_are_read_in_any_case(text: str, values: list[int]) -> None:
    found, _ = continental_numbers(text, "french")
    assert [int(value) for _, _, value in found] == values


@pytest.mark.parametrize(("word", "value"), [(word, value) for word, value in WORDS.items() if "-" not in word])
def test_no_number_in_words_is_passed_over(word: str, value: int) -> None:
    found = [number for language in ("german", "french") for number in continental_numbers(word, language)[0]]
    assert value in [int(number) for _, _, number in found]


def test_days_that_are_only_meant_are_read_in_any_case() -> None:
    assert {day.day for day in weekdays("WEEKDAYS", generous=True)} == set(range(5))
    assert {day.day for day in weekdays("WerKtags", generous=True)} == set(range(5))
    assert {day.day for day in weekdays("Week-ends", generous=True)} == {5, 6}


@pytest.mark.parametrize("text", ["A@B.example", "HTTPS://b.example/1", "WWW.b.example"])
def test_addresses_are_read_in_any_case(text: str) -> None:
    assert read_facts(f"See {text}.").codes == {text.lower()}
