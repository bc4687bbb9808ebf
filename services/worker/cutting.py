"""The first stage of a shift: claim due jobs, run the errands among them, parse and chunk the documents.

Knows nothing of vectors.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import structlog

from ingest.parsing import ParsedDocument
from ingest.pipeline import Key, Target, cut
from retrieval.errors import DocumentError, FootnoteError, NotFoundError
from services.blobs import BlobStore
from services.db.jobs import JobQueue, Lease, LeaseLostError
from services.db.work import Work, WorkDetails
from services.engine import Engine, Engines
from services.parsed_text import kept_text
from services.worker.errands import Errands
from services.worker.heartbeat import Heartbeat
from services.worker.ledger import Ledger
from services.worker.reading import Parser, Reading
from services.worker.task import Batch, Task

# What small files come to once they are parsed is only known then: so much text goes on together.
BATCH_CHARS = 4_000_000
# Enough to keep the model busy for some seconds. What is claimed while a giant is ahead waits for all of it, though
# another worker could take it.
MOST_CHUNKS = 1000
# Cutting so much text takes long enough for people to see the stage.
LONG_TEXT = 500_000
# A file that takes longer to read, such as a scan, holds up none that was read before it.
LONG_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Cutting:
    """Makes batches out of leases, until `claim` returns none."""

    def __init__(
        self, *, queue: JobQueue, work: Work, blobs: BlobStore, parser: Parser,
        engines: Engines, heartbeat: Heartbeat, ledger: Ledger,
    ) -> None:  # fmt: skip
        self._queue = queue
        self._work = work
        self._blobs = blobs
        self._parser = parser
        self._engines = engines
        self._errands = Errands(work, engines)
        self._heartbeat = heartbeat
        self._ledger = ledger
        self._ahead: dict[str, Task] = {}

    def batches(self, first: Sequence[Lease], claim: Callable[[], Sequence[Lease]]) -> Iterator[Batch]:
        """Batches of documents. A job that was tried before meets no other: it may be what killed its worker."""
        leases = first
        while leases:
            alone = any(lease.attempts > 1 for lease in leases)
            self._heartbeat.hold(leases)
            if alone:
                self._heartbeat.wait_until_alone(leases)
            yield from self._cut(leases)
            if alone:
                self._heartbeat.wait_until_alone()
            self._heartbeat.wait_until(self._is_room)
            leases = claim()

    def _is_room(self, held: Collection[str]) -> bool:
        self._ahead = {job_id: task for job_id, task in self._ahead.items() if job_id in held}
        return sum(task.left for task in self._ahead.values()) <= MOST_CHUNKS

    def _cut(self, leases: Sequence[Lease]) -> Iterator[Batch]:
        for lease in leases:
            if lease.kind != "ingest":
                self._run_errand(lease)
        documents = [lease for lease in leases if lease.kind == "ingest"]
        if not documents:
            return
        try:
            details, engine = self._work.details_of(documents), self._engines.active()
            reading = Reading(self._parser, self._originals(details))
        except FootnoteError as error:
            self._ledger.failed(documents, error)
            return
        tasks: dict[Key, Task] = {}
        chars = 0
        documents.sort(key=lambda lease: reading.left(lease.job_id))
        with ThreadPoolExecutor(1, thread_name_prefix="cut") as pool:
            for lease in documents:
                cutting = pool.submit(self._task, lease, details.get(lease.job_id), engine, reading)
                if chars > BATCH_CHARS or (tasks and wait([cutting], timeout=LONG_SECONDS).not_done):
                    yield from self._handed_on(engine, tasks)
                    tasks, chars = {}, 0
                task = cutting.result()
                if task is not None:
                    tasks[task.key] = task
                    chars += len(task.cut.parsed.text)
        yield from self._handed_on(engine, tasks)

    def _handed_on(self, engine: Engine, tasks: dict[Key, Task]) -> Iterator[Batch]:
        held = self._ledger.entered("embed", tasks, totals=True)
        self._ahead |= {task.lease.job_id: task for task in held.values()}
        if held:
            yield Batch(engine, held)

    def _run_errand(self, lease: Lease) -> None:
        try:
            self._heartbeat.check(lease)
            self._errands.carry_out(lease)
        except Exception as error:
            self._ledger.failed([lease], error)
        else:
            self._ledger.finished(lease)

    def _task(self, lease: Lease, details: WorkDetails | None, engine: Engine, reading: Reading) -> Task | None:
        try:
            self._heartbeat.check(lease)
            if details is None:
                raise LeaseLostError("The document was deleted.")
            read_ms = reading.share_ms(lease.job_id)
            done = cut(
                _target(lease, details),
                read=lambda: self._read(lease, details, reading),
                chunk_tokens=engine.chunk_tokens,
                count_tokens=engine.embedder.count_tokens,
            )
        except Exception as error:
            self._ledger.failed([lease], error)
            return None
        task = Task(lease, details, done, dict(done.stages_ms))
        task.took("parse", read_ms)
        return task

    def _read(self, lease: Lease, details: WorkDetails, reading: Reading) -> ParsedDocument:
        text = self._stored(details) or reading.parsed(lease.job_id, self._original(details), details.file_name)
        if len(text.text) > LONG_TEXT:
            self._queue.enter([lease], "chunk")
        return text

    def _stored(self, details: WorkDetails) -> ParsedDocument | None:
        """The text of a version that is made again: what stored answers cite of it stays where it is, however the
        parser has changed since."""
        if details.parsed_sha256 is None or details.media_type is None:
            return None
        stored = kept_text(self._blobs, details.parsed_sha256, title=None, media_type=details.media_type)
        if stored is None:
            _log.warning("parsed_again", original=details.sha256, missing=details.parsed_sha256)
        return stored

    def _originals(self, details: Mapping[str, WorkDetails]) -> dict[str, tuple[Path, str]]:
        """Path and file name by job, of those that are there and whose text is not."""
        found = {}
        for job_id, one in details.items():
            if one.parsed_sha256 is not None:
                continue
            with suppress(NotFoundError):
                found[job_id] = self._blobs.path(one.sha256), one.file_name
        return found

    def _original(self, details: WorkDetails) -> Path:
        try:
            return self._blobs.path(details.sha256)
        except NotFoundError as error:
            raise DocumentError(
                "The original is missing from the blob store: send it again.", code="corrupt"
            ) from error


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
