"""A limit on failed attempts within a window, in this process's memory. Knows nothing of what is attempted."""

import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from retrieval.errors import OverloadedError

MAX_KEYS = 10_000


class Limiter:
    """At most `limit` failed attempts per key within `seconds`; one under way counts as failed until it succeeds."""

    def __init__(self, *, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def attempt(self, key: str) -> Iterator[None]:
        """One attempt, which failed if it raises. A whole office signs in from one address: success costs nothing.

        Raises OverloadedError.
        """
        began = self._begin(key)
        yield
        self._succeeded(key, began)

    def _begin(self, key: str) -> float:
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
            return now

    def _succeeded(self, key: str, began: float) -> None:
        with self._lock:
            times = self._attempts.get(key)
            if times and began in times:
                times.remove(began)
