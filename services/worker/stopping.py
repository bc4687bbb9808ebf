"""Tells the worker's children that it is told to stop: Celery only tells the parent. Knows nothing of jobs."""

import mmap


class StopFlag:
    """A byte that parent and children share, made before the fork: set in one, seen in all."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def set(self, **_: object) -> None:
        self._shared[0] = 1

    def __call__(self) -> bool:
        return self._shared[0] == 1
