"""Sends those files to a server that it does not hold as they are.

Knows nothing of terminals. What the server holds is asked for once; a file is sent only where its bytes differ, and
where only its grants differ these are changed alone.
"""

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event

from ingest.client import Client
from ingest.commands.local_files import LocalFile
from ingest.problems import ProblemError, ServerUnreachableError
from ingest.resources import Document
from retrieval.errors import InvalidInputError, UnauthenticatedError

THREADS = 4
FAILED_STATES = frozenset({"failed", "quarantined", "deleted"})
KNOWN_STATES = frozenset({"queued", "running", "ready", "failed", "quarantined"})
FINISHED_STATES = FAILED_STATES | {"ready"}


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


class _StoppedError(Exception):
    """Raised inside an upload that is no longer wanted."""


class Sender:
    """Sends files into one data source. `grants` None leaves the server's; `known` maps external ids to documents."""

    def __init__(
        self, client: Client, data_source: str, grants: Sequence[str] | None, known: Mapping[str, Document]
    ) -> None:
        self._client = client
        self._data_source = data_source
        self._grants = grants
        self._known = known
        self._stopped = Event()

    def send(self, files: Sequence[LocalFile]) -> Generator[Outcome, None, None]:
        """One outcome a file, as they come. Closing the generator ends the uploads under way.

        Raises ServerUnreachableError and UnauthenticatedError, after which no other file would fare better; any other
        fault is the outcome of its file.
        """
        with ThreadPoolExecutor(THREADS, thread_name_prefix="ingest") as pool:
            futures = [pool.submit(self._send_one, file) for file in files]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)

    def _send_one(self, file: LocalFile) -> Outcome:
        try:
            document = self._known.get(file.external_id)
            if document is not None and _holds(document, file):
                if self._grants is None or _same_grants(document, self._grants):
                    return _outcome_of(document)
                if document.grants is not None:
                    return _outcome_of(self._client.set_grants(document.id, self._grants))
            return self._upload(file)
        except OSError as error:
            return _refused(file, f"The file cannot be read: {error.strerror}.")
        except UnauthenticatedError:
            raise
        except (ProblemError, InvalidInputError) as error:
            return _refused(file, error.message)
        except ServerUnreachableError:
            # A server that will not have a file may hang up before it has read it all, and its reason is lost.
            if not self._client.is_alive():
                raise
            return _refused(file, "The server closed the connection while it received the file. Is it too large?")

    def _upload(self, file: LocalFile) -> Outcome:
        registered = self._client.upload(
            file.path,
            data_source=self._data_source,
            external_id=file.external_id,
            grants=self._grants,
            modified_at=file.modified_at(),
            on_block=self._check_wanted,
        )
        return Outcome(file.external_id, registered.id, registered.version, registered.state, sent=registered.changed)

    def _check_wanted(self, _size: int) -> None:
        if self._stopped.is_set():
            raise _StoppedError


def _holds(document: Document, file: LocalFile) -> bool:
    """Whether the server's original has the file's bytes. The size is compared first: it costs nothing."""
    if document.state not in KNOWN_STATES or document.sha256 is None or document.size not in {None, file.size()}:
        return False
    return document.sha256 == file.sha256()


def _same_grants(document: Document, grants: Sequence[str]) -> bool:
    return document.grants is not None and set(document.grants) == set(grants)


def _outcome_of(document: Document) -> Outcome:
    return Outcome(document.external_id, document.id, document.version, document.state, document.reason)


def _refused(file: LocalFile, reason: str) -> Outcome:
    return Outcome(file.external_id, None, None, "failed", reason)
