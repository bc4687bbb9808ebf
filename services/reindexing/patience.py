"""Calls that wait for a part that is down for a while, such as an index that restarts. Knows nothing of the calls."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import structlog

from retrieval.errors import UnavailableError

# Two minutes in all: a restart, even of a large index, is over by then.
WAITS_SECONDS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0)
_log = structlog.get_logger(__name__)
T = TypeVar("T")


class Patience:
    """Repeats a call while a part does not answer; `still_ours` raises where it is no longer ours to repeat."""

    def __init__(self, still_ours: Callable[[], None], *, waits: tuple[float, ...] = WAITS_SECONDS) -> None:
        self._still_ours = still_ours
        self._waits = waits

    def __call__(self, call: Callable[[], T]) -> T:
        for wait in self._waits:
            try:
                return call()
            except UnavailableError as error:
                _log.warning("waiting", code=error.code, seconds=wait)
                time.sleep(wait)
                with suppress(UnavailableError):
                    self._still_ours()
        return call()
