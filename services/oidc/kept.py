"""A document of the provider that is fetched once for all who wait for it, and kept. Knows nothing of what it says."""

import time
from collections.abc import Callable
from threading import BoundedSemaphore, Lock
from typing import Generic, TypeVar

import structlog

from services.oidc.errors import ProviderMisconfiguredError, ProviderUnavailableError

RETRY_SECONDS = 5.0
AGAIN_SECONDS = 60.0
# Threads that may wait here, of the 40 that serve requests: with 16 that sign in and 8 that wait for a session's
# renewal, whoever needs no provider still finds one.
WAITERS = 8
T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Kept(Generic[T]):
    """Fetched by one at a time, for the first time when asked for, and anew after `seconds`.

    An old value is used for as long as there is no newer one, and by all but who fetches that; a failure is remembered
    for a moment, so that not everybody waits for a provider that is down. Nor do more than `waiters` where there is no
    value.
    """

    def __init__(
        self,
        fetch: Callable[[], T],
        *,
        seconds: float,
        waiters: int = WAITERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._waiters = BoundedSemaphore(waiters)
        self._value: T | None = None
        self._fetched_at = self._tried_at = float("-inf")

    def value(self) -> T:
        """Raises ProviderUnavailableError, ProviderMisconfiguredError."""
        value = self._value
        if value is not None and (not self._is_due() or self._lock.locked()):
            return value
        return self._fetched(value)

    def newer(self, than: T) -> T:
        """What is there instead of `than`, fetched at most once a minute: `than` itself where it was not fetched again,
        as that was tried a moment ago or fails.
        """
        return self._fetched(than)

    def _is_due(self) -> bool:
        now = self._clock()
        return now - self._fetched_at >= self._seconds and now - self._tried_at >= AGAIN_SECONDS

    def _fetched(self, seen: T | None) -> T:
        if not self._waiters.acquire(blocking=False):
            raise ProviderUnavailableError("Many wait for the sign-in provider. Try again shortly.")
        try:
            return self._fetched_in_turn(seen)
        finally:
            self._waiters.release()

    def _fetched_in_turn(self, seen: T | None) -> T:
        with self._lock:
            if self._value is not None and self._value is not seen:
                return self._value  # another fetched it while we waited
            now = self._clock()
            if self._value is not None and now - self._tried_at < AGAIN_SECONDS:
                return self._value
            if self._value is None and now - self._tried_at < RETRY_SECONDS:
                raise ProviderUnavailableError("The sign-in provider did not answer a moment ago. Try again shortly.")
            first = self._value is None
            self._tried_at = now
            try:
                self._value = self._fetch()
            except (ProviderUnavailableError, ProviderMisconfiguredError) as error:
                if self._value is None:
                    self._tried_at = self._clock()  # nor do those who waited ask again, one after the other
                    raise
                _log.warning("oidc_document_not_renewed", reason=error.message)
            else:
                self._fetched_at = now
                self._tried_at = float("-inf") if first else now  # the first time is no second try
            return self._value
