"""A generator that runs ahead in its own thread: order, bounds, errors and ends."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.overlap import overlapped


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers()), st.integers(1, 4))
def test_everything_comes_once_and_in_order(items: list[int], ahead: int) -> None:
    assert list(overlapped(overlapped(iter(items), ahead=ahead), ahead=ahead)) == items


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_is_made_than_fits_ahead_of_the_taker(ahead: int) -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    most = 0
    for taken in overlapped(numbers(), ahead=ahead):
        time.sleep(0.005)
        most = max(most, len(made) - (taken + 1))
    # Those that wait, and the one that the generator has in its hand.
    assert most == ahead + 1


def test_the_next_item_is_made_while_this_one_is_used() -> None:
    second_begun = threading.Event()

    def two() -> Iterator[int]:
        yield 1
        second_begun.set()
        yield 2

    for _ in overlapped(two()):
        assert second_begun.wait(5)


def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    items = overlapped(broken())
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_closing_ends_the_generator_in_its_own_thread() -> None:
    ended_in: list[int] = []

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended_in.append(threading.get_ident())

    before = threading.active_count()
    items = overlapped(overlapped(endless()))
    assert next(items) == 1
    items.close()
    assert ended_in
    assert ended_in != [threading.get_ident()]
    assert threading.active_count() == before
