"""Our values as the wire's shapes. Knows nothing of where they come from."""

from dataclasses import replace
from typing import Any

from retrieval.types import NO_FILTERS, Answer, Hit, Principal, SearchFilters
from services.api import schemas
from services.api.left_out import LeftOut
from services.db.accounts import Account
from services.db.document_row import DocumentRow, ShownJob
from services.db.documents import Standing, may_edit


def document(row: DocumentRow, principal: Principal) -> schemas.Document:
    """A document; its owner and grants only for those who may edit it."""
    doc, job, version = row.document, row.job, row.version
    editor = may_edit(doc, principal)
    is_newest = row.newest_sha256 == version.sha256
    return schemas.Document(
        id=doc.id,
        data_source=doc.data_source,
        external_id=doc.external_id,
        title=doc.title,
        url=doc.url,
        media_type=doc.media_type,
        version=doc.active_version or doc.latest_version,
        state="deleted" if doc.deleted_at else job.state,
        code=job.code,
        reason=job.reason,
        attempts=job.attempts,
        next_attempt_at=job.next_attempt_at,
        stage=job.stage if job.state == "running" else None,
        progress=_progress(job),
        chunks=version.chunks,
        owner=row.owner if editor else None,
        grants=list(row.grants) if editor else None,
        modified_at=doc.modified_at,
        effective_from=doc.effective_from,
        effective_until=doc.effective_until,
        created_at=doc.created_at,
        ready_at=doc.ready_at,
        sha256=version.sha256,
        size=version.size,
        newest_sha256=row.newest_sha256 if editor and not is_newest else None,
        can_edit=editor,
    )


def document_detail(
    row: DocumentRow, principal: Principal, left_out: LeftOut, standing: Standing
) -> schemas.DocumentDetail:
    """A document with what its text lacks, and where it stands among its editions."""
    shown = document(row, principal)
    named = [schemas.DocumentName(data_source=source, external_id=id) for source, id in standing.supersedes]
    return schemas.DocumentDetail(
        **shown.model_dump(),
        left_out=list(left_out.parts),
        hidden_chars=left_out.hidden_chars,
        superseded_by=standing.superseded_by,
        supersedes=named if shown.can_edit else None,
    )


def _progress(job: ShownJob) -> schemas.Progress | None:
    if job.state != "running":
        return None
    return schemas.Progress(chunks_done=job.chunks_done, chunks_total=job.chunks_total)


def hit(found: Hit) -> schemas.SearchHit:
    """One hit of a search."""
    doc, chunk = found.document, found.chunk
    return schemas.SearchHit(
        document_id=doc.document_id,
        version=doc.version,
        title=doc.title,
        url=doc.url,
        data_source=doc.data_source,
        external_id=doc.external_id,
        page=chunk.page,
        heading_path=list(chunk.heading_path),
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        score=found.score,
        modified_at=doc.modified_at,
        superseded_by=doc.superseded_by,
    )


def answer(made: Answer) -> schemas.Answer:
    """A whole answer."""
    return schemas.Answer.model_validate(replace(made, timings_ms=dict(made.timings_ms)))


def filters(asked: schemas.Filters) -> SearchFilters:
    """The closed form of filters as the read path takes it."""
    if asked == schemas.Filters():
        return NO_FILTERS
    values: dict[str, Any] = asked.model_dump()
    for name in ("data_sources", "document_ids", "media_types"):
        values[name] = tuple(values[name])
    return SearchFilters(**values)


def user(account: Account) -> schemas.User:
    """A person for administrators."""
    person = account.user
    return schemas.User(
        id=person.id,
        email=person.email,
        name=person.name,
        groups=list(account.groups),
        is_admin=person.is_admin,
        disabled=person.disabled_at is not None,
        created_at=person.created_at,
    )
