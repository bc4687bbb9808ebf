"""Starts a child process for each data source that is due, and ends those that take too long. Runs in the scheduler.

A crash, a leak or a hang of a connector costs its own sync and nothing else. Knows nothing of what a sync does.
"""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from retrieval.errors import FootnoteError
from services.db.source_items import SourceItems
from services.db.syncs import Syncs
from services.queue import Doorbell

EVERY_SECONDS = 1.0
AT_ONCE = 2
WALL_SECONDS = 6 * 3600.0
STOP_SECONDS = 2.0
# After a child that ended badly, which may not even have got as far as its claim.
PAUSE_SECONDS = 10.0
_log = structlog.get_logger(__name__)


def child_name(pid: int) -> str:
    """Who holds a lease: the same words in the child and in its parent."""
    return f"{socket.gethostname()}:{pid}"


@dataclass
class _Child:
    process: "subprocess.Popen[bytes]"
    started: float
    overdue: bool = False


class Launcher:
    """Runs until `stop` is set. `command` is what syncs a data source, given its id."""

    def __init__(
        self,
        syncs: Syncs,
        items: SourceItems,
        doorbell: Doorbell,
        *,
        command: Callable[[str], Sequence[str]],
        environment: Mapping[str, str],
    ) -> None:
        self._syncs = syncs
        self._items = items
        self._doorbell = doorbell
        self._command = command
        self._environment = environment
        self._children: dict[str, _Child] = {}
        self._not_before: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Look every second; a failing look is logged and the next one comes. At the end no child is left."""
        try:
            while not stop.wait(EVERY_SECONDS):
                try:
                    self.tick()
                except FootnoteError as error:
                    _log.warning("sync_look_failed", code=error.code)
                except Exception:
                    _log.exception("sync_look_crashed")
        finally:
            self.close()

    def tick(self) -> None:
        """Look once."""
        for source_id, child in list(self._children.items()):
            self._look_after(source_id, child)
        self._chores()
        free = AT_ONCE - len(self._children)
        if free > 0:
            due = self._syncs.due(limit=AT_ONCE + len(self._children) + len(self._not_before))
            for source_id in [id_ for id_ in due if self._may_start(id_)][:free]:
                self._start(source_id)

    def close(self) -> None:
        """End all children: they hand their syncs back, to be gone on with by the next scheduler."""
        for child in self._children.values():
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children.values():
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(timeout=max(deadline - time.monotonic(), 0.01))
            _kill(child.process)
        self._children.clear()

    def _may_start(self, source_id: str) -> bool:
        return source_id not in self._children and self._not_before.get(source_id, 0.0) <= time.monotonic()

    def _start(self, source_id: str) -> None:
        process = subprocess.Popen(
            self._command(source_id),
            env=dict(self._environment),
            stdin=subprocess.PIPE,
            process_group=0,  # so that what its connector starts can be ended with it
        )
        self._not_before.pop(source_id, None)
        self._children[source_id] = _Child(process, time.monotonic())
        _log.info("sync_started", data_source=source_id, pid=process.pid)

    def _look_after(self, source_id: str, child: _Child) -> None:
        code = child.process.poll()
        if code is None:
            if time.monotonic() - child.started > WALL_SECONDS:
                child.overdue = True
                _kill(child.process)
            return
        _kill(child.process)  # what its connector left behind
        del self._children[source_id]
        if code != 0:
            _log.warning("sync_child_died", data_source=source_id, code=code)
            self._not_before[source_id] = time.monotonic() + PAUSE_SECONDS
            self._syncs.crashed(source_id, child_name(child.process.pid), _how_it_ended(code, child.overdue))

    def _chores(self) -> None:
        for portion in (self._items.apply_defaults, self._items.sweep):
            while (ring := portion()) is not None:
                self._doorbell.ring(ring)


def _how_it_ended(code: int, overdue: bool) -> str:
    if overdue:
        return f"It took longer than {WALL_SECONDS / 3600:.0f} hours and was ended. It goes on where it was."
    how = f"killed ({signal.Signals(-code).name})" if code < 0 else f"gone with exit code {code}"
    return f"The process that synced it was {how}. It goes on where it was."


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
