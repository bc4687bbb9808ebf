"""The jobs that parse and embed nothing: metadata, retire, delete. Knows nothing of leases."""

from services.db.jobs import Lease
from services.db.work import Work
from services.engine import Engines


class Errands:
    """Brings the index up to what the registry says of one document. May be done twice or stopped anywhere."""

    def __init__(self, work: Work, engines: Engines) -> None:
        self._work = work
        self._engines = engines

    def carry_out(self, lease: Lease) -> None:
        """Raises UnavailableError where the index does not answer, LeaseLostError where the document is gone."""
        if lease.kind == "metadata":
            details = self._work.details(lease.document_id)
            for index in self._engines.living():
                index.set_metadata(lease.document_id, grants=details.grants, modified_at=details.modified_at)
        elif lease.kind == "retire" and lease.version is not None:
            self._retire(lease.document_id, lease.version, again=lease.attempts > 1)
        elif lease.kind == "delete":
            for index in self._engines.living():
                index.delete(lease.document_id)

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
