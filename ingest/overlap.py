"""Runs a generator in a thread of its own, a little ahead of whoever takes what it yields.

Two stages of a pipeline that are written as generators overlap by this alone; what is in flight is bounded by `ahead`.
Knows nothing of what flows.
"""

import threading
from collections import deque
from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


def overlapped(items: Iterator[T], *, ahead: int = 1) -> Generator[T, None, None]:
    """The items, in order, with at most `ahead` of them waiting.

    What the generator raises is raised here, after the items before it. Closing this one closes that one, in its own
    thread and at its next item, and waits for it.
    """
    belt = _Belt[T](ahead)
    thread = threading.Thread(target=belt.fill, args=(items,), name="overlapped", daemon=True)
    thread.start()
    try:
        while (item := belt.take()) is not None:
            yield item[0]
    finally:
        belt.close()
        thread.join()


class _Belt(Generic[T]):
    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._waiting: deque[tuple[T]] = deque()
        self._change = threading.Condition()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None

    def fill(self, items: Iterator[T]) -> None:
        """Put every item on the belt, as there is room, until it is closed."""
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:
            self._error = error
        finally:
            if isinstance(items, Generator):
                items.close()
            with self._change:
                self._ended = True
                self._change.notify_all()

    def take(self) -> tuple[T] | None:
        """The next item; None behind the last one. Raises what the generator raised."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._ended)
            if self._waiting:
                self._change.notify_all()
                return self._waiting.popleft()
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._change.notify_all()

    def _put(self, item: T) -> bool:
        with self._change:
            self._change.wait_for(lambda: self._closed or len(self._waiting) < self._ahead)
            self._waiting.append((item,))
            self._change.notify_all()
            return not self._closed
