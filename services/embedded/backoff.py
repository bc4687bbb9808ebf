"""How long to wait before a crashed part is started again. Knows nothing of processes or clocks."""

from collections import deque

FIRST_S = 0.5
LONGEST_S = 10.0
WINDOW_S = 60.0
MANY = 5
FLAPPING_S = 30.0


class Backoff:
    """0.5 s, doubled at each crash up to 10 s; after five crashes within a minute, 30 s.

    Both start afresh once the part has run for a minute.
    """

    def __init__(self) -> None:
        self._crashes: deque[float] = deque(maxlen=MANY)
        self._in_a_row = 0
        self.flapping = False

    def crashed(self, *, started: float, now: float) -> float:
        """Seconds to wait after a run from `started` to `now`, both on one monotonic clock in seconds."""
        if now - started >= WINDOW_S:
            self._in_a_row = 0
            self.flapping = False
        self._in_a_row += 1
        self._crashes.append(now)
        if len(self._crashes) == MANY and now - self._crashes[0] <= WINDOW_S:
            self.flapping = True
        if self.flapping:
            return FLAPPING_S
        return float(min(LONGEST_S, FIRST_S * 2 ** (self._in_a_row - 1)))
