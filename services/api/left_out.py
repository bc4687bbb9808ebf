"""What a stored text lacks, kept in memory by the text's digest: it never changes, and many ask every two seconds.

Knows nothing of documents or of who may read them.
"""

from dataclasses import dataclass
from functools import lru_cache

from pydantic import ValidationError

from retrieval.errors import NotFoundError, UnavailableError
from services.api import schemas
from services.blobs import BlobStore

KEPT = 1_000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Parts that could not be read, and how many characters were hidden from readers."""

    parts: tuple[schemas.LeftOut, ...] = ()
    hidden_chars: int = 0


class LeftOuts:
    """Call it with the digest of a stored text; one that cannot be read lacks nothing that could be named."""

    def __init__(self, blobs: BlobStore) -> None:
        def read(sha256: str) -> LeftOut:
            stored = schemas.StoredText.model_validate_json(blobs.read(sha256))
            return LeftOut(tuple(stored.left_out), stored.hidden_chars)

        self._read = lru_cache(KEPT)(read)

    def __call__(self, sha256: str) -> LeftOut:
        try:
            return self._read(sha256)
        except (NotFoundError, UnavailableError, OSError, ValidationError):  # for the audit, or /readyz, to say
            return LeftOut()
