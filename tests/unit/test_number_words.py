"""Numbers in words, and that they agree with the same in digits."""

from decimal import Decimal

import pytest

from retrieval.number_words import number_words
from tests.unit.counting import operations
from tests.unit.facts import missing


def values(text: str) -> list[Decimal]:
    return [value for _, _, value in number_words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seven", [7]),
        ("forty-two days", [42]),
        ("Forty two days", [42]),
        ("one hundred and twenty", [120]),
        ("two hundred and fifty thousand people", [250_000]),
        ("one million two hundred thousand", [1_200_000]),
        ("two thousand and five", [2005]),
        ("nine hundred ninety-nine", [999]),
        ("five and ten", [5, 10]),
        ("two three four", [2, 3, 4]),
        ("nineteen ninety-nine", [19, 99]),
        ("a dozen, the twelfth, half", [12, 12, Decimal("0.5")]),
        ("someone often attended the tenement", []),
        ("fıve, SİX, ſeven, thouſand", []),
        ("İİ two thousand and FIVE ſ", [2005]),
    ],
)
def test_they_are_read_as_one_number_each(text: str, expected: list[int]) -> None:
    assert values(text) == expected


def test_each_is_given_as_written_with_its_end() -> None:
    text = "They took Two Hundred and six weeks."
    ((written, end, _),) = number_words(text)
    assert written == "Two Hundred and six"
    assert text[:end].endswith(written)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It took 120 days.", "It took one hundred and twenty days."),
        ("It took one hundred and twenty days.", "It took 120 days."),
        ("They sold 250,000.", "They sold two hundred and fifty thousand."),
        ("It is worth 1.5 million.", "It is worth 1,500,000 in all."),
        ("It is worth 1,500,000.", "It is worth 1.5 million in all."),
        ("He came 12th.", "He was the twelfth to come."),
        ("The fee is 25 %.", "A fee of 25 percent is due."),
        ("First of all, it is free.", "It is free."),
        ("It costs ￥500.", "It costs ￥500."),
    ],
)
def test_they_agree_with_digits(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


@pytest.mark.parametrize(
    ("claim", "passage", "what"),
    [
        ("It took one hundred and thirty days.", "It took one hundred and twenty days.", "one hundred and thirty"),
        ("It took 20 days.", "It took one hundred and twenty days.", "20"),
        ("He came 11th.", "He was the twelfth to come.", "11"),
        ("It is worth 1.5 billion.", "It is worth 1,500,000 in all.", "1.5"),
        ("The lake is 40 feet deep.", "The lake is 40 metres deep.", "40"),
        ("期限は31日です。", "期限は30日です。", "31"),
    ],
)
def test_another_number_is_missing(claim: str, passage: str, what: str) -> None:
    assert what in missing(claim, passage)


@pytest.mark.parametrize("unit", ["one ", "hundred ", "one hundred and ", "twenty-", "and "])
def test_hostile_text_takes_linear_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: list(number_words(unit * repeats)))

    assert work(4000) < 2.6 * work(2000) + 2000
