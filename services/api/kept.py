"""A value that is read at most once in so many seconds, however many ask. Knows nothing of what it is."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Call it for the value: the last one while it is fresh, else a new one. Errors of `read` are raised, not kept."""

    def __init__(self, read: Callable[[], T], *, seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._lock = threading.Lock()
        self._value: tuple[float, T] | None = None

    def __call__(self) -> T:
        with self._lock:  # who comes while it is being read waits for that answer
            if self._value is None or time.monotonic() - self._value[0] >= self._seconds:
                value = self._read()
                self._value = (time.monotonic(), value)
            return self._value[1]
