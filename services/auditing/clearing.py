"""Clears away originals and parsed texts that nothing needs any more: a round each minute, run by the scheduler.

`services/db/leftovers.py` says what is needed. A round looks at a bounded part of the store and the next one goes on
behind it. Nothing is touched that was written within the last hour, during a backup, or of which the registry has never
heard: that is for `footnote verify --repair`.
"""

import threading
import time
from functools import partial

import structlog

from retrieval.errors import FootnoteError
from services.auditing.originals import UPLOAD_SECONDS
from services.blobs import BlobStore
from services.db.leftovers import Leftovers

EVERY_SECONDS = 60.0
LOOKED_AT = 2_000
_log = structlog.get_logger(__name__)


class Clearing:
    """Goes round the store for as long as it runs."""

    def __init__(self, *, leftovers: Leftovers, blobs: BlobStore) -> None:
        self._leftovers = leftovers
        self._blobs = blobs
        self._after = ""

    def run(self, stop: threading.Event) -> None:
        """A round each minute until `stop` is set; one that fails is logged and the next one comes."""
        while not stop.wait(EVERY_SECONDS):
            try:
                self.round(stop)
            except FootnoteError as error:
                _log.warning("clearing_failed", code=error.code)
            except Exception:
                _log.exception("clearing_crashed")

    def round(self, stop: threading.Event | None = None) -> int:
        """Look at the next part of the store; how many blobs were deleted. Raises UnavailableError."""
        if self._blobs.holds.any():
            return 0
        page = self._blobs.page(self._after, LOOKED_AT)
        before = time.time() - UPLOAD_SECONDS
        old = {blob.sha256: blob for blob in page if blob.sha256 and blob.modified < before}
        cleared = 0
        for name in self._leftovers.among(old):
            if stop is not None and stop.is_set():
                return cleared
            cleared += self._blobs.discard(old[name], wanted=partial(self._is_wanted, name), before=before)
        self._after = (page[-1].sha256 or "") if len(page) == LOOKED_AT else ""
        if cleared:
            _log.info("blobs_cleared", blobs=cleared)
        return cleared

    def _is_wanted(self, name: str) -> bool:
        # Whoever takes a backup has a hold before it looks at the registry, so one of the two says so.
        return self._blobs.holds.any() or self._leftovers.needs(name)
