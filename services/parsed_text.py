"""A version's parsed text as it is kept in the blob store: for readers, and to cut and embed it anew.

Knows nothing of where it is kept.
"""

import json
from dataclasses import asdict
from typing import Any

from ingest.parsing import ParsedDocument
from retrieval.types import Heading, Page


def stored_form(parsed: ParsedDocument) -> bytes:
    """The parsed text with pages and headings, as it is kept; and what was left out of it, for operators."""
    pages = [asdict(page) for page in parsed.pages]
    headings = [asdict(heading) for heading in parsed.headings]
    kept = {
        "text": parsed.text,
        "pages": pages,
        "headings": headings,
        "hidden_chars": parsed.hidden_chars,
        "left_out": parsed.left_out,
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
            tuple(kept.get("left_out", ())),
            tuple((start, end) for start, end in kept.get("recognised", ())),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a parsed text: {error}") from error
