"""Who may read which documents, as the registry has it. Knows nothing of principals or of what a grant opens."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.db.models import DocumentGrant


def grants_in(session: Session, document_ids: Collection[str]) -> dict[str, list[str]]:
    """Grants by document, sorted."""
    columns = select(DocumentGrant.document_id, DocumentGrant.grant_name)
    query = columns.where(DocumentGrant.document_id.in_(document_ids)).order_by(DocumentGrant.grant_name)
    found: dict[str, list[str]] = {}
    for document_id, grant_name in session.execute(query):
        found.setdefault(document_id, []).append(grant_name)
    return found
