"""`manifest.json` of a folder of documents: its files and what is said of each. Knows no ingestion."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from retrieval.errors import InvalidInputError

FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One document: its file, and its metadata as `POST /v1/documents` takes them."""

    path: Path
    external_id: str
    data_source: str
    title: str | None
    url: str | None
    grants: tuple[str, ...]
    modified_at: datetime | None
    effective_from: datetime | None
    effective_until: datetime | None
    supersedes: tuple[tuple[str, str], ...] | None


def read_manifest(folder: Path) -> list[ManifestEntry]:
    """The entries of the folder's manifest. Raises InvalidInputError for one that cannot be read."""
    try:
        return [_entry(folder, raw) for raw in json.loads((folder / FILE).read_text(encoding="utf-8"))]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{FILE}: an entry cannot be read: {error}", code="invalid_manifest") from error


def _entry(folder: Path, raw: dict[str, Any]) -> ManifestEntry:
    return ManifestEntry(
        path=folder / raw["file"],
        external_id=raw["external_id"],
        data_source=raw["data_source"],
        title=raw.get("title"),
        url=raw.get("url"),
        grants=tuple(raw["grants"]),
        modified_at=_moment(raw, "modified_at"),
        effective_from=_moment(raw, "effective_from"),
        effective_until=_moment(raw, "effective_until"),
        supersedes=_superseded(raw),
    )


def _superseded(raw: dict[str, Any]) -> tuple[tuple[str, str], ...] | None:
    """Data source and external id of each; a bare id is one of the same data source."""
    if raw.get("supersedes") is None:
        return None
    named = [{"external_id": one} if isinstance(one, str) else one for one in raw["supersedes"]]
    return tuple((one.get("data_source") or raw["data_source"], one["external_id"]) for one in named)


def _moment(raw: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(raw[name]) if raw.get(name) else None
