"""Range headers: what is malformed is ignored, what a file does not have is left out, and none at all is an error."""

import pytest

from services.api.byte_ranges import RangeNotSatisfiableError, satisfiable


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("bytes=0-3", "bytes=0-3"),
        ("Bytes = 4-", "bytes=4-"),
        ("bytes=-3", "bytes=-3"),
        ("bytes=-99", "bytes=-99"),
        ("bytes=9-" + "9" * 99, "bytes=9-" + "9" * 99),
        ("bytes=0-0, 10-, -1,", "bytes=0-0,-1"),
    ],
)
def test_ranges_that_the_file_has_are_kept(header: str, left: str) -> None:
    assert satisfiable(header, 10) == left


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=99-50", "bytes=--5", "bytes=0-3,x",
     "bytes=+1-2", "bytes=1_0-", "bytes=٣-", "items=0-3", "bytes=" + "9" * 5000 + "-"],
)  # fmt: skip
def test_a_malformed_header_is_ignored(header: str) -> None:
    assert satisfiable(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0", "bytes=10-,20-30"])
def test_ranges_beyond_the_end_are_an_error(header: str) -> None:
    with pytest.raises(RangeNotSatisfiableError) as error:
        satisfiable(header, 10)
    assert error.value.size == 10
