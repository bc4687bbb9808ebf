"""Cursors: what is put in comes out, however long it is, and no list refuses its own."""

import pytest

from retrieval.errors import InvalidInputError
from services.api import cursors
from services.api.app import create_app

LONGEST = 1000
ADDRESS = 6000


@pytest.mark.parametrize("character", ["a", '"', "\\", "\x01", "é", "界", "🚲"])
def test_the_longest_name_of_any_character_comes_back_and_fits_into_an_address(character: str) -> None:
    values = (character * LONGEST, "0d6a0a6e-1f6f-4b5e-8a5f-1f0d6a0a6e1f")
    made = cursors.encode(*values)
    assert cursors.decode(made, 2) == values
    assert len(made) < ADDRESS


def test_an_empty_value_is_a_value() -> None:
    assert cursors.decode(cursors.encode("", "x"), 2) == ("", "x")
    assert cursors.decode(None, 2) is cursors.decode("", 2) is None


@pytest.mark.parametrize("made", ["garbage", "é", cursors.encode("x"), cursors.encode("x", "y", "z"), "eAB5AHo"])
def test_a_cursor_of_another_form_is_refused(made: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        cursors.decode(made, 2)
    assert refusal.value.code == "invalid_cursor"


def test_no_list_bounds_the_cursors_that_it_takes_back() -> None:
    found = [
        parameter["schema"]
        for methods in create_app().openapi()["paths"].values()
        for route in methods.values()
        for parameter in route.get("parameters", ())
        if parameter["name"] == "cursor"
    ]
    assert len(found) >= 5
    assert "maxLength" not in str(found)
