"""The worker's watchdog: when it barks, and when it must not."""

import pytest

from services.worker.watchdog import PATIENCE, Watchdog


@pytest.mark.parametrize(
    ("waiting", "busy", "barks"),
    [
        (2, False, True),  # messages wait and nobody works: stuck
        (2, True, False),  # a long job
        (0, False, False),  # nothing to do
        (None, False, False),  # the broker is away: a new worker would not help
    ],
)
def test_it_barks_only_at_messages_that_wait_while_nobody_works(waiting: int | None, busy: bool, barks: bool) -> None:
    watchdog = Watchdog(waiting=lambda: waiting, busy=lambda: busy, restart=lambda: None)
    assert [watchdog.look() for _ in range(PATIENCE)] == [False] * (PATIENCE - 1) + [barks]


def test_a_moment_of_work_starts_its_patience_anew() -> None:
    busy = iter([False, False, True, False, False])
    watchdog = Watchdog(waiting=lambda: 1, busy=lambda: next(busy), restart=lambda: None)
    assert not any(watchdog.look() for _ in range(5))
