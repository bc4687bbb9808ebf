"""Failed attempts are limited; those that succeed cost nothing."""

import pytest

from retrieval.errors import OverloadedError
from services.api.limiter import Limiter


def fail(limiter: Limiter, key: str) -> None:
    with pytest.raises(ValueError, match="wrong"), limiter.attempt(key):
        raise ValueError("wrong")


def test_after_so_many_failures_not_even_the_right_one_is_tried() -> None:
    limiter = Limiter(limit=3, seconds=60)
    for _ in range(3):
        fail(limiter, "here")
    with pytest.raises(OverloadedError) as refused, limiter.attempt("here"):
        pytest.fail("tried")
    assert refused.value.code == "too_many_attempts"


def test_successes_are_not_counted_and_do_not_forgive_failures() -> None:
    limiter = Limiter(limit=3, seconds=60)
    fail(limiter, "here")
    for _ in range(20):
        with limiter.attempt("here"):
            pass
    fail(limiter, "here")
    fail(limiter, "here")
    with pytest.raises(OverloadedError), limiter.attempt("here"):
        pytest.fail("tried")


def test_attempts_under_way_count_so_that_many_at_once_gain_nothing() -> None:
    limiter = Limiter(limit=2, seconds=60)
    with limiter.attempt("here"), limiter.attempt("here"), pytest.raises(OverloadedError), limiter.attempt("here"):
        pytest.fail("tried")


def test_each_key_has_its_own_count() -> None:
    limiter = Limiter(limit=1, seconds=60)
    fail(limiter, "here")
    fail(limiter, "there")
    with pytest.raises(OverloadedError), limiter.attempt("here"):
        pytest.fail("tried")


def test_failures_are_forgotten_once_the_window_has_passed() -> None:
    limiter = Limiter(limit=1, seconds=0.0)
    for _ in range(3):
        fail(limiter, "here")
