"""From one to another, and back."""

import pytest

from retrieval.directions import other_direction
from retrieval.polarity import contradiction
from tests.unit.counting import operations


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Leave goes from 20 to 30 days.", "Leave goes from 30 to 20 days."),
        ("Leave goes from 20 days to 30 days.", "Leave was cut to 20 days from 30."),
        ("The fee was changed from €20 to €30.", "The fee went from €30 down to €20."),
        ("The rate goes from five to seven percent.", "The rate goes from 7 % to 5 %."),
        ("Der Urlaub geht von 20 auf 30 Tage.", "Der Urlaub geht von 30 auf 20 Tage."),
        ("Le congé passe de vingt à trente jours.", "Le congé passe de 30 à 20 jours."),
        ("The team moved from Munich to Berlin.", "The team moved from Berlin to Munich."),
    ],
)
def test_the_other_way_round_is_seen(claim: str, passage: str) -> None:
    assert other_direction(claim, passage)
    assert contradiction(claim, passage)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Leave goes from 30 to 20 days.", "Leave was cut to 20 days from 30."),
        ("Leave is cut to 20 days from 30.", "Leave goes from thirty to twenty days."),
        ("It went from 20 to 30.", "It went from 30 to 20, and then from 20 to 30."),
        ("Munich is 500 km from Berlin to the south.", "It is 500 km from Berlin to Munich."),
        ("The distance from Munich to Berlin is 500 km.", "It is 500 km from Berlin to Munich."),
        ("Open from 9 to 5.", "Open from 9:00 to 17:00."),
        ("Staff from sales to support attend.", "Staff from support to sales attend."),
    ],
)
def test_the_same_way_in_other_words_agrees(claim: str, passage: str) -> None:
    assert other_direction(claim, passage) is None


@pytest.mark.parametrize("unit", ["from 1 to 2 ", "from ", "to 1 ", "from 1 a b c "])
def test_hostile_text_takes_bounded_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: other_direction(unit * repeats, unit * repeats))

    assert work(2000) < 2.6 * work(1000) + 2000
