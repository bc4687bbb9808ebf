"""The auditor: looks at every document, point and blob once, and says what is wrong four ways.

A finding is only reported after a second look has found the same thing, and never on a document that changed while it
was looked at: what runs meanwhile gives no false alarm. Memory is bounded by one batch of documents. Knows nothing of
who asks.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from retrieval.index import ChunkIndex, StoredPoint
from services.auditing.findings import Finding, Progress, Report
from services.auditing.judging import judge
from services.auditing.originals import StoreAudit, absent, parsed_text
from services.blobs import BlobStore
from services.db.audit import AuditRegistry, Expected

LOOKS = 5
PAUSE_SECONDS = 0.2
TOLD_EVERY_SECONDS = 0.5
_PLACE = ("document_id",)


class Auditor:
    """Looks; `services/auditing/repair.py` mends. `index` gives the collection that is read now."""

    def __init__(self, *, registry: AuditRegistry, blobs: BlobStore, index: Callable[[], ChunkIndex]) -> None:
        self._registry = registry
        self._blobs = blobs
        self._index = index

    def audit(self, report: Report, *, originals: bool = True) -> Iterator[Progress | Finding]:
        """Fill `report`; yields each finding, and now and then how far it is. Without `originals` no blob is read.

        Raises UnavailableError where a part does not answer: then nothing is known.
        """
        began = time.monotonic()
        total = self._registry.documents()
        for batch in self._registry.batches():
            yield from self._reported(report, self._documents(batch, report))
            yield Progress("documents", report.documents, total)
        yield from self._reported(report, self._twins())
        yield from self._strangers(report)
        if originals:
            yield from self._store(report)
        report.seconds = round(time.monotonic() - began, 1)

    def holds_anything(self) -> bool:
        """Whether there is a point or a blob at all."""
        index = self._index()
        return bool(index.is_prepared() and index.total()) or any(True for _ in self._blobs.stored())

    def _reported(self, report: Report, findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            report.add(finding)
            yield finding

    def _documents(self, document_ids: Sequence[str], report: Report) -> list[Finding]:
        first, restless = self._steady(document_ids, report)
        for _ in range(LOOKS):
            if not restless:
                break
            time.sleep(PAUSE_SECONDS)
            found, restless = self._steady(restless, report)
            first |= found
        report.in_flight += len(restless)
        report.documents += len(document_ids)
        suspects = [document for document, findings in first.items() if findings]
        if not suspects:
            return []
        time.sleep(PAUSE_SECONDS)
        again, _ = self._steady(suspects, Report())
        return [finding for document in suspects for finding in first[document] if finding in again.get(document, ())]

    def _steady(self, document_ids: Sequence[str], report: Report) -> tuple[dict[str, list[Finding]], list[str]]:
        """Findings by document, and the documents that changed while they were looked at."""
        index = self._index()
        before = self._registry.expected(document_ids)
        points = grouped(point for page in _pages(index, document_ids) for point in page)
        after = self._registry.expected(document_ids)
        moved = self._index().generation != index.generation
        findings: dict[str, list[Finding]] = {}
        restless: list[str] = []
        for document_id in document_ids:
            expected = before.get(document_id)
            if expected is None or expected != after.get(document_id) or moved:
                restless.append(document_id)
                continue
            held = points.get(document_id, [])
            report.chunks += len(held)
            report.in_flight += expected.is_made_again
            findings[document_id] = self._judged(expected, held)
        return findings, restless

    def _judged(self, expected: Expected, points: Sequence[StoredPoint]) -> list[Finding]:
        return [*judge(expected, points, lambda: parsed_text(expected, self._blobs)), *absent(expected, self._blobs)]

    def _twins(self) -> Iterator[Finding]:
        for document_id in self._registry.twins():
            yield Finding("duplicate", "document", document_id)

    def _strangers(self, report: Report) -> Iterator[Progress | Finding]:
        """Points of no document that the registry has ever had, or of none at all."""
        index = self._index()
        total = index.total() if index.is_prepared() else 0
        seen = 0
        for page in _pages(index, fields=_PLACE):
            seen += len(page)
            for finding in self._unaccounted(page):
                report.chunks += finding.count
                yield from self._reported(report, [finding])
            yield Progress("index", seen, max(total, seen))

    def _unaccounted(self, page: Sequence[StoredPoint]) -> Iterator[Finding]:
        by_document = grouped(page)
        known = self._registry.known(document for document in by_document if document)
        for document_id, points in by_document.items():
            ids = tuple(point.id for point in points)
            if not document_id:
                yield Finding("malformed", "payload", count=len(ids), points=ids)
            elif document_id not in known:
                yield Finding("phantom", "point_of_no_document", document_id, count=len(ids), points=ids)

    def _store(self, report: Report) -> Iterator[Progress | Finding]:
        audit = StoreAudit(self._blobs, self._registry)
        told = time.monotonic()
        for finding in audit.findings():
            if finding is not None:
                yield from self._reported(report, [finding])
            if time.monotonic() - told > TOLD_EVERY_SECONDS:
                told = time.monotonic()
                yield Progress("originals", audit.looked_at, None)
        report.originals = audit.looked_at
        yield Progress("originals", audit.looked_at, audit.looked_at)


def grouped(points: Iterable[StoredPoint]) -> dict[str, list[StoredPoint]]:
    """Points by the document they say they are of; under "" those that say none."""
    found: dict[str, list[StoredPoint]] = {}
    for point in points:
        found.setdefault(str(point.payload.get("document_id") or ""), []).append(point)
    return found


def _pages(
    index: ChunkIndex, document_ids: Sequence[str] | None = None, *, fields: Sequence[str] | None = None
) -> Iterator[list[StoredPoint]]:
    """A scan; nothing where the collection was lost."""
    return index.scan(document_ids, fields=fields) if index.is_prepared() else iter(())
