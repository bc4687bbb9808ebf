"""How fast ingestion goes and how long what waits will take: honest figures, or none."""

from datetime import UTC, datetime, timedelta

import pytest

from services.pace import Left, Made, chunks_left, chunks_per_second, spread, stage_times

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=5)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def made(
    queued: float, ready: float, *, chunks: int = 10, size: int = 1000, kind: str = "text/plain", **stages: float
) -> Made:
    return Made(kind, size, chunks, ago(queued), ago(ready), stages)


def rate(*done: Made, since: float | None = None, chunks: int = 0) -> float | None:
    return chunks_per_second(
        done,
        unfinished_since=None if since is None else ago(since),
        unfinished_chunks=chunks,
        now=NOW,
        window=WINDOW,
    )


def test_the_rate_is_over_the_time_in_which_there_was_work() -> None:
    assert rate(made(queued=30, ready=20), made(queued=25, ready=10)) == pytest.approx(20 / 20)


def test_idle_time_between_two_loads_slows_nothing_down() -> None:
    assert rate(made(queued=200, ready=190), made(queued=20, ready=10)) == pytest.approx(20 / 20)


def test_work_before_the_window_counts_neither_as_chunks_nor_as_time() -> None:
    assert rate(made(queued=900, ready=400), made(queued=20, ready=10)) == pytest.approx(1.0)
    assert rate(made(queued=900, ready=290)) == pytest.approx(10 / 10)


def test_what_is_done_of_a_document_under_way_counts_with_its_time() -> None:
    assert rate(since=100, chunks=400) == pytest.approx(4.0)


def test_without_a_basis_there_is_no_rate() -> None:
    assert rate() is None
    assert rate(since=200) is None  # waited for, and nothing came of it
    assert rate(made(queued=1, ready=0)) is None  # a second says nothing


def test_what_is_cut_is_counted_and_the_rest_is_told_by_its_bytes_and_kind() -> None:
    known = [made(9, 8, kind="application/pdf", size=10_000, chunks=10), made(9, 8, size=1000, chunks=10)]
    assert chunks_left([Left("application/pdf", 10_000, chunks=3)], known) == 3
    assert chunks_left([Left("application/pdf", 20_000)], known) == pytest.approx(20)
    assert chunks_left([Left("text/plain", 500)], known) == pytest.approx(5)
    assert chunks_left([Left("image/png", 1100)], known) == pytest.approx(2)  # of all kinds together


def test_bytes_of_which_nothing_is_known_are_no_number() -> None:
    assert chunks_left([Left("text/plain", 500)], []) is None
    assert chunks_left([Left("text/plain", 500)], [made(9, 8, size=0)]) is None


def test_stage_times_come_in_the_order_of_the_journey_with_unknown_stages_last() -> None:
    times = stage_times([made(9, 8, upsert=2, parse=1, wash=5), made(9, 8, parse=3)])
    assert list(times) == ["parse", "upsert", "wash"]
    assert (times["parse"].mean, times["parse"].p95, times["parse"].count) == (2, 3, 2)


def test_percentiles_are_values_that_occurred() -> None:
    found = spread(range(1, 101))
    assert found is not None
    assert (found.p50, found.p95, found.mean) == (50, 95, 50.5)
    assert spread([]) is None
