"""Mends what an audit found, with the work that ingestion knows already. Knows nothing of how it was found.

What the index lacks is made again, from its stored text or, where that is lost, from its original; what nothing
accounts for is deleted; an original that is gone is said to be lost. `cautious` deletes neither blobs nor points of
documents that the registry never had: by itself that would follow from a registry that was put back from an older copy.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator

from retrieval.errors import UnavailableError
from retrieval.index import ChunkIndex
from services.auditing.findings import Finding, Lost, Progress
from services.auditing.originals import UPLOAD_SECONDS
from services.blobs import BlobStore
from services.db.audit import AuditRegistry
from services.db.repairs import Repairs

POLL_SECONDS = 0.5
# A large document makes checkpoints more often than this; where nothing moves there is no worker.
PATIENCE_SECONDS = 180.0
_DELETED = frozenset(
    {"point_of_deleted_document", "point_of_other_version", "point_beyond_manifest", "point", "point_id", "payload"}
)
_INGESTED = frozenset({"chunk", "parsed_text", "job", "text", "labels", "point_id", "payload"})


class Mender:
    """Mends findings one by one; `done` counts what was done, `lost` names what cannot be."""

    def __init__(
        self,
        *,
        registry: AuditRegistry,
        repairs: Repairs,
        blobs: BlobStore,
        index: Callable[[], ChunkIndex],
        ring: Callable[[list[str]], None],
        cautious: bool = False,
    ) -> None:
        self._registry = registry
        self._repairs = repairs
        self._blobs = blobs
        self._index = index
        self._ring = ring
        self._cautious = cautious
        self._jobs: set[str] = set()
        self.done: Counter[str] = Counter()
        self.lost: dict[tuple[str, int], Lost] = {}

    def mend(self, finding: Finding) -> None:
        """Do what can be done about this one."""
        if finding.kind == "missing" and finding.what == "original":
            self._give_up(finding)
        if finding.points and (finding.what in _DELETED or self._is_stranger(finding)):
            self._index().delete_points(finding.points)
            self.done["points_deleted"] += len(finding.points)
        if finding.what in _INGESTED and finding.document_id is not None:
            self._ingest(finding)
        if finding.kind == "malformed" and finding.what == "metadata" and finding.document_id is not None:
            self._queue("metadata_written", self._repairs.metadata_again(finding.document_id))
        if finding.kind == "phantom" and finding.blob is not None and not self._cautious:
            self._discard(finding.blob)

    @property
    def has_queued(self) -> bool:
        """Whether there are jobs to `wait` for."""
        return bool(self._jobs)

    def wait(self) -> Iterator[Progress]:
        """Until the jobs that were queued here have ended, or nothing happens to them any more. Until the collection is
        lost, too: no job can end before it is made again, and it is for the caller to do so and to come back.
        """
        jobs, self._jobs = self._jobs, set()
        moved, last = time.monotonic(), None
        while left := self._repairs.unfinished(jobs):
            if left != last:
                moved, last = time.monotonic(), left
            if time.monotonic() - moved > PATIENCE_SECONDS:
                return
            if self._is_lost():
                self._jobs = set(left)
                return
            yield Progress("repair", len(jobs) - len(left), len(jobs))
            time.sleep(POLL_SECONDS)
        if jobs:
            yield Progress("repair", len(jobs), len(jobs))

    def _is_lost(self) -> bool:
        try:
            return not self._index().is_prepared()
        except UnavailableError:  # down is not lost: the jobs wait for it themselves
            return False

    def _is_stranger(self, finding: Finding) -> bool:
        return finding.what == "point_of_no_document" and not self._cautious

    def _ingest(self, finding: Finding) -> None:
        """Again into the version that it is; the pointer that readers follow stays where it is."""
        document_id, expected = finding.document_id or "", self._registry.expected([finding.document_id or ""])
        document = expected.get(document_id)
        if document is None:
            return
        number = document.latest_version if finding.what == "job" else document.active_version
        if number is None or finding.version not in (None, number):
            return
        version = document.versions[number]
        if not (self._holds(version.parsed_sha256) or self._holds(version.sha256)):
            self.lost[document_id, number] = Lost(document_id, number, document.title)
            return
        self._queue("documents_ingested", self._repairs.ingest_again(document_id, number))

    def _holds(self, sha256: str | None) -> bool:
        return sha256 is not None and self._blobs.is_whole(sha256)

    def _give_up(self, finding: Finding) -> None:
        document_id, number = finding.document_id or "", finding.version or 0
        document = self._registry.expected([document_id]).get(document_id)
        if document is not None:
            self.lost[document_id, number] = Lost(document_id, number, document.title)

    def _queue(self, what: str, job: str | None) -> None:
        if job is not None:
            self._jobs.add(job)
            self._ring([job])
            self.done[what] += 1

    def _discard(self, name: str) -> None:
        for blob in self._blobs.named(name):
            gone = self._blobs.discard(
                blob,
                wanted=lambda: self._registry.wants(name),
                before=time.time() - UPLOAD_SECONDS,
            )
            self.done["blobs_deleted"] += gone
