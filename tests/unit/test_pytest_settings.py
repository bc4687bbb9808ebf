"""What this project asks of pytest itself."""

import warnings

import pytest


def test_a_folder_of_an_earlier_run_that_cannot_be_removed_fails_nothing() -> None:
    # In the words of pytest's own cleaning, which runs when the last test has passed.
    with warnings.catch_warnings(record=True) as told:
        warnings.warn(pytest.PytestWarning("(rm_rf) error removing /tmp/pytest-1"), stacklevel=1)
    assert len(told) == 1


def test_every_other_warning_is_an_error() -> None:
    with pytest.raises(pytest.PytestWarning):
        warnings.warn(pytest.PytestWarning("something else"), stacklevel=1)
