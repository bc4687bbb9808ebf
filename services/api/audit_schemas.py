"""The audit log in the wire's shapes. Knows nothing of how it is kept."""

from typing import Any

from pydantic import Field

from services.api.schemas import Response


class AuditEvent(Response):
    """One event, with every field that is hashed; its names are of OWASP's Logging Vocabulary.

    `hash` is the SHA-256 of the JSON of all other fields with keys sorted, no spaces, in ASCII: so whoever has the
    events can check the chain. `time` is what was hashed, in UTC to the microsecond. `actor` is an e-mail address or an
    operator's command.
    """

    sequence: int
    time: str = Field(json_schema_extra={"format": "date-time"})
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
