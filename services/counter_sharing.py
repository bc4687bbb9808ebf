"""Shares window counters with the other processes through the broker's Redis, from a thread: no request waits for it.

Knows nothing of what is counted. What was counted within `EVERY_SECONDS` the others do not know yet: by that much a
name's count can pass its limit in each process. One trip carries all names, also because a broker that syncs its file
at each write, as that of `footnote up` does, is not to do so at every request.
"""

import threading

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from services.telemetry import RATE_LIMITS_LOCAL
from services.window_counters import WindowCounters

EVERY_SECONDS = 0.25
TIMEOUT_SECONDS = 0.25
# Where Redis is down, slow or full; meanwhile, from the first moment on, each process goes by its own counts.
PAUSE_SECONDS = 1.0
PREFIX = "footnote:window:"
_log = structlog.get_logger(__name__)


class CounterSharing:
    """What keeps this process's counters and those of all others together."""

    def __init__(self, counters: WindowCounters, redis_url: str) -> None:
        self._counters = counters
        self._redis = Redis.from_url(
            redis_url,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._works = True

    def follow(self, stop: threading.Event) -> None:
        """Exchange counts from a thread of its own, until `stop` is set."""

        def look() -> None:
            while not stop.wait(EVERY_SECONDS if self._works else PAUSE_SECONDS):
                self.exchange()
            self._redis.close()

        threading.Thread(target=look, name="counters", daemon=True).start()

    def exchange(self) -> None:
        """Send what was counted here since the last time, and learn what all have counted.

        What was sent in vain is not sent again: Redis may have counted it, and then others would be short of it.
        """
        counts = self._counters.news()
        if not counts:
            return
        try:
            known = self._added(counts)
        except (RedisError, OSError) as error:
            self._turned(works=False, reason=type(error).__name__)
            return
        self._counters.learn(known)
        self._turned(works=True)

    def _added(self, counts: dict[str, int]) -> dict[str, tuple[int, float]]:
        """Of each name the sum, and the seconds that its window goes on. Needs Redis 7 or a Valkey."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for name, count in counts.items():
                key = PREFIX + name
                pipeline.incrby(key, count)
                pipeline.pexpire(key, round(1000 * self._counters.seconds), nx=True)
                pipeline.pttl(key)
            said = pipeline.execute()
        return {
            name: (total, left_ms / 1000) for name, total, left_ms in zip(counts, said[::3], said[2::3], strict=True)
        }

    def _turned(self, *, works: bool, reason: str | None = None) -> None:
        if works == self._works:
            return
        self._works = works
        RATE_LIMITS_LOCAL.set(not works)
        if works:
            _log.info("rate_limits_shared")
        else:
            _log.warning("rate_limits_local", reason=reason)
