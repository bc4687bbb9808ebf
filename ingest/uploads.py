"""Files as they are sent: what is said of each, and what a server makes of many at once.

Knows nothing of connections. The shapes are those of `POST /v1/documents` and `POST /v1/documents/batch`.
"""

import io
import json
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from ingest.problems import ProblemError, UnexpectedAnswerError, problem_from_document
from ingest.resources import Registered, Resource, value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file to be sent, and what is said of it. Without `grants` only the uploader may read it; `external_id` is the
    file's name where None. `supersedes` names what it replaces: external ids of the same data source, or pairs of data
    source and external id; None leaves what was said before."""

    path: Path
    data_source: str
    external_id: str | None = None
    title: str | None = None
    url: str | None = None
    grants: Sequence[str] | None = None
    modified_at: datetime | None = None
    effective_from: datetime | None = None
    effective_until: datetime | None = None
    supersedes: Sequence[str | tuple[str, str]] | None = None

    @property
    def media_type(self) -> str:
        return mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"

    def metadata(self) -> dict[str, Any]:
        """What is said of the file, without what is not."""
        said = {
            "data_source": self.data_source,
            "external_id": self.external_id if self.external_id is not None else self.path.name,
            "title": self.title,
            "url": self.url,
            "grants": list(self.grants) if self.grants is not None else None,
            "modified_at": rfc3339(self.modified_at),
            "effective_from": rfc3339(self.effective_from),
            "effective_until": rfc3339(self.effective_until),
            "supersedes": [_named(one) for one in self.supersedes] if self.supersedes is not None else None,
        }
        return {name: value for name, value in said.items() if value is not None}


def _named(document: str | tuple[str, str]) -> str | dict[str, str]:
    return document if isinstance(document, str) else dict(zip(("data_source", "external_id"), document, strict=True))


class WatchedFile(io.FileIO):
    """A file that tells how much of it has been read."""

    def __init__(self, path: Path, on_block: Callable[[int], None] | None) -> None:
        super().__init__(path)
        self._on_block = on_block

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(-1 if size is None else size) or b""
        if self._on_block is not None:
            self._on_block(len(block))
        return block


class _Item(Resource):
    status: int
    document: Registered | None = None
    error: Mapping[str, Any] | None = None


class _Batch(Resource):
    items: tuple[_Item, ...]


def metadata_json(uploads: Sequence[Upload]) -> str:
    """The part `metadata` of a batch."""
    return json.dumps([upload.metadata() for upload in uploads])


def outcomes_of(answer: Any, count: int) -> list[Registered | ProblemError]:
    """What a server said of `count` files that it was sent at once. Raises UnexpectedAnswerError."""
    items = value_of(_Batch, answer).items
    if len(items) != count:
        raise UnexpectedAnswerError(f"The server answered about {len(items)} files where {count} were sent.")
    return [_outcome_of(item) for item in items]


def as_answered(registered: Registered, status: int) -> Registered:
    """With what the status says: whether there was anything to do."""
    return registered.model_copy(update={"changed": status == httpx.codes.ACCEPTED})


def rfc3339(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time is not None else None


def _outcome_of(item: _Item) -> Registered | ProblemError:
    if item.document is not None:
        return as_answered(item.document, item.status)
    error = item.error or {}
    return problem_from_document({"code": error.get("code"), "detail": error.get("message")}, status=item.status)
