"""The blobs against the registry: every original and parsed text that is needed there and whole, and no blob of which
the registry has never heard. What is no longer needed may lie there still: `clearing.py` comes by.

Knows nothing of the index.
"""

import json
import time
from collections.abc import Iterator

from retrieval.errors import NotFoundError
from services.auditing.findings import Finding
from services.blobs import BlobStore, StoredBlob
from services.db.audit import AuditRegistry, Expected

# An upload is stored before it is registered: what is younger may be on its way.
UPLOAD_SECONDS = 3600.0


def absent(expected: Expected, blobs: BlobStore) -> Iterator[Finding]:
    """Originals and parsed texts of a living document that are needed and not in the store: of an earlier version the
    text, where a stored answer shows it."""
    if expected.deleted:
        return
    for number, version in sorted(expected.versions.items()):
        for what, name in version.blobs():
            if not blobs.has(name):
                yield Finding("missing", what, expected.document_id, number, blob=name)


def parsed_text(expected: Expected, blobs: BlobStore) -> str | None:
    """The active version's parsed text; None where it is missing or cannot be read."""
    active = expected.active
    if active is None or active.parsed_sha256 is None:
        return None
    try:
        text = json.loads(blobs.read(active.parsed_sha256))["text"]
    except (NotFoundError, OSError, ValueError, KeyError, TypeError):
        return None
    return text if isinstance(text, str) else None


class StoreAudit:
    """One walk over the blob store. `looked_at` counts the blobs that were read."""

    def __init__(self, blobs: BlobStore, registry: AuditRegistry) -> None:
        self._blobs = blobs
        self._registry = registry
        self.looked_at = 0

    def findings(self) -> Iterator[Finding | None]:
        """What is wrong, and None after each blob that is right."""
        known = self._registry.known_blobs()
        for blob in self._blobs.stored():
            self.looked_at += 1
            if blob.sha256 is None or bytes.fromhex(blob.sha256) not in known:
                yield self._unknown(blob)
            elif not self._blobs.is_whole(blob.sha256):
                yield from self._damaged(blob.sha256)
            else:
                yield None

    def _unknown(self, blob: StoredBlob) -> Finding | None:
        if time.time() - blob.modified < UPLOAD_SECONDS:
            return None
        if blob.sha256 is not None and self._registry.wants(blob.sha256):  # registered since we looked
            return None
        what = "blob" if blob.sha256 else "unfinished_upload"
        return Finding("phantom", what, blob=blob.name)

    def _damaged(self, sha256: str) -> Iterator[Finding]:
        """One finding for each version of a living document that needs these bytes."""
        references = self._registry.refers_to(sha256)
        for document_id, expected in self._registry.expected([document for document, _ in references]).items():
            if expected.deleted:
                continue
            for number, version in sorted(expected.versions.items()):
                for what, name in version.blobs():
                    if name == sha256:
                        yield Finding("missing", what, document_id, number, blob=sha256)
