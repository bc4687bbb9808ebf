"""Audit events of what changes nothing: questions, reads, refusals. Written by a thread, many in one transaction.

Nobody waits for it: reading goes on while the registry cannot write. What could not be written is in the process log,
as an error, and counted.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
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
        try:
            self._waiting.put_nowait(entry)
        except Full:
            _lost([entry], "too_many")
        if self._writer is None:
            self._start()

    def rate_limited(self, said: Mapping[str, object]) -> None:
        """A rate limit began to refuse somebody."""
        details: dict[str, Any] = dict(said)
        self.add("excess_rate_limit_exceeded", **details)

    def settle(self, seconds: float = SETTLE_SECONDS) -> bool:
        """Wait until what was noted before is written or lost; whether it was in time."""
        with self._waiting.all_tasks_done:
            return self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, seconds)

    def close(self) -> None:
        """Write what waits, and end."""
        self.settle()
        self._closed.set()
        if self._writer is not None:
            self._writer.join(SETTLE_SECONDS)

    def _start(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="audit-notes", daemon=True)
                self._writer.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            entries = self._next()
            if not entries:
                continue
            try:
                self._log.write(entries)
            except Exception as error:
                _lost(entries, getattr(error, "code", type(error).__name__))
            for _ in entries:
                self._waiting.task_done()

    def _next(self) -> list[AuditEntry]:
        entries: list[AuditEntry] = []
        with suppress(Empty):
            entries.append(self._waiting.get(timeout=0.2))
            self._closed.wait(GATHER_SECONDS)
            while len(entries) < AT_ONCE:
                entries.append(self._waiting.get_nowait())
        return entries


def _lost(entries: Sequence[AuditEntry], code: str) -> None:
    AUDIT_LOST.inc(len(entries))
    for entry in entries:
        _log.error("audit_lost", code=code, lost=asdict(entry))
