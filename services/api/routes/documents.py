"""Documents: send, list, show, read, change, delete."""

import mimetypes
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse

from retrieval.access import checked_grants
from retrieval.errors import InvalidInputError, NotFoundError
from retrieval.types import Principal
from services.acting import acting_as
from services.api import cursors, presenting, queries, schemas
from services.api.byte_ranges import RangedFile
from services.api.dependencies import Parts, PartsOf, Reader, Writer
from services.api.errors import problem_of
from services.api.left_out import LeftOut
from services.api.uploads import OPENAPI_BATCH_FORM, OPENAPI_FORM, Upload, receive, receive_all
from services.db.models import Version
from services.db.registration import Change, Name, Registration

router = APIRouter(prefix="/v1/documents", tags=["documents"])
# Shown by the browser itself; everything else is offered for saving, so that no uploaded page runs in our origin.
INLINE = frozenset({"application/pdf", "text/plain"})
# Of a longer name what stands last is kept: its extension says what the file is.
FILE_NAME_LENGTH = 500
# What a sender takes back by saying null.
CLEARABLE = frozenset({"title", "url", "modified_at", "effective_from", "effective_until"})
UNCHANGED: dict[int | str, dict[str, Any]] = {200: {"model": schemas.Registered, "description": "Nothing changed"}}
_BYTES = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
ORIGINAL: dict[int | str, dict[str, Any]] = {200: _BYTES, 206: _BYTES | {"description": "The ranges asked for"}}
# A worker takes up to 32 due jobs: so many bells for a batch wake two where one would do, and no more.
JOBS_A_BELL = 16


@router.post("", status_code=202, response_model=schemas.Registered, responses=UNCHANGED, openapi_extra=OPENAPI_FORM)
async def register(request: Request, parts: PartsOf, principal: Writer) -> JSONResponse:
    """Send a file. 202 when there is work to do, 200 when nothing changed.

    Without `external_id` it is known by its file name without folders, which are dropped as RFC 7578 (4.2) says: to
    keep `handbook/travel.md` and `travel.md` apart, send them as `external_id`. A name that cannot be one is refused.
    """
    upload = await receive(request, parts.blobs, limit=parts.max_upload_bytes)
    change = await run_in_threadpool(parts.documents.register, _registration(upload), principal)
    await run_in_threadpool(parts.doorbell.ring, change.ring)
    return JSONResponse(_registered(change).model_dump(), 202 if change.changed else 200)


@router.post("/batch", response_model=schemas.Batch, openapi_extra=OPENAPI_BATCH_FORM)
async def register_batch(request: Request, parts: PartsOf, principal: Writer) -> JSONResponse:
    """Send up to 100 files together. 200 with what became of each, in order; a refused file stops no other."""
    uploads = await receive_all(request, parts.blobs, limit=parts.max_upload_bytes)
    items = await run_in_threadpool(_register_all, parts, uploads, principal)
    return JSONResponse(schemas.Batch(items=items).model_dump())


@router.get("")
def page(
    *,
    parts: PartsOf,
    principal: Reader,
    state: Annotated[str | None, Query(pattern="^(queued|running|ready|failed|quarantined)$"), queries.Given] = None,
    data_source: Annotated[schemas.Text | None, Query(max_length=200), queries.Given] = None,
    q: Annotated[schemas.Text | None, Query(max_length=200), queries.Given] = None,
    id: Annotated[list[schemas.Text] | None, Query(max_length=200)] = None,
    limit: queries.Limit = 50,
    cursor: cursors.Cursor = None,
) -> schemas.Page[schemas.Document]:
    """Documents that one may read or edit, by title; with `id`, given up to 200 times, those of them only."""
    after = cursors.decode(cursor, 2)
    rows = parts.documents.page(
        principal,
        state=state,
        data_source=data_source,
        text=q,
        ids=id,
        after=(after[0], after[1]) if after else None,
        limit=limit + 1,
    )
    last = rows[limit - 1].document if len(rows) > limit else None
    return schemas.Page(
        items=[presenting.document(row, principal) for row in rows[:limit]],
        next_cursor=cursors.encode(last.title, last.id) if last else None,
    )


@router.get("/{document_id}")
def show(document_id: str, parts: PartsOf, principal: Reader) -> schemas.DocumentDetail:
    """One document, and what was left out of its text for those who may read that."""
    row = parts.documents.get(document_id, principal)
    standing = parts.documents.standing(document_id, principal)
    return presenting.document_detail(row, principal, _left_out(document_id, parts, principal), standing)


@router.delete("/{document_id}", status_code=204)
def delete(document_id: str, parts: PartsOf, principal: Writer) -> Response:
    """Delete a document; it is gone from the next request on."""
    parts.doorbell.ring(parts.documents.delete(document_id, principal))
    return Response(status_code=204)


@router.post("/{document_id}/retry", status_code=202)
def retry(document_id: str, parts: PartsOf, principal: Writer) -> schemas.Registered:
    """Try a failed or quarantined document again."""
    change = parts.documents.retry(document_id, principal)
    parts.doorbell.ring(change.ring)
    return _registered(change)


@router.put("/{document_id}/grants")
def set_grants(document_id: str, body: schemas.Grants, parts: PartsOf, principal: Writer) -> schemas.Document:
    """Replace who may read a document, from the next request on."""
    change = parts.documents.set_grants(document_id, checked_grants(body.grants), principal)
    parts.doorbell.ring(change.ring)
    return presenting.document(change.row, principal)


