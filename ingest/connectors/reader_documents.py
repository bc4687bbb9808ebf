"""What LlamaIndex readers return, as files: with a lasting id, a revision, a fitting name, title, address and date.

Readers agree on `Document` and on little of its metadata, so the usual names are tried in turn. Knows nothing of how a
reader is made.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from ingest.connectors.contract import Item
from ingest.connectors.names import file_name_of

_IDS = ("page_id", "doc_id", "document_id", "id", "url", "source", "file_path", "path", "file_name")
_TITLES = ("title", "page_title", "name", "subject", "file_name")
_URLS = ("url", "source_url", "link", "web_url", "source")
_DATES = ("last_edited_time", "last_modified_date", "last_modified", "modified_at", "updated_at", "modified", "date")
_PARTS = ("page_label", "page", "part", "sheet_name", "slide")
_RANDOM_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.I)
_HTML = re.compile(r"\s*<(?:!doctype\s+html|html|head|body)\b", re.I)


class ReaderDocument(Protocol):
    """The part of llama_index.core.schema.Document that is used."""

    @property
    def text(self) -> str: ...

    @property
    def metadata(self) -> dict[str, Any]: ...

    @property
    def doc_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ReaderFile:
    """`content` is what is written, `item` says of what."""

    item: Item
    content: bytes


def reader_file(document: ReaderDocument, *, id_field: str | None = None, suffix: str | None = None) -> ReaderFile:
    """A reader's document as a file. `id_field` names the metadata that holds its id, `suffix` what its text is."""
    metadata, text = document.metadata, document.text or ""
    title = _first(metadata, _TITLES)
    revision = hashlib.sha256(
        json.dumps([text, metadata], sort_keys=True, default=str, ensure_ascii=True).encode()
    ).hexdigest()
    ending = suffix or _suffix(text, metadata)
    external_id = stable_id(document, id_field=id_field)
    url = _first(metadata, _URLS)
    item = Item(
        external_id=external_id,
        revision=revision,
        file_name=file_name_of(title or external_id.rpartition("/")[2], suffix=ending),
        title=title,
        url=url if url and url.startswith(("https://", "http://")) else None,
        modified_at=date_of(_first(metadata, _DATES)),
    )
    return ReaderFile(item, text.encode("utf-8", "replace"))


def stable_id(document: ReaderDocument, *, id_field: str | None = None) -> str:
    """An id that is the same in the next run: many readers number their documents at random each time.

    Without any name to go by it is a digest of the text, and an edit is then a deletion and a new document.
    """
    metadata = document.metadata
    found = _first(metadata, (id_field,)) if id_field else None
    if found is None and not _RANDOM_ID.fullmatch(document.doc_id or "x"):
        found = document.doc_id or None
    found = found or _first(metadata, _IDS)
    if found is None:
        return f"text-{hashlib.sha256((document.text or '').encode('utf-8', 'replace')).hexdigest()[:32]}"
    part = _first(metadata, _PARTS)
    return f"{found}#{part}" if part else found


def date_of(text: str | None) -> datetime | None:
    """A date in ISO form; None where it is none."""
    try:
        date = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def _suffix(text: str, metadata: Mapping[str, Any]) -> str:
    if _HTML.match(text):
        return ".html"
    named = str(metadata.get("file_name") or metadata.get("file_path") or "").lower()
    return ".md" if named.endswith((".md", ".markdown")) else ".txt"


def _first(metadata: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = metadata.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return None
