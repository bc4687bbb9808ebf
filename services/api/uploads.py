"""Reads one uploaded file with its metadata, streaming, never more than the limit.

Knows nothing of documents. Called after the principal was checked: FastAPI's own form parameters would read the whole
body first (peers' hole: Qdrant GHSA-3v92-w72v-j994).
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from retrieval.errors import InvalidInputError, TooLargeError
from services.api.schemas import DocumentMetadata
from services.blobs import Blob, BlobStore

FORM_OVERHEAD = 64 * 1024
READ = 256 * 1024
OPENAPI_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "metadata": {"type": "string", "description": "DocumentMetadata as JSON"},
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored file and what its sender said of it."""

    blob: Blob
    file_name: str
    metadata: DocumentMetadata


async def receive(request: Request, blobs: BlobStore, *, limit: int) -> Upload:
    """Store the file of a multipart request.

    Raises TooLargeError, InvalidInputError (no file, empty, metadata that is not of its form), UnavailableError.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInputError("Send multipart/form-data with a part `file`.", code="no_file")
    if int(request.headers.get("content-length") or 0) > limit + FORM_OVERHEAD:
        raise _too_large(limit)
    parser = MultiPartParser(request.headers, _capped(request, limit), max_files=1, max_fields=1)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInputError(f"The form cannot be read: {error.message}", code="invalid_form") from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise InvalidInputError("The form has no part `file` with a file name.", code="no_file")
        metadata = _metadata(form.get("metadata"))
        blob = await blobs.put_stream(_chunks(file), limit=limit)
        if blob.size == 0:
            raise InvalidInputError(f"{file.filename} is empty.", code="empty_file")
        return Upload(blob, file.filename.replace("\\", "/").rsplit("/", 1)[-1][:500], metadata)
    finally:
        await form.close()


def _metadata(raw: object) -> DocumentMetadata:
    try:
        return DocumentMetadata.model_validate_json(raw if isinstance(raw, str) and raw else "{}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "metadata"
        raise InvalidInputError(f"metadata: {where}: {first['msg']}", code="invalid_metadata") from error


async def _capped(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit + FORM_OVERHEAD:
            raise _too_large(limit)
        yield chunk


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(READ):
        yield chunk


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The file is larger than the limit of {limit // 2**20} MiB.")