@router.get("/{document_id}/text")
def text(
    document_id: str,
    parts: PartsOf,
    principal: Reader,
    version: Annotated[int | None, Query(ge=1), queries.Given] = None,
) -> schemas.DocumentText:
    """The parsed text that citations point into."""
    document, found = parts.documents.readable_version(document_id, principal, version)
    try:
        data = parts.blobs.read(found.parsed_sha256 or "")
    except NotFoundError as error:
        if found.number == document.active_version:
            raise
        message = "The text of this version is no longer kept: it was replaced, and no stored answer shows it."
        raise NotFoundError(message, code="version_not_kept") from error
    stored = schemas.StoredText.model_validate_json(data)
    _note_read(parts, principal, found, "text")
    return schemas.DocumentText(version=found.number, title=document.title, text=stored.text, pages=stored.pages)


@router.head("/{document_id}/file", include_in_schema=False)
@router.get("/{document_id}/file", response_class=FileResponse, responses=ORIGINAL)
def file(document_id: str, parts: PartsOf, principal: Reader) -> FileResponse:
    """The original bytes: of the version that readers see, and of the newest until there is one."""
    found = parts.documents.original(document_id, principal)
    _note_read(parts, principal, found, "file")
    media_type = found.media_type or "application/octet-stream"
    shown = "inline" if media_type in INLINE else "attachment"
    return RangedFile(
        parts.blobs.path(found.sha256),
        media_type=media_type,
        headers={
            "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(found.file_name)}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "ETag": f'"{found.sha256}"',  # a local copy's time is when it was last used, and a resumed download asks
        },
    )


def _note_read(parts: Parts, principal: Principal, version: Version, what: str) -> None:
    subject, actor = f"document:{version.document_id}", acting_as(principal)
    parts.audit_notes.add("sensitive_read", subject=subject, actor=actor, act=what, version=version.number)


def _left_out(document_id: str, parts: Parts, principal: Principal) -> LeftOut:
    """Names of parts are words of the document: whoever only manages it sees none. Nor does anybody wait for a store
    of originals that does not answer.
    """
    if not parts.originals_answer():
        return LeftOut()
    try:
        _, version = parts.documents.readable_version(document_id, principal, None)
    except NotFoundError:
        return LeftOut()
    return parts.left_out(version.parsed_sha256 or "")


def _registered(change: Change) -> schemas.Registered:
    row = change.row
    return schemas.Registered(
        id=row.document.id,
        version=row.document.latest_version,
        # A change of metadata alone has a job of its own beside the document's, which may be done long since.
        state="queued" if change.ring else row.job.state,
        job_id=change.ring[-1] if change.ring else row.job.id,
        new_version=change.new_version,
    )


def _register_all(
    parts: Parts, uploads: Sequence[Upload | InvalidInputError], principal: Principal
) -> list[schemas.BatchItem]:
    """Register what can be, ring once, and say what became of each."""
    wanted = [_wanted(upload) for upload in uploads]
    outcomes = iter(parts.documents.register_all([new for new in wanted if isinstance(new, Registration)], principal))
    ended = [next(outcomes) if isinstance(new, Registration) else new for new in wanted]
    jobs = [job for change in ended if isinstance(change, Change) for job in change.ring]
    parts.doorbell.ring(jobs[::JOBS_A_BELL])
    return [_item(change) for change in ended]


def _wanted(upload: Upload | InvalidInputError) -> Registration | InvalidInputError:
    try:
        return _registration(upload) if isinstance(upload, Upload) else upload
    except InvalidInputError as refusal:
        return refusal


def _item(outcome: Change | Exception) -> schemas.BatchItem:
    if isinstance(outcome, Change):
        return schemas.BatchItem(status=202 if outcome.changed else 200, document=_registered(outcome))
    problem = problem_of(outcome)
    return schemas.BatchItem(status=problem.status, error=schemas.BatchError(code=problem.code, message=problem.detail))


def _registration(upload: Upload) -> Registration:
    metadata = upload.metadata
    start, end = metadata.effective_from, metadata.effective_until
    if start and end and start >= end:
        raise InvalidInputError("effective_from does not lie before effective_until.", code="invalid_metadata")
    if metadata.grants is not None and not metadata.grants:
        raise InvalidInputError("grants is empty: leave it out, or name who may read.", code="invalid_grant")
    external_id = metadata.external_id or upload.file_name
    return Registration(
        sha256=upload.blob.sha256,
        size=upload.blob.size,
        file_name=upload.file_name[-FILE_NAME_LENGTH:],
        media_type=mimetypes.guess_type(upload.file_name)[0] or "application/octet-stream",
        data_source=metadata.data_source,
        external_id=external_id,
        title=metadata.title,
        url=metadata.url,
        grants=checked_grants(metadata.grants) if metadata.grants is not None else None,
        modified_at=metadata.modified_at,
        effective_from=start,
        effective_until=end,
        supersedes=_superseded(metadata, external_id),
        cleared=frozenset(name for name in CLEARABLE & metadata.model_fields_set if getattr(metadata, name) is None),
        # An administrator may edit everybody's documents, but "plan.pdf" without more is their own.
        own_only=metadata.own_only or metadata.external_id is None,
    )


def _superseded(metadata: schemas.DocumentMetadata, external_id: str) -> tuple[Name, ...] | None:
    """The names of what a document is said to replace. Raises InvalidInputError where it names itself."""
    if metadata.supersedes is None:
        return None
    named = [
        (metadata.data_source, one)
        if isinstance(one, str)
        else (one.data_source or metadata.data_source, one.external_id)
        for one in metadata.supersedes
    ]
    if (metadata.data_source, external_id) in named:
        raise InvalidInputError("supersedes names the document itself.", code="invalid_metadata")
    return tuple(named)
