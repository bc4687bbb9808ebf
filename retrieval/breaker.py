"""When to stop asking a part that keeps failing, and how often a call may be tried again.

Knows nothing of what is asked. Both live in one process and one event loop; they need no lock.
"""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class CircuitBreaker:
    """Opens after `failures` failures in a row, for `seconds`; then one call at a time tries whether it works again."""

    def __init__(self, *, failures: int = 3, seconds: float = 15.0, clock: Clock = time.monotonic) -> None:
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._closed_again_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether no call may be made now, not even one that tries."""
        return self._failures >= self._limit and self._clock() < self._closed_again_at

    def allows(self) -> bool:
        """Whether to make a call now. Where it is the one that tries, the others wait another `seconds`."""
        if self._failures < self._limit:
            return True
        if self._clock() < self._closed_again_at:
            return False
        self._closed_again_at = self._clock() + self._seconds
        return True

    def succeeded(self) -> None:
        """The call worked: everything is forgotten."""
        self._failures = 0

    def failed(self) -> None:
        """The call failed for a reason that lies with the part, not with the request."""
        self._failures += 1
        if self._failures >= self._limit:
            self._closed_again_at = self._clock() + self._seconds

    def undecided(self) -> None:
        """The call showed neither: where it was the one that tries, the next one is."""
        self._closed_again_at = min(self._closed_again_at, self._clock())


class RetryBudget:
    """Allows about one retry in ten calls, so that retries cannot multiply the load on a part that is failing."""

    def __init__(self, *, share: float = 0.1, most: float = 3.0) -> None:
        self._share = share
        self._most = most
        self._left = min(1.0, most)

    @classmethod
    def none(cls) -> "RetryBudget":
        """One that allows no retry."""
        return cls(share=0.0, most=0.0)

    def called(self) -> None:
        """A first try was made."""
        self._left = min(self._most, self._left + self._share)

    def takes(self) -> bool:
        """Whether a retry may be made; if so it is paid for."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
