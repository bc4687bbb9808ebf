"""Reads uploaded files with their metadata, one or many, never more than the limit.

Knows nothing of documents. Called after the principal was checked: FastAPI's own form parameters would read the whole
body first (peers' hole: Qdrant GHSA-3v92-w72v-j994).
"""

import errno
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from retrieval.errors import InvalidInputError, TooLargeError, UnavailableError
from services.api.schemas import DocumentMetadata, ExternalId
from services.blobs import Blob, BlobStore

FORM_OVERHEAD = 64 * 1024
BATCH_FILES = 100
# What may be said of so many files, with a long list of grants for each.
BATCH_OVERHEAD = 8 * 1024 * 1024
READ = 256 * 1024
_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(ExternalId)


def _openapi_form(file: dict[str, Any], metadata: str) -> dict[str, Any]:
    properties = {"file": file, "metadata": {"type": "string", "description": metadata}}
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


_FILE = {"type": "string", "format": "binary"}
OPENAPI_FORM = _openapi_form(_FILE, "DocumentMetadata as JSON")
OPENAPI_BATCH_FORM = _openapi_form(
    {"type": "array", "items": _FILE, "minItems": 1, "maxItems": BATCH_FILES},
    "A JSON array with one DocumentMetadata a file, in the files' order; without it each file goes by its name",
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored file and what its sender said of it. `file_name` is without folders; where it has no other external id
    it can be one."""

    blob: Blob
    file_name: str
    metadata: DocumentMetadata


async def receive(request: Request, blobs: BlobStore, *, limit: int) -> Upload:
    """Store the file of a multipart request.

    Raises TooLargeError, InvalidInputError (no file, empty, a part of another name, a file name that is none, metadata
    that is not of its form), UnavailableError.
    """
    async with _form(request, limit=limit, overhead=FORM_OVERHEAD, files=1) as form:
        (file,) = _files(form)
        metadata = _metadata_of(file, form.get("metadata"))
        blob = await blobs.put_stream(_chunks(file), limit=limit)
        return Upload(blob, _file_name(file), metadata)


async def receive_all(request: Request, blobs: BlobStore, *, limit: int) -> list[Upload | InvalidInputError]:
    """Store the files of a multipart request, at most `limit` bytes together: each, or why it is refused, in order.

    Raises TooLargeError, InvalidInputError (no file, more than BATCH_FILES, a part of another name, metadata that is no
    array or of another length), UnavailableError for all of them; then nothing is to be registered.
    """
    async with _form(request, limit=limit, overhead=BATCH_OVERHEAD, files=BATCH_FILES) as form:
        files = _files(form)
        if sum(file.size or 0 for file in files) > limit:
            raise _too_large(limit)
        said = _entries(form.get("metadata"), len(files))
        return await run_in_threadpool(_stored, files, said, blobs)


class _Parser(MultiPartParser):
    """Starlette's, which leaves out without a word a last part that breaks off."""

    def __init__(
        self, headers: Headers, stream: AsyncGenerator[bytes, None], *, max_files: int, max_part_size: int
    ) -> None:
        super().__init__(headers, self._whole(stream), max_files=max_files, max_fields=1, max_part_size=max_part_size)
        self._has_ended = False

    def on_end(self) -> None:
        self._has_ended = True

    async def _whole(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self._has_ended:
            raise MultiPartException("It breaks off.")


@asynccontextmanager
async def _form(request: Request, *, limit: int, overhead: int, files: int) -> AsyncIterator[FormData]:
    """The form, closed at the end; `overhead` bytes may come with the `limit` of the files."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise InvalidInputError("Send multipart/form-data with a part `file`.", code="no_file")
    if int(request.headers.get("content-length") or 0) > limit + overhead:
        raise _too_large(limit)
    body = _capped(request, limit=limit, overhead=overhead)
    longest = max(overhead, MultiPartParser.max_part_size)
    parser = _Parser(request.headers, body, max_files=files, max_part_size=longest)
    with _reading_errors():
        form = await parser.parse()
    try:
        yield form
    finally:
        await form.close()


@contextmanager
def _reading_errors() -> Iterator[None]:
    """A large part is kept in the system's temporary folder meanwhile, and its disk may be full."""
    try:
        yield
    except MultiPartException as error:
        raise InvalidInputError(f"The form cannot be read: {error.message}", code="invalid_form") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        message = "The disk for temporary files is full: nothing was stored."
        raise UnavailableError(message, code="storage_full") from error


def _files(form: FormData) -> list[UploadFile]:
    """The parts `file`, in order. A part of another name would be lost without a word."""
    other = sorted(set(form).difference({"file", "metadata"}))
    if other:
        raise InvalidInputError(f"The form has a part {other[0]!r}: send `file` and `metadata`.", code="invalid_form")
    files = [part for part in form.getlist("file") if isinstance(part, UploadFile)]
    if not files or len(files) < len(form.getlist("file")):
        raise _no_file()
    return files


def _entries(raw: object, count: int) -> list[str]:
    """The metadata of each file as JSON, so that it is read, and refused, as that of a single file."""
    if not raw:
        return ["{}"] * count
    try:
        entries = from_json(raw) if isinstance(raw, str) else None
    except ValueError as error:
        raise InvalidInputError(f"metadata: Invalid JSON: {error}", code="invalid_metadata") from error
    if not isinstance(entries, list) or len(entries) != count:
        raise InvalidInputError(f"metadata: Send an array of {count} objects, one a file.", code="invalid_metadata")
    return [json.dumps(entry) for entry in entries]


def _stored(files: Sequence[UploadFile], said: Sequence[str], blobs: BlobStore) -> list[Upload | InvalidInputError]:
    read = [_checked(file, raw) for file, raw in zip(files, said, strict=True)]
    good = [file.file for file, metadata in zip(files, read, strict=True) if isinstance(metadata, DocumentMetadata)]
    stored = iter(blobs.put_readers(good))
    return [
        Upload(next(stored), _file_name(file), metadata) if isinstance(metadata, DocumentMetadata) else metadata
        for file, metadata in zip(files, read, strict=True)
    ]


def _checked(file: UploadFile, raw: str) -> DocumentMetadata | InvalidInputError:
    try:
        return _metadata_of(file, raw)
    except InvalidInputError as refusal:
        return refusal


def _metadata_of(file: UploadFile, raw: object) -> DocumentMetadata:
    """What is said of a file. Raises InvalidInputError, also where it has no name or no content."""
    if not file.filename or "\x00" in file.filename:
        raise _no_file()
    metadata = _metadata(raw)
    _check_name(_file_name(file), is_external_id=metadata.external_id is None)
    if file.size == 0:
        raise InvalidInputError(f"{file.filename} is empty.", code="empty_file")
    return metadata


def _file_name(file: UploadFile) -> str:
    """Without the folders before it: RFC 7578 (4.2) has a receiver drop them."""
    return (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1]


def _check_name(name: str, *, is_external_id: bool) -> None:
    """Raises InvalidInputError. A name that was cut to fit would be the name of another file too."""
    if not name:
        raise InvalidInputError("The file's name ends with a slash: it names a folder.", code="invalid_file_name")
    try:
        if is_external_id:
            _EXTERNAL_ID.validate_python(name)
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        message = f"The file's name cannot be its external_id: {why}. Send an external_id."
        raise InvalidInputError(message, code="invalid_file_name") from error


def _metadata(raw: object) -> DocumentMetadata:
    try:
        return DocumentMetadata.model_validate_json(raw if isinstance(raw, str) and raw else "{}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "metadata"
        raise InvalidInputError(f"metadata: {where}: {first['msg']}", code="invalid_metadata") from error


async def _capped(request: Request, *, limit: int, overhead: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit + overhead:
            raise _too_large(limit)
        yield chunk


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(READ):
        yield chunk


def _no_file() -> InvalidInputError:
    return InvalidInputError("The form has no part `file` with a file name.", code="no_file")


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"This is larger than the limit of {limit // 2**20} MiB.")
