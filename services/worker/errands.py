"""The jobs that parse and embed nothing: metadata, retire, delete. Knows nothing of leases."""

from contextlib import suppress

from services.db.jobs import Lease, LeaseLostError
from services.db.work import Work
from services.engine import Engines


class Errands:
    """Brings the index up to what the registry says of one document. May be done twice or stopped anywhere."""

    def __init__(self, work: Work, engines: Engines) -> None:
        self._work = work
        self._engines = engines

    def carry_out(self, lease: Lease) -> None:
        """Raises UnavailableError where the index does not answer."""
        if lease.kind == "metadata":
            with suppress(LeaseLostError):  # the document was deleted: another job takes it out of the index
                self._bring_up_to_date(lease.document_id)
        elif lease.kind == "retire" and lease.version is not None:
            self._retire(lease.document_id, lease.version, again=lease.attempts > 1)
        elif lease.kind == "delete":
            for index in self._engines.living():
                index.delete(lease.document_id)

    def _bring_up_to_date(self, document_id: str) -> None:
        """Writes what the registry says until it says that still: of two workers the one that writes last may have read
        first.
        """
        details, written = self._work.details(document_id), None
        while details.metadata_revision != written:
            for index in self._engines.living():
                index.set_metadata(document_id, grants=details.grants, modified_at=details.modified_at)
            written = details.metadata_revision
            details = self._work.details(document_id)

    def _retire(self, document_id: str, version: int, *, again: bool) -> None:
        """Between the look and the deletion a worker may stand still (SIGSTOP, a long pause), and the version be made
        anew meanwhile: no fence reaches into the index. So the registry is asked once more afterwards, and also where
        the worker `again` begins what another one may have left half done.
        """
        retirable = self._work.is_retirable(document_id, version)
        if retirable:
            for index in self._engines.living(retired=False):
                index.delete(document_id, version)
        if retirable or again:
            self._work.make_good(document_id, version)
