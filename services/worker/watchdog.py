"""Notices that Celery has stopped taking messages, and has the worker start afresh. Knows nothing of jobs.

A broker that goes away at the moment of an acknowledgement can leave Celery's consumer waiting on a dead connection:
the process lives and does nothing (seen in `make faults` with Celery 5.7 and Redis). Liveness is progress: messages
that wait while nobody works are the sign.
"""

import threading
from collections.abc import Callable

import structlog

EVERY_SECONDS = 5.0
# In a row: a message may lie for a moment between two looks without anything being wrong.
PATIENCE = 3
_log = structlog.get_logger(__name__)


class Watchdog:
    """Looks every five seconds; calls `restart` once when messages waited three times while nothing was being done.

    `waiting` is the number of messages in the broker's queue (None: it does not answer), `busy` whether one is in hand.
    """

    def __init__(
        self, *, waiting: Callable[[], int | None], busy: Callable[[], bool], restart: Callable[[], None]
    ) -> None:
        self._waiting = waiting
        self._busy = busy
        self._restart = restart
        self._idle_looks = 0
        self.barked = False

    def start(self) -> None:
        """Watch from a thread of its own."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def look(self) -> bool:
        """Look once; True when it is time to start afresh."""
        stuck = bool(self._waiting()) and not self._busy()
        self._idle_looks = self._idle_looks + 1 if stuck else 0
        return self._idle_looks >= PATIENCE

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_SECONDS):
            if self.look():
                _log.error("consumer_stuck", next="the worker starts afresh")
                self.barked = True
                self._restart()
                return
