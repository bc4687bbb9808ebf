"""Clears old events of the audit log: a round every hour, run by the scheduler. Knows nothing of the chain."""

import threading
from datetime import timedelta

import structlog

from retrieval.errors import FootnoteError
from services.db.audit_log import AuditLog

EVERY_SECONDS = 3600.0
# Between two portions, so that others who wait to write have their turn, which SQLite gives in no order.
PAUSE_SECONDS = 0.2
_log = structlog.get_logger(__name__)


class AuditRetention:
    """Events of more than `days` go; with 0 none ever does."""

    def __init__(self, log: AuditLog, *, days: int) -> None:
        self._audit_log = log
        self._days = days

    def run(self, stop: threading.Event) -> None:
        """A round now and every hour until `stop` is set; one that fails is logged and the next one comes."""
        while self._days and not stop.is_set():
            try:
                self.round(stop)
            except FootnoteError as error:
                _log.warning("audit_clearing_failed", code=error.code)
            except Exception:
                _log.exception("audit_clearing_crashed")
            stop.wait(EVERY_SECONDS)

    def round(self, stop: threading.Event | None = None) -> int:
        """Clear what is due, in portions; how many events. Raises UnavailableError."""
        cleared, stop = 0, stop or threading.Event()
        while not stop.is_set():
            portion = self._audit_log.clear(timedelta(days=self._days))
            if not portion:
                break
            cleared += portion
            stop.wait(PAUSE_SECONDS)
        if cleared:
            _log.info("audit_events_cleared", events=cleared)
        return cleared
