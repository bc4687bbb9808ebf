"""The right to work on a generation, taken when nobody alive has it and kept while this process lives.

Knows nothing of the work.
"""

import threading
import time
from collections.abc import Callable

import structlog

from retrieval.errors import FootnoteError
from services.db.generation_lease import GenerationBusyError, GenerationLostError
from services.db.generations import Generations
from services.db.models import Generation

EVERY_SECONDS = 5.0
_log = structlog.get_logger(__name__)


def taken(take: Callable[[], Generation], tell: Callable[[str], None]) -> Generation:
    """What `take` returns, once the lease of a killed process has run out.

    Raises GenerationBusyError as soon as the other process shows that it lives.
    """
    seen = None
    while True:
        try:
            return take()
        except GenerationBusyError as busy:
            if seen is None:
                tell("Another reindex was at work a moment ago. Waiting up to 20 s to see whether it still is …")
            elif busy.until != seen:
                raise
            seen = busy.until
            time.sleep(0.5)


class KeptLease:
    """A context in which the lease is renewed every five seconds, and given back at the end."""

    def __init__(self, generations: Generations, generation: int, owner: str) -> None:
        self._generations = generations
        self._generation = generation
        self._owner = owner
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="reindex lease", daemon=True)

    def __enter__(self) -> "KeptLease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        try:
            self._generations.release(self._generation, self._owner)
        except FootnoteError as error:  # it runs out by itself
            _log.warning("lease_not_released", code=error.code)

    def check(self) -> None:
        """Raises GenerationLostError where it is no longer ours."""
        self._generations.renew(self._generation, self._owner)

    def _beat(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.check()
            except GenerationLostError:
                return  # the next step finds it out
            except FootnoteError as error:
                _log.warning("lease_not_renewed", code=error.code)
