"""The parsed text of a version, from the blob store; parsed again from the original only where it is missing there.

Knows nothing of generations.
"""

from collections.abc import Callable
from pathlib import Path

import structlog

from ingest.parsing import ParsedDocument
from retrieval.errors import DocumentError, NotFoundError
from services.blobs import BlobStore
from services.db.members import Missing
from services.parsed_text import kept_text, stored_form

_log = structlog.get_logger(__name__)


class Texts:
    """Reads texts; `parse` is the sandboxed parser."""

    def __init__(self, blobs: BlobStore, parse: Callable[[Path, str], ParsedDocument]) -> None:
        self._blobs = blobs
        self._parse = parse

    def __call__(self, version: Missing) -> ParsedDocument:
        """The text that citations of this version point into.

        Raises DocumentError where neither it nor an original that still gives the same text is there.
        """
        kept = version.parsed_sha256 or ""
        stored = kept_text(self._blobs, kept, title=version.title, media_type=version.media_type)
        if stored is not None:
            return stored
        _log.warning("parsed_text_missing", document=version.document_id, version=version.version)
        try:
            parsed = self._parse(self._blobs.path(version.sha256), version.file_name)
        except NotFoundError as error:
            raise DocumentError(
                "Its text and its original are missing: send the file again.", code="corrupt"
            ) from error
        if self._blobs.put(stored_form(parsed)).sha256 != kept:
            raise DocumentError(
                "Its text is missing, and its original is read otherwise today: send the file again.", code="corrupt"
            )
        return parsed
