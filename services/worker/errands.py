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
            if self._work.is_retirable(lease.document_id, lease.version):
                for index in self._engines.living(retired=False):
                    index.delete(lease.document_id, lease.version)
        elif lease.kind == "delete":
            for index in self._engines.living():
                index.delete(lease.document_id)
