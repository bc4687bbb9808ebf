"""Numbers below zero, and hyphens that are no minus."""

import pytest

from tests.unit.facts import missing


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Store it at -5 °C.", "Store it at −5 °C."),
        ("Store it at minus 5 degrees.", "Storage temperature: -5 °C"),
        ("Store it at -5 °C.", "Store it at minus five degrees."),
        ("Store it at 5 degrees below zero.", "Storage temperature: -5 °C"),
        ("Store it at −5.", "Storage temperature: -5 °C"),
        ("Es sind minus fünf Grad nötig.", "Temperatur: -5 °C"),
        ("Il faut moins cinq degrés.", "Température : -5 °C"),
        ("La température est d'au moins 5 degrés.", "La température minimale est de 5 °C."),
        ("Store it at 2 to 8 °C.", "Store it at 2-8 °C."),
        ("Store it at 2–8 °C.", "Store it at 2 °C -8 °C."),
        ("Keep it between -20 and -10 °C.", "Keep it at -20 °C to -10 °C."),
        ("It stands 5 °C of heat.", "It stands +/-5 °C."),
        # elsewhere a minus is taken off, or a decline
        ("A discount of 10 % is given.", "The price is the list price minus 10 %."),
        ("Sales fell by 5 %.", "Sales: -5 %"),
        ("Pay 10 euros.", "-10 euros a day"),
        ("The codes 10-20 are free.", "Codes from 10 to 20 are free."),
        ("See INC-1042 on covid-19.", "INC-1042: covid-19"),
        ("-5 °C is needed.", "It needs minus 5 °C."),
    ],
)
def test_a_sign_is_read_however_it_is_written(claim: str, passage: str) -> None:
    assert missing(claim, passage) == []


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Store it at 5 °C.", "Store it at -5 °C."),
        ("Store it at -5 °C.", "Store it at 5 °C."),
        ("Store it at 5 degrees.", "Store it at minus 5 degrees."),
        ("Store it at five degrees.", "Storage temperature: −5 °C"),
        ("Store it at minus 6 degrees.", "Storage temperature: -5 °C"),
        ("Es sind fünf Grad nötig.", "Temperatur: -5 °C"),
        ("Store it at -8 °C.", "Store it at 2-8 °C."),
        ("Store it at 5 °C.", "Store it at 5 degrees below zero."),
    ],
)
def test_another_sign_is_missing(claim: str, passage: str) -> None:
    assert missing(claim, passage)
