"""Who may read which documents, as the registry has it. Knows nothing of principals or of what a grant opens."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.db.models import DocumentGrant


def grants_in(session: Session, document_ids: Collection[str]) -> dict[str, list[str]]:
    """Grants by document, sorted."""
    query = select(DocumentGrant).where(DocumentGrant.document_id.in_(document_ids)).order_by(DocumentGrant.grant_name)
    found: dict[str, list[str]] = {}
    for grant in session.scalars(query):
        found.setdefault(grant.document_id, []).append(grant.grant_name)
    return found
