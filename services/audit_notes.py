"""Audit events of what changes nothing: questions, reads, refusals. Written by a thread, many in one transaction.

Nobody waits for it: reading goes on while the registry cannot write. What could not be written is in the process log,
as an error, and counted.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from queue import Empty, Full, Queue
from typing import Any

import structlog

from services.acting import Actor, acting
from services.db.audit_log import AuditEntry, AuditLog
from services.telemetry import AUDIT_LOST

MOST_WAITING = 10_000
AT_ONCE = 200
# Each transaction is a write to the disk that others may wait for: so there are at most twenty a second of these.
GATHER_SECONDS = 0.05
SETTLE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class AuditNotes:
    """Takes events and writes them soon; `questions`: what was asked may be among their details."""

    def __init__(self, log: AuditLog, *, questions: bool = False) -> None:
        self._log = log
        self._waiting: Queue[AuditEntry] = Queue(MOST_WAITING)
        self._in_hand: list[AuditEntry] = []
        # Holds for the counts, and for what is in hand. What is noted first is written or lost first.
        self._counted = threading.Condition()
        self._added = self._done = 0
        self._starting = threading.Lock()
        self._writer: threading.Thread | None = None
        self._closed = threading.Event()
        self.questions = questions

    def add(
        self, event: str, *, subject: str | None = None, actor: Actor | None = None, account: str | None = None,
        **details: Any,
    ) -> None:  # fmt: skip
        """Note an event of `actor`, or of whoever acts now; see AuditEntry for `account`. Never waits, never raises."""
        entry = AuditEntry(event, actor or acting(), subject, details, account)
        refused = self._put(entry)
        if refused:
            _lost([entry], refused)
        elif self._writer is None:
            self._start()

    def rate_limited(self, said: Mapping[str, object]) -> None:
        """A rate limit began to refuse somebody."""
        details: dict[str, Any] = dict(said)
        self.add("excess_rate_limit_exceeded", **details)

    def settle(self, seconds: float = SETTLE_SECONDS) -> bool:
        """Wait until what was noted before is written or lost; whether it was in time."""
        with self._counted:
            noted = self._added  # what others note from here on is not waited for: it may never end
            return self._counted.wait_for(lambda: self._done >= noted, seconds)

    def close(self, seconds: float = SETTLE_SECONDS) -> None:
        """Write what waits, and end. What could not be written in twice that time is lost."""
        self.settle(seconds)
        with self._counted:
            self._closed.set()
        if self._writer is not None:
            self._writer.join(seconds)
        self._let_go("closed")
        while self._take():
            self._let_go("closed")

    def _put(self, entry: AuditEntry) -> str | None:
        """Why it was not taken, if it was not."""
        with self._counted:
            if self._closed.is_set():
                return "closed"
            try:
                self._waiting.put_nowait(entry)
            except Full:
                return "too_many"
            self._added += 1
            return None

    def _start(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="audit-notes", daemon=True)
                self._writer.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._gather()
            if not self._in_hand:
                continue
            try:
                self._log.write(self._in_hand)
            except Exception as error:
                self._let_go(getattr(error, "code", type(error).__name__))
            finally:
                self._let_go()

    def _gather(self) -> None:
        if self._take(0.2):
            self._closed.wait(GATHER_SECONDS)
            while len(self._in_hand) < AT_ONCE and self._take():
                pass

    def _take(self, seconds: float = 0.0) -> bool:
        """Take the next one in hand, if there is one within this time."""
        try:
            entry = self._waiting.get(timeout=seconds) if seconds else self._waiting.get_nowait()
        except Empty:
            return False
        with self._counted:
            self._in_hand.append(entry)
        return True

    def _let_go(self, lost: str | None = None) -> None:
        """What is in hand is done with: written, or `lost` with this code. Of the writer and `close`, the first has it.

        Counted whatever happens, and only after it is told: who settles may look for it at once.
        """
        with self._counted:
            entries, self._in_hand = self._in_hand, []
        try:
            if lost:
                _lost(entries, lost)
        finally:
            with self._counted:
                self._done += len(entries)
                self._counted.notify_all()


def _lost(entries: Sequence[AuditEntry], code: str) -> None:
    """Never raises: a process log that cannot be written either must not end the thread that writes the next ones."""
    AUDIT_LOST.inc(len(entries))
    for entry in entries:
        # Without the account, which is what somebody typed there: it may be their password.
        lost = asdict(replace(entry, account=None))
        with suppress(OSError, ValueError):
            _log.error("audit_lost", code=code, lost=lost)
