"""A limit on attempts within a window, in this process's memory. Knows nothing of what is attempted."""

import time
from collections import OrderedDict, deque
from threading import Lock

from retrieval.errors import OverloadedError

MAX_KEYS = 10_000


class Limiter:
    """At most `limit` attempts per key within `seconds`."""

    def __init__(self, *, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def check(self, key: str) -> None:
        """Count one attempt. Raises OverloadedError."""
        now = time.monotonic()
        with self._lock:
            times = self._attempts.setdefault(key, deque())
            self._attempts.move_to_end(key)
            while times and now - times[0] > self._seconds:
                times.popleft()
            if len(times) >= self._limit:
                raise OverloadedError("Too many attempts. Wait a minute and try again.", code="too_many_attempts")
            times.append(now)
            if len(self._attempts) > MAX_KEYS:
                self._attempts.popitem(last=False)
