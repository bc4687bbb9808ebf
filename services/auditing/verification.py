"""`footnote verify`: an audit, and with repair as many more as it takes to be clean. Knows nothing of who asks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from retrieval.errors import ConflictError
from services.auditing.auditor import Auditor
from services.auditing.findings import Progress, Report
from services.auditing.repair import Mender
from services.db.audit import AuditRegistry

# Deleting a point under a wrong id makes its chunk missing, and a version may fail again: the next round shows it.
ROUNDS = 4


class Verification:
    """One verification at a time in a process. `prepare` makes the collections that are missing."""

    def __init__(
        self,
        *,
        auditor: Auditor,
        registry: AuditRegistry,
        mender: Callable[[bool], Mender],
        prepare: Callable[[], None],
    ) -> None:
        self._auditor = auditor
        self._registry = registry
        self._mender = mender
        self._prepare = prepare
        self._running = threading.Lock()

    def look(self, *, originals: bool = True) -> Iterator[Progress | Report]:
        """Audit; the last value is the report. Raises ConflictError while another one runs, UnavailableError."""
        with self._alone():
            report = Report()
            for event in self._auditor.audit(report, originals=originals):
                if isinstance(event, Progress):
                    yield event
            yield report

    def repair(self, *, cautious: bool = False, originals: bool = True) -> Iterator[Progress | Report]:
        """Audit and mend, wait for the work, audit again; the last value is the last audit's report.

        Raises ConflictError while another one runs, or where the registry looks empty: then nothing is deleted.
        """
        with self._alone():
            self._refuse_empty_registry()
            mender = self._mender(cautious)
            report = Report()
            for _ in range(ROUNDS):
                self._prepare()  # in every round: the index may be lost while the work is waited for
                report, before = Report(), mender.done.total()
                for event in self._auditor.audit(report, originals=originals):
                    if isinstance(event, Progress):
                        yield event
                    else:
                        mender.mend(event)
                if (report.clean or mender.done.total() == before) and not mender.has_queued:
                    break
                yield from mender.wait()
            report.repaired, report.lost = dict(mender.done), list(mender.lost.values())
            yield report

    def _refuse_empty_registry(self) -> None:
        if self._registry.documents() == 0 and self._auditor.holds_anything():
            raise ConflictError(
                "The registry knows no document at all, but index or originals are not empty: is this the right "
                "database? Nothing was changed.",
                code="registry_looks_empty",
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._running.acquire(blocking=False):
            raise ConflictError("Another audit is running here: wait until it has ended.", code="audit_running")
        try:
            yield
        finally:
            self._running.release()
