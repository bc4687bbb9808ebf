"""Numbers in German and French words, and that they agree with the same in digits."""

import pytest

from retrieval.binding import misplaced, read_words
from retrieval.continental_numbers import continental_numbers
from tests.unit.counting import operations
from tests.unit.facts import missing


def values(text: str, language: str, *, generous: bool = False) -> list[int]:
    return [int(value) for _, _, value in continental_numbers(text, language, generous=generous)[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drei Wochen", [3]),
        ("Zwanzig Tage", [20]),
        ("einundzwanzig, dreißig, dreissig", [21, 30, 30]),
        ("hundert, zweihundertfünfzig, tausendzweihundert", [100, 250, 1200]),
        ("zweitausendsechsundzwanzig, dreihunderttausend", [2026, 300_000]),
        ("zwei Millionen, eine Milliarde", [2_000_000, 10**9]),
        ("eine dreimonatige Frist, eine Person, ein Tag", [3]),
        ("acht, elf und zwölf", [8, 11, 12]),
        ("außer Acht lassen, vielleicht, einfach, dreist, zweifeln, Vierteljahr", []),
        ("um halb neun, drei Viertel, Viertel nach neun", []),
    ],
)
def test_german_words_are_read(text: str, expected: list[int]) -> None:
    assert sorted(values(text, "german")) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deux semaines", [2]),
        ("vingt-cinq, vingt et un, trente-et-une", [25, 21, 31]),
        ("soixante-dix, soixante et onze, soixante-dix-sept", [70, 71, 77]),
        ("quatre-vingts, quatre-vingt-un, quatre-vingt-dix-neuf", [80, 81, 99]),
        ("cent vingt, deux cents, deux cent cinquante", [120, 200, 250]),
        ("mille deux cents, cinq cent mille, deux millions cinq cent mille", [1200, 500_000, 2_500_000]),
        ("un million", [1_000_000]),
        ("vingt-six jours, seize jours, neuf mois", [26, 16, 9]),
        ("vingt pour cent, un véhicule neuf, une personne", [20]),
        ("deux ans et demi, trois quarts, neuf heures et demie", []),
    ],
)
def test_french_words_are_read(text: str, expected: list[int]) -> None:
    assert values(text, "french") == expected


def test_other_words_of_other_languages_are_no_numbers() -> None:
    assert (
        values("Customs may seize goods worth five cent, six cents or one per cent; mille, sept and elf.", "english")
        == []
    )


def test_inflected_words_are_read_where_another_text_is_held_against_them() -> None:
    assert values("zweimal, am dritten Tag, am zwanzigsten, dreifach", "german") == []
    assert sorted(values("zweimal, am dritten Tag, am zwanzigsten, dreifach", "german", generous=True)) == [2, 3, 3, 20]


def test_each_is_given_as_written_with_its_end_and_leaves_blanks() -> None:
    text = "Es sind zwei Millionen Euro."
    ((written, end, _),), rest = continental_numbers(text, "german")
    assert (written, text[:end]) == ("zwei Millionen", "Es sind zwei Millionen")
    assert rest == "Es sind                Euro."


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Die Frist beträgt drei Wochen.", "Die Frist beträgt 3 Wochen."),
        ("Die Frist beträgt 3 Wochen.", "Kündigungsfrist: drei Wochen"),
        ("Die Frist beträgt drei Wochen.", "Die Frist ist 21 Tage lang."),
        ("Die Frist beträgt drei Monate.", "Es gilt eine dreimonatige Frist."),
        ("The notice period is three weeks.", "Die Frist beträgt drei Wochen."),
        ("The notice period is 3 weeks.", "Le préavis est de trois semaines."),
        ("Drei Mitarbeiter prüfen die Rechnung.", "3 Mitarbeiter prüfen die Rechnung."),
        ("Das Treffen ist alle zwei Wochen.", "Das Treffen findet zweiwöchentlich statt."),
        ("Geprüft wird alle drei Monate.", "Die Prüfung ist vierteljährlich."),
        ("La revue a lieu tous les trois mois.", "La revue est trimestrielle."),
        ("Les deux parties signent, et les témoins pour les deux.", "L'employeur et le salarié signent."),
        ("The review is every six months, two times in all.", "The review is half-yearly, twice in all."),
        ("Die Schulung findet 2 Mal im Jahr statt.", "Die Schulung findet zweimal im Jahr statt."),
        ("Es sind 25 % fällig.", "Es sind fünfundzwanzig Prozent fällig."),
        ("Das Büro öffnet um neun Uhr.", "Das Büro öffnet um 9:00 Uhr."),
        ("Vous avez vingt-cinq jours de congé.", "Les salariés ont 25 jours de congé."),
        ("Vous avez deux semaines pour répondre.", "La réponse est due dans les 14 jours."),
        ("La prime est de 1 200 euros.", "La prime est de mille deux cents euros."),
        ("La réunion est à dix heures.", "La réunion commence à 10h00."),
        ("Le taux est de 5 %.", "Le taux est de cinq pour cent."),
    ],
)
def test_they_agree_with_digits(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


@pytest.mark.parametrize(
    ("claim", "passage", "what"),
    [
        ("Die Frist beträgt vier Wochen.", "Die Frist beträgt drei Wochen.", "vier"),
        ("Die Frist beträgt 4 Wochen.", "Die Frist beträgt drei Wochen.", "4"),
        ("Die Frist beträgt drei Monate.", "Die Frist beträgt drei Wochen.", "drei"),
        ("Es gilt eine viermonatige Frist.", "Die Frist beträgt drei Monate.", "viermonatige"),
        ("Es gibt dreißig Plätze.", "Es gibt zwanzig Plätze.", "dreißig"),
        ("Vous avez trois semaines.", "Vous avez deux semaines pour répondre.", "trois"),
        ("Vous avez vingt-six jours.", "Vous avez vingt-cinq jours de congé.", "vingt-six"),
    ],
)
def test_another_number_is_missing(claim: str, passage: str, what: str) -> None:
    assert missing(claim, passage) == [what]


def test_a_number_in_words_has_a_place_that_another_may_take() -> None:
    passage = ["Vollzeitkräfte erhalten drei Wochen Urlaub.", "Teilzeitkräfte erhalten zwei Wochen Urlaub."]

    def swapped(claim: str) -> float:
        return misplaced(read_words(claim), [read_words(unit) for unit in passage], {})[0]

    assert swapped("Vollzeitkräfte erhalten zwei Wochen Urlaub.") > 0.1
    assert swapped("Vollzeitkräfte erhalten 3 Wochen Urlaub.") <= 0


@pytest.mark.parametrize("unit", ["zwei ", "hundert", "vingt-", "quatre-vingt ", "cent mille ", "eine Million "])
def test_hostile_text_takes_linear_work(unit: str) -> None:
    def work(repeats: int) -> int:
        return operations(lambda: continental_numbers(unit * repeats, "german"))

    assert work(4000) < 2.6 * work(2000) + 2000
