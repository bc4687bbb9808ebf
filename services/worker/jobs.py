"""What each kind of job does: ingest, metadata, retire, delete. Knows nothing of Celery.

Every kind may be run twice or be stopped anywhere; the registry's fence decides whose result counts.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from ingest.parsing import ParsedDocument
from ingest.pipeline import Target, ingest
from retrieval.embedding import Embedder
from retrieval.errors import DocumentError, FootnoteError, NotFoundError, UnavailableError
from retrieval.index import ChunkIndex
from services.blobs import BlobStore
from services.db.jobs import JobQueue, Lease, LeaseLostError
from services.db.work import Work, WorkDetails
from services.worker.heartbeat import Heartbeat

_log = structlog.get_logger(__name__)
E = TypeVar("E", bound=Exception)


class JobRunner:
    """Claims one job and carries it out, to an end that the registry records."""

    def __init__(
        self,
        *,
        queue: JobQueue,
        work: Work,
        blobs: BlobStore,
        parse: Callable[[Path, str], ParsedDocument],
        embedder: Embedder,
        index: ChunkIndex,
        ring: Callable[[list[str]], None],
        name: str,
    ) -> None:
        self._queue = queue
        self._work = work
        self._blobs = blobs
        self._parse = parse
        self._embedder = embedder
        self._index = index
        self._ring = ring
        self._name = name

    def run(self, job_id: str) -> None:
        """Do the job if it is due and nobody else does it. Raises nothing that is the job's own fault."""
        lease = self._queue.claim(job_id, self._name)
        if lease is None:
            return
        log = _log.bind(job=lease.job_id, kind=lease.kind, document=lease.document_id, version=lease.version)
        try:
            with Heartbeat(self._queue, lease) as heartbeat:
                self._carry_out(lease, heartbeat)
            log.info("job_done", attempts=lease.attempts)
        except LeaseLostError:
            log.info("job_overtaken")
        except DocumentError as error:
            log.info("document_failed", code=error.code)
            _record(self._queue.fail, lease, error)
        except UnavailableError as error:
            log.warning("job_postponed", code=error.code)
            _record(partial(self._queue.postpone, counts=False), lease, error)
        except Exception as error:
            log.exception("job_crashed")
            _record(partial(self._queue.postpone, counts=True), lease, error)

    def _carry_out(self, lease: Lease, heartbeat: Heartbeat) -> None:
        if lease.kind == "ingest":
            self._ingest(lease, heartbeat)
            return
        if lease.kind == "metadata":
            details = self._work.details(lease.document_id, None)
            self._index.set_metadata(lease.document_id, grants=details.grants, modified_at=details.modified_at)
        elif lease.kind == "retire" and lease.version is not None:
            if not self._work.is_active(lease.document_id, lease.version):
                self._index.delete(lease.document_id, lease.version)
        elif lease.kind == "delete":
            self._index.delete(lease.document_id)
        self._queue.finish(lease)

    def _ingest(self, lease: Lease, heartbeat: Heartbeat) -> None:
        details = self._work.details(lease.document_id, lease.version)
        done = ingest(
            self._original(details),
            _target(lease, details),
            parse=self._parse,
            embedder=self._embedder,
            index=self._index,
            done=lease.chunks_done,
            checkpoint=heartbeat.checkpoint,
        )
        parsed = self._blobs.put(stored_form(done.parsed))
        follow_up = self._queue.activate(
            lease,
            parsed_sha256=parsed.sha256,
            media_type=done.parsed.media_type,
            title=done.parsed.title,
            chunks=done.chunks,
            metadata_revision=details.metadata_revision,
            stages_ms=dict(done.stages_ms),
        )
        self._ring(follow_up)

    def _original(self, details: WorkDetails) -> Path:
        try:
            return self._blobs.path(details.sha256)
        except NotFoundError as error:
            raise DocumentError(
                "The original is missing from the blob store: send it again.", code="corrupt"
            ) from error


def _record(end: Callable[[Lease, E], None], lease: Lease, error: E) -> None:
    try:
        end(lease, error)
    except FootnoteError as failure:  # overtaken, or the database is away: the lease runs out by itself
        _log.warning("job_end_not_recorded", job=lease.job_id, code=failure.code)


def stored_form(parsed: ParsedDocument) -> bytes:
    """The parsed text with pages and headings, as it is kept for readers."""
    pages = [asdict(page) for page in parsed.pages]
    headings = [asdict(heading) for heading in parsed.headings]
    return json.dumps({"text": parsed.text, "pages": pages, "headings": headings}, ensure_ascii=False).encode()


def _target(lease: Lease, details: WorkDetails) -> Target:
    return Target(
        document_id=lease.document_id,
        version=lease.version or 0,
        file_name=details.file_name,
        title=details.title,
        grants=details.grants,
        data_source=details.data_source,
        modified_at=details.modified_at,
    )
