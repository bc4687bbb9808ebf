"""Registry against index against originals, for administrators."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from services.api.auditing import VerifyRequest, events
from services.api.dependencies import Admin, PartsOf
from services.api.event_stream import EventStream

router = APIRouter(tags=["operations"])
STREAM = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.post("/v1/admin/verify", response_class=StreamingResponse, responses=STREAM)  # type: ignore[arg-type]
def verify(body: VerifyRequest, parts: PartsOf, _admin: Admin) -> EventStream:
    """Audit, and with `repair` mend: `progress` events, then one `report` or `error`."""
    if body.repair:
        parts.audit_log.record("authz_admin", subject=None, act="repair")
    else:
        parts.audit_notes.add("authz_admin", act="verify")
    verifying = parts.verification.repair() if body.repair else parts.verification.look()
    return EventStream(events(verifying))
