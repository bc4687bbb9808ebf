"""Sends those files to a server that it does not hold as they are.

Knows nothing of terminals. What the server holds is asked for once; a file is sent only where its bytes differ, and
where only its grants differ these are changed alone. Small files go together; where the server is too old for that, or
refuses such a request as a whole, they go one by one, and so each has its own reason.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import TypeVar

from ingest.client import Client
from ingest.commands.grouping import groups
from ingest.commands.local_files import LocalFile
from ingest.problems import BehindProxyError, ProblemError, ServerUnreachableError
from ingest.resources import Document, Registered
from ingest.uploads import Upload
from retrieval.errors import FootnoteError, InvalidInputError, UnauthenticatedError

THREADS = 4
# Not found, or not for POST: what a server answers that knows no batches.
OLD_SERVER = frozenset({404, 405})
FAILED_STATES = frozenset({"failed", "quarantined", "deleted"})
KNOWN_STATES = frozenset({"queued", "running", "ready", "failed", "quarantined"})
FINISHED_STATES = FAILED_STATES | {"ready"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of one file. `id` is None where the server never took it; `sent` where its bytes were sent."""

    external_id: str
    id: str | None
    version: int | None
    state: str
    reason: str | None = None
    sent: bool = False

    @property
    def is_failure(self) -> bool:
        return self.state in FAILED_STATES


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller says of every file; None leaves what was said before."""

    supersedes: Sequence[str] | None = None
    effective_from: datetime | None = None
    effective_until: datetime | None = None


NOTHING_SAID = Said()


class _StoppedError(Exception):
    """Raised inside an upload that is no longer wanted."""


class Sender:
    """Sends files into one data source. `grants` None leaves the server's; `known` maps external ids to documents."""

    def __init__(
        self,
        client: Client,
        data_source: str,
        grants: Sequence[str] | None,
        known: Mapping[str, Document],
        *,
        said: Said = NOTHING_SAID,
    ) -> None:
        self._said = said
        self._client = client
        self._data_source = data_source
        self._grants = grants
        self._known = known
        self._stopped = Event()
        self._one_by_one = Event()

    def send(self, files: Sequence[LocalFile]) -> Generator[Outcome, None, None]:
        """One outcome a file, as they come. Closing the generator ends the uploads under way.

        Raises ServerUnreachableError and UnauthenticatedError, after which no other file would fare better; any other
        fault is the outcome of its file.
        """
        with ThreadPoolExecutor(THREADS, thread_name_prefix="ingest") as pool:
            futures = [pool.submit(self._send_group, group) for group in groups(files)]
            try:
                for future in as_completed(futures):
                    yield from future.result()
            finally:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)

    def _send_group(self, files: Sequence[LocalFile]) -> list[Outcome]:
        done = {file.external_id: self._guarded(file, self._as_held) for file in files}
        left = [file for file in files if done[file.external_id] is None]
        return [outcome for outcome in done.values() if outcome is not None] + self._send_all(left)

    def _send_all(self, files: Sequence[LocalFile]) -> list[Outcome]:
        together = self._send_together(files) if len(files) > 1 else None
        return together if together is not None else [self._guarded(file, self._send_one) for file in files]

    def _send_together(self, files: Sequence[LocalFile]) -> list[Outcome] | None:
        """One request for all of them; None where they have to be sent one by one."""
        self._check_wanted()
        if self._one_by_one.is_set():
            return None
        try:
            answers = self._client.upload_many([self._upload(file) for file in files])
        except UnauthenticatedError:
            raise
        except ProblemError as problem:
            if problem.status in OLD_SERVER:
                self._one_by_one.set()
            return None
        except (OSError, InvalidInputError, ServerUnreachableError):
            return None
        return [_answered(file, answer) for file, answer in zip(files, answers, strict=True)]

    def _guarded(self, file: LocalFile, call: Callable[[LocalFile], T]) -> T | Outcome:
        """What `call` makes of a file; its fault is the file's outcome, but for those that end the run."""
        try:
            return call(file)
        except UnauthenticatedError:
            raise
        except (OSError, ProblemError, InvalidInputError) as error:
            if isinstance(error, BehindProxyError) and not self._client.is_alive():
                raise
            return _refused(file, error)
        except ServerUnreachableError:
            # A server that will not have a file may hang up before it has read it all, and its reason is lost.
            if not self._client.is_alive():
                raise
            reason = "The server closed the connection while it received the file. Is it too large?"
            return Outcome(file.external_id, None, None, "failed", reason)

    def _as_held(self, file: LocalFile) -> Outcome | None:
        """What has become of a file that the server holds; None where it is to be sent."""
        if self._said != NOTHING_SAID:
            return None  # only the server knows whether it is news
        document = self._known.get(file.external_id)
        if document is None or not _holds(document, file):
            return None
        if self._grants is None or _same_grants(document, self._grants):
            return _outcome_of(document)
        return _outcome_of(self._client.set_grants(document.id, self._grants)) if document.grants is not None else None

    def _send_one(self, file: LocalFile) -> Outcome:
        registered = self._client.upload(
            file.path,
            data_source=self._data_source,
            external_id=file.external_id,
            grants=self._grants,
            modified_at=file.modified_at(),
            effective_from=self._said.effective_from,
            effective_until=self._said.effective_until,
            supersedes=self._said.supersedes,
            on_block=self._check_wanted,
        )
        return _answered(file, registered)

    def _upload(self, file: LocalFile) -> Upload:
        return Upload(
            path=file.path,
            data_source=self._data_source,
            external_id=file.external_id,
            grants=self._grants,
            modified_at=file.modified_at(),
            effective_from=self._said.effective_from,
            effective_until=self._said.effective_until,
            supersedes=self._said.supersedes,
        )

    def _check_wanted(self, _size: int = 0) -> None:
        if self._stopped.is_set():
            raise _StoppedError


def _answered(file: LocalFile, answer: Registered | ProblemError | OSError) -> Outcome:
    if isinstance(answer, Exception):
        return _refused(file, answer)
    return Outcome(file.external_id, answer.id, answer.version, answer.state, sent=answer.changed)


def _holds(document: Document, file: LocalFile) -> bool:
    """Whether the newest original on the server has the file's bytes. The size is compared first: it costs nothing."""
    if document.state not in KNOWN_STATES:
        return False
    if document.newest_sha256 is not None:
        return document.newest_sha256 == file.sha256()
    return document.sha256 is not None and document.size in {None, file.size()} and document.sha256 == file.sha256()


def _same_grants(document: Document, grants: Sequence[str]) -> bool:
    return document.grants is not None and set(document.grants) == set(grants)


def _outcome_of(document: Document) -> Outcome:
    return Outcome(document.external_id, document.id, document.version, document.state, document.reason)


def _refused(file: LocalFile, error: FootnoteError | OSError) -> Outcome:
    reason = f"The file cannot be read: {error.strerror}." if isinstance(error, OSError) else error.message
    return Outcome(file.external_id, None, None, "failed", reason)
