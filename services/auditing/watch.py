"""Notices by itself that the index was lost or put back from an older copy, and has it mended. The scheduler runs it.

A look is cheap: the index's number of chunks against the registry's sum, and the chunks of the versions that became
ready last, which any older copy lacks. What looks wrong twice in a row is audited and repaired, cautiously (see
`repair.py`); an hour after the start and then once a day it is audited without a reason. Never where index or registry
do not answer, or the registry knows no document.
"""

import threading
import time
from collections.abc import Callable

import structlog

from retrieval.errors import FootnoteError
from retrieval.index import ChunkIndex
from services.auditing.findings import Report
from services.auditing.verification import Verification
from services.db.audit import AuditRegistry

EVERY_SECONDS = 10.0
DAILY_SECONDS, FIRST_SECONDS = 86_400.0, 3600.0
# What an audit could not mend is not tried again sooner; less so where work under way may have been all that was wrong.
AGAIN_SECONDS, UNDER_WAY_SECONDS = 600.0, 30.0
_log = structlog.get_logger(__name__)


class Watch:
    """Looks every ten seconds until it is stopped. `index` gives the collection that is read now."""

    def __init__(self, *, registry: AuditRegistry, index: Callable[[], ChunkIndex], verification: Verification) -> None:
        self._registry = registry
        self._index = index
        self._verification = verification
        self._suspicion: str | None = None
        self._accepted: tuple[int, int] | None = None
        self._audited_at = _an_hour_before_the_next()
        self._not_before = 0.0
        self._left: str | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set; what fails is logged and comes again."""
        while not stop.wait(EVERY_SECONDS):
            try:
                self.step(stop)
            except FootnoteError as error:
                self._suspicion = None
                _log.warning("watch_failed", code=error.code)
            except Exception:
                self._suspicion = None
                _log.exception("watch_crashed")

    def step(self, stop: threading.Event) -> Report | None:
        """Look once, and audit where the same was wrong the last time. Raises UnavailableError."""
        before, self._suspicion = self._suspicion, self.look()
        now = time.monotonic()
        if self._suspicion != self._left:  # whatever is wrong now, it is not what the last audit could not mend
            self._not_before, self._left = 0.0, None
        due = now - self._audited_at > DAILY_SECONDS
        confirmed = self._suspicion is not None and self._suspicion == before and now >= self._not_before
        return self._audit(self._suspicion or "daily", stop) if due or confirmed else None

    def look(self) -> str | None:
        """What is wrong with the index, None where nothing seems to be. Raises UnavailableError."""
        index = self._index()
        if self._registry.documents() == 0:
            return None
        if not index.is_prepared():
            return "collection_missing"
        # What becomes ready or is deleted meanwhile moves the sum: both states must be beyond the total.
        sums = [self._registry.expected_chunks()]
        idle = self._registry.is_idle()
        total = index.total()
        sums.append(self._registry.expected_chunks())
        if total < min(sums):
            return "chunks_missing"
        if idle and self._registry.is_idle() and sums[0] == sums[1] != total and (sums[1], total) != self._accepted:
            return "chunks_unaccounted_for"
        newest = self._registry.newest()
        lacking = {one for one in newest if index.count(one[0], one[1]) < one[2]}
        return "newest_chunks_missing" if lacking.intersection(self._registry.newest()) else None

    def _audit(self, reason: str, stop: threading.Event) -> Report | None:
        _log.warning("audit_begins", reason=reason)
        report: Report | None = None
        self._audited_at = time.monotonic()
        self._not_before, self._left = self._audited_at + AGAIN_SECONDS, reason
        try:
            for event in self._verification.repair(cautious=True, originals=False):
                if stop.is_set():
                    return None
                if isinstance(event, Report):
                    report = event
            # Points that we do not delete by ourselves are no reason to look again and again.
            accepted = (self._registry.expected_chunks(), self._index().total())
        except Exception:  # a part went away: what was lost is lost still, and the audit of today was none
            self._not_before = time.monotonic() + UNDER_WAY_SECONDS
            self._audited_at = _an_hour_before_the_next()
            raise
        if report is not None:
            found = {kind: tally.count for kind, tally in report.tallies.items()}
            _log.warning("audit_ended", clean=report.clean, repaired=report.repaired, lost=len(report.lost), **found)
            self._accepted = accepted
            if report.clean:
                self._not_before = 0.0
            elif report.in_flight:
                self._not_before = self._audited_at + UNDER_WAY_SECONDS
        self._suspicion = None
        return report


def _an_hour_before_the_next() -> float:
    """As if the last audit was so long ago. Counted from the start, a scheduler that is restarted daily would never
    make one.
    """
    return time.monotonic() - DAILY_SECONDS + FIRST_SECONDS
