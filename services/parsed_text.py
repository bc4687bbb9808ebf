"""A version's parsed text as it is kept in the blob store: for readers, and to cut and embed it anew.

Knows nothing of versions or of who may read them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ingest.parsing.document import LeftOut, ParsedDocument
from retrieval.errors import NotFoundError
from retrieval.types import Heading, Page
from services.blobs import BlobStore


def stored_form(parsed: ParsedDocument) -> bytes:
    """The parsed text with pages and headings, as it is kept; and what was left out of it, for operators."""
    pages = [asdict(page) for page in parsed.pages]
    headings = [asdict(heading) for heading in parsed.headings]
    kept = {
        "text": parsed.text,
        "pages": pages,
        "headings": headings,
        "hidden_chars": parsed.hidden_chars,
        "left_out": [one._asdict() for one in parsed.left_out],
        "recognised": parsed.recognised,
    }
    return json.dumps(kept, ensure_ascii=False).encode()


def read_stored(data: bytes, *, title: str | None, media_type: str) -> ParsedDocument:
    """What `stored_form` kept. Raises ValueError for anything else."""
    try:
        kept: dict[str, Any] = json.loads(data)
        pages = tuple(Page(**page) for page in kept["pages"])
        headings = tuple(Heading(**heading) for heading in kept["headings"])
        return ParsedDocument(
            kept["text"],
            pages,
            headings,
            title,
            media_type,
            kept.get("hidden_chars", 0),
            _left_out(kept),
            tuple((start, end) for start, end in kept.get("recognised", ())),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a parsed text: {error}") from error


def kept_text(blobs: BlobStore, sha256: str, *, title: str | None, media_type: str) -> ParsedDocument | None:
    """The text under this digest, as it was parsed then; None where it is missing, unreadable or damaged."""
    try:
        data = blobs.read(sha256)
        whole = hashlib.sha256(data).hexdigest() == sha256
        return read_stored(data, title=title, media_type=media_type) if whole else None
    except (NotFoundError, OSError, ValueError):
        return None


def _left_out(kept: Mapping[str, Any]) -> tuple[LeftOut, ...]:
    """Texts of earlier releases have `part: reason` in one."""
    parts = kept.get("left_out", ())
    return tuple(LeftOut(**part) if isinstance(part, dict) else LeftOut("", str(part)) for part in parts)
