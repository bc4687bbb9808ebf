"""An item of a listing as a registration, and as JSON for the time that it has to wait. Knows nothing of syncs or SQL.

What a source says of itself is made to fit the registry here: names and addresses that do not fit are cut or left out,
grants that cannot be read fail the item, for nobody may read more than was meant.
"""

import mimetypes
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.connectors.contract import Item, ItemError
from ingest.connectors.names import shown_id, why_no_id
from retrieval.access import checked_grants
from retrieval.storable import storable
from services.blobs import Blob
from services.db.registration import Registration
from services.db.source_items import Bytes

# What PostgreSQL's indexes hold of one name, with room for the data source's.
MAX_ID_BYTES = 2000
MAX_TITLE, MAX_URL, MAX_FILE_NAME = 1000, 2000, 500


def fitting(item: Item) -> Item:
    """The item as the registry can hold it. Raises ItemError, InvalidInputError for grants of another form."""
    reason = why_no_id(item.external_id)
    if reason is None and len(item.external_id.encode()) > MAX_ID_BYTES:
        reason = f"Its name has more than {MAX_ID_BYTES:,} bytes."
    if reason is not None or not item.external_id:
        raise ItemError(reason or "It has no name.", code="invalid_name")
    url = _clean(item.url)
    web = url if url and url.startswith(("https://", "http://")) and len(url) <= MAX_URL else None
    return replace(
        item,
        file_name=(_clean(item.file_name) or "document")[-MAX_FILE_NAME:],
        title=(_clean(item.title) or "")[:MAX_TITLE].strip() or None,
        url=web,
        grants=checked_grants(item.grants) if item.grants is not None else None,
        revision=storable(item.revision),
    )


def id_shown(external_id: str) -> str:
    """The name under which an item is listed that has no fitting one."""
    return shown_id(external_id).encode()[:MAX_ID_BYTES].decode(errors="ignore") or "(no name)"


def has_fitting_id(external_id: str) -> bool:
    """Whether the registry may know an item of this name."""
    return shown_id(external_id) == external_id and len(external_id.encode()) <= MAX_ID_BYTES


def as_bytes(item: Item, blob: Blob, data_source: str) -> Bytes:
    """What to register."""
    registration = Registration(
        sha256=blob.sha256,
        size=blob.size,
        file_name=Path(item.file_name).name,
        media_type=mimetypes.guess_type(item.file_name)[0] or "application/octet-stream",
        data_source=data_source,
        external_id=item.external_id,
        title=item.title,
        url=item.url,
        grants=None,
        modified_at=item.modified_at,
        effective_from=None,
        effective_until=None,
    )
    return Bytes(registration, item.grants, item.revision)


def waiting(item: Item, blob: Blob | None = None) -> dict[str, Any]:
    """The item as JSON; `blob` where it was fetched already."""
    stored = {"sha256": blob.sha256, "size": blob.size} if blob else {}
    return {
        "revision": storable(item.revision),
        "file_name": storable(item.file_name),
        "title": storable(item.title) if item.title else None,
        "url": storable(item.url) if item.url else None,
        "modified_at": item.modified_at.isoformat() if item.modified_at else None,
        "grants": list(item.grants) if item.grants is not None else None,
        **stored,
    }


def from_waiting(external_id: str, kept: Mapping[str, Any]) -> tuple[Item, Blob | None]:
    """The reverse of `waiting`."""
    item = Item(
        external_id=external_id,
        revision=kept["revision"],
        file_name=kept["file_name"],
        title=kept["title"],
        url=kept["url"],
        modified_at=datetime.fromisoformat(kept["modified_at"]) if kept["modified_at"] else None,
        grants=tuple(kept["grants"]) if kept["grants"] is not None else None,
    )
    return item, Blob(kept["sha256"], kept["size"]) if "sha256" in kept else None


def _clean(text: str | None) -> str | None:
    """Without control characters and halves of characters, which no database holds."""
    return "".join(c for c in text if c.isprintable()).strip() if text else text
