"""Days of the week, long and short, in ranges and in several languages."""

import pytest

from retrieval.weekdays import weekdays
from tests.unit.counting import operations
from tests.unit.facts import missing


def days(text: str, *, generous: bool = False) -> list[int]:
    return sorted({weekday.day for weekday in weekdays(text, generous=generous)})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is closed on Sun and open on Fri.", [4, 6]),
        ("Mon-Fri, Sat 10:00", [0, 4, 5]),
        ("Mon, Wed and Fri", [0, 2, 4]),
        ("Sun 10-4", [6]),
        ("Mo–Fr 8–18 Uhr, Sa 10:00", [0, 4, 5]),
        ("Mo, Mi und Fr", [0, 2, 4]),
        ("Am Mi geschlossen, am So auch", [2, 6]),
        ("montags bis freitags, Samstagabend", [0, 4, 5]),
        ("du lundi au vendredi, fermé lun.-mar.", [0, 1, 4]),
        ("tuesdays and Thursdays", [1, 3]),
        # other words
        ("So 10 people do it. Do 5 of them. Mon contrat est dans la mer.", []),
        ("The Montage takes 2 days, die Montagen dauern.", []),
        ("Sat down, the cat wed. Fr. Meier, Di Maio, Sam and Mo.", []),
    ],
)
def test_days_are_read_where_they_are_meant(text: str, expected: list[int]) -> None:
    assert days(text) == expected


def test_the_days_within_a_range_are_meant_too() -> None:
    assert days("Mon-Thu") == [0, 3]
    assert days("Mon-Thu", generous=True) == [0, 1, 2, 3]
    assert days("Fri to Mon", generous=True) == [0, 4, 5, 6]
    assert days("on weekdays", generous=True) == [0, 1, 2, 3, 4]
    assert days("am Wochenende", generous=True) == [5, 6]


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It is closed on Sundays.", "Closed on Sun."),
        ("It is closed on Sun.", "Sundays: closed"),
        ("Support answers Mon-Fri.", "Support answers from Monday to Friday."),
        ("Support answers from Monday to Friday.", "Support: Mo–Fr"),
        ("Support answers from Monday to Friday.", "Support answers on weekdays."),
        ("Support answers on Wednesdays.", "Support answers from Monday to Friday."),
        ("It is closed on Mondays.", "Montags geschlossen."),
        ("Montags ist das Büro geschlossen.", "Das Büro ist am Montag geschlossen."),
        ("Das Büro ist Mo–Fr von 9 bis 17 Uhr geöffnet.", "Geöffnet: Montag bis Freitag, 9:00 bis 17:00 Uhr"),
        ("Monday 9 to 5 p.m. it is open.", "Mo 9-17 Uhr"),
        ("An Sonntagen ist geschlossen.", "An Sonn- und Feiertagen ist geschlossen."),
        ("Le bureau est fermé le lundi.", "The office is closed on Mondays."),
        ("The servers are from Sun.", "Sun supplies the servers."),
        ("The panels face the Sun.", "The panels face the sun."),
        ("The meeting is on friday.", "The meeting is on Friday."),
    ],
)
def test_a_day_is_found_however_it_is_written(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


@pytest.mark.parametrize(
    ("claim", "passage", "what"),
    [
        ("It is closed on Sat.", "It is closed on Sundays.", "sat"),
        ("It is closed on Saturdays.", "Closed on Sun.", "saturdays"),
        ("Support answers Mon-Sat.", "Support answers from Monday to Friday.", "sat"),
        ("Support answers from Monday to Saturday.", "Support: Mo–Fr", "saturday"),
        ("Dienstags ist das Büro geschlossen.", "Das Büro ist am Montag geschlossen.", "dienstags"),
        ("Le bureau est fermé le mardi.", "Le bureau est fermé le lundi.", "mardi"),
        ("Monday is free.", "Friday is free.", "monday"),
    ],
)
def test_another_day_is_missing(claim: str, passage: str, what: str) -> None:
    assert missing(claim, passage) == [what]


@pytest.mark.parametrize("unit", ["Mon-", "Mo, ", "montag", "Sun 9 ", "lun et "])
def test_hostile_text_takes_linear_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: weekdays(unit * repeats, generous=True))

    assert work(4000) < 2.6 * work(2000) + 2000
