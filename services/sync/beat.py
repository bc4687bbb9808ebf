"""Keeps a sync's lease alive, shows how far it is, ends a sync that hangs or was overtaken. Knows nothing of items."""

import os
import signal
import threading
import time
from dataclasses import asdict
from types import TracebackType

import structlog

from retrieval.errors import FootnoteError, UnavailableError
from services.db.jobs import LeaseLostError
from services.db.syncs import SyncLease, Syncs
from services.sync.sync import Sync

EVERY_SECONDS = 2.0
# A fetch has time limits of its own; a reader that says nothing for so long will never again.
PATIENCE_SECONDS = 1200.0
_log = structlog.get_logger(__name__)


class Beat:
    """A context in which the lease is renewed. Overtaken: SIGTERM to ourselves ends what the main thread does."""

    def __init__(self, syncs: Syncs, lease: SyncLease, sync: Sync, *, patience_s: float = PATIENCE_SECONDS) -> None:
        self._syncs = syncs
        self._lease = lease
        self._sync = sync
        self._patience_s = patience_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)

    def __enter__(self) -> "Beat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            counters = asdict(self._sync.counters)
            try:
                if time.monotonic() - self._sync.moved_at > self._patience_s:
                    minutes = round(self._patience_s / 60)
                    hung = UnavailableError(f"It hung: nothing happened for {minutes} minutes.", code="sync_hung")
                    self._syncs.fail(self._lease, hung, counters)
                    os._exit(1)
                self._syncs.renew(self._lease, counters)
            except LeaseLostError:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            except FootnoteError as error:  # the database is away: the lease outlives some missed beats
                _log.warning("beat_missed", data_source=self._lease.source_id, code=error.code)
