"""Counters of fixed windows: what has room, what is counted, and what is told to others and learnt from them."""

from dataclasses import dataclass

import pytest

from services import window_counters
from services.window_counters import Counter, Full, WindowCounters


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counters(clock: Clock) -> WindowCounters:
    return WindowCounters(seconds=60.0, clock=clock)


def taken(counters: WindowCounters, *wanted: tuple[str, int]) -> list[Counter]:
    found = counters.take(wanted)
    assert isinstance(found, list)
    return found


def full(counters: WindowCounters, *wanted: tuple[str, int]) -> Full:
    found = counters.take(wanted)
    assert isinstance(found, Full)
    return found


def test_a_window_begins_with_its_first_count_and_ends_a_minute_later(counters: WindowCounters, clock: Clock) -> None:
    taken(counters, ("a", 2))
    clock.now += 59
    taken(counters, ("a", 2))
    assert full(counters, ("a", 2)).ends_in_s == pytest.approx(1.0)
    clock.now += 1
    taken(counters, ("a", 2))
    taken(counters, ("a", 2))
    full(counters, ("a", 2))


def test_where_one_of_several_names_is_full_none_is_counted(counters: WindowCounters) -> None:
    taken(counters, ("key", 1))
    assert full(counters, ("user", 2), ("key", 1)).place == 1
    taken(counters, ("user", 2))
    taken(counters, ("user", 2))
    full(counters, ("user", 2))


def test_that_a_name_is_full_is_news_once_in_a_window(counters: WindowCounters, clock: Clock) -> None:
    taken(counters, ("a", 1))
    assert [full(counters, ("a", 1)).is_news for _ in range(3)] == [True, False, False]
    clock.now += 60
    taken(counters, ("a", 1))
    assert full(counters, ("a", 1)).is_news


def test_what_is_given_back_can_be_taken_again_within_its_window(counters: WindowCounters, clock: Clock) -> None:
    old = taken(counters, ("a", 1))
    counters.give_back(old)
    old = taken(counters, ("a", 1))
    clock.now += 60
    taken(counters, ("a", 1))
    counters.give_back(old)
    full(counters, ("a", 1))


def test_what_was_counted_is_told_once(counters: WindowCounters) -> None:
    counters.give_back(taken(counters, ("a", 5), ("b", 5)))
    taken(counters, ("a", 5))
    assert counters.news() == {"a": 1, "b": 0}
    assert counters.news() == {}
    full(counters, ("a", 1))
    assert counters.news() == {"a": 0}, "others may have given some back"


def test_what_others_counted_adds_to_what_was_counted_here_since(counters: WindowCounters, clock: Clock) -> None:
    taken(counters, ("a", 10))
    assert counters.news() == {"a": 1}
    taken(counters, ("a", 10))
    counters.learn({"a": (8, 30.0), "unknown": (5, 30.0)})
    taken(counters, ("a", 10))
    assert full(counters, ("a", 10)).ends_in_s == pytest.approx(30.0)
    clock.now += 30
    taken(counters, ("a", 10))


def test_no_more_names_are_kept_than_fit(counters: WindowCounters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_counters, "MAX_NAMES", 2)
    for name in "abc":
        taken(counters, (name, 1))
    full(counters, ("c", 1))
    taken(counters, ("a", 1))  # the oldest was forgotten
