"""The audit log, for administrators: who did what."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.api import cursors, queries, schemas
from services.api.audit_schemas import AuditEvent
from services.api.dependencies import Admin, PartsOf

router = APIRouter(tags=["operations"])


@router.get("/v1/admin/audit")
def page(
    *,
    parts: PartsOf,
    _admin: Admin,
    after: Annotated[schemas.Moment | None, Query(), queries.Given] = None,
    before: Annotated[schemas.Moment | None, Query(), queries.Given] = None,
    event: Annotated[schemas.Text | None, Query(max_length=60), queries.Given] = None,
    actor: Annotated[schemas.Text | None, Query(max_length=500), queries.Given] = None,
    subject: Annotated[schemas.Text | None, Query(max_length=500), queries.Given] = None,
    limit: queries.LongLimit = 50,
    cursor: cursors.Cursor = None,
) -> schemas.Page[AuditEvent]:
    """Events of the audit log, oldest first: from `after` on, up to `before`, of an `actor` (an e-mail address, a
    person's id or a key's), of one `subject`, such as `document:<id>`."""
    behind = cursors.decode(cursor, 1)
    parts.audit_notes.settle()
    rows = parts.audit_log.page(
        behind=cursors.number(behind[0], most=cursors.BIGINT) if behind else 0,
        limit=limit + 1,
        since=after,
        until=before,
        event_name=event,
        actor=actor,
        subject=subject,
    )
    more = cursors.encode(str(rows[limit - 1]["sequence"])) if len(rows) > limit else None
    return schemas.Page(items=[AuditEvent(**row) for row in rows[:limit]], next_cursor=more)
