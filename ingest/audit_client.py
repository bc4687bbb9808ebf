"""The part of the client that reads the audit log, for administrators. Knows nothing of terminals."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ingest.resources import Resource, value_of
from ingest.rest import Rest
from ingest.uploads import rfc3339

PAGE_SIZE = 1000


class AuditEvent(Resource):
    """One event as the server sent it, so that its hash can be made again; see `ingest/audit_chain.py`."""

    sequence: int
    time: str
    event: str
    level: str
    actor: str | None
    user_id: str | None
    key_id: str | None
    address: str | None
    subject: str | None
    details: dict[str, Any]
    previous_hash: str
    hash: str


class AuditClient:
    """The audit log. Raises what `Client` raises."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def events(
        self,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        event: str | None = None,
        actor: str | None = None,
        subject: str | None = None,
    ) -> Iterator[AuditEvent]:
        """Events, oldest first, fetched page by page: from `after` on, up to `before`."""
        params = {
            "after": rfc3339(after) if after else None,
            "before": rfc3339(before) if before else None,
            "event": event,
            "actor": actor,
            "subject": subject,
            "limit": PAGE_SIZE,
        }
        return (value_of(AuditEvent, item) for item in self._rest.items("/v1/admin/audit", params=params))
