"""An assistant of its own in a scratch folder, without processes but its index: what `footnote eval` measures.

The same code path as production: registry, blob store, job runner, parse sandbox, embedded index server over HTTP,
retriever and answerer. Nothing of it touches the real data.
"""

import hashlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ingest.sandbox import ParseLimits, ParseSandbox
from retrieval.answering import Answerer
from retrieval.embedding import Embedder
from retrieval.errors import DocumentError, UnavailableError
from retrieval.retriever import Retriever
from retrieval.types import EVERYONE, Principal
from services.db.accounts import SCOPES, Accounts
from services.db.documents import Documents, Registration
from services.db.registry import SqlRegistry
from services.db.work import Work
from services.settings import Settings, inherited_environment
from services.wiring.answerer import answerer
from services.wiring.core import Core
from services.wiring.search import chunk_index, embedder
from services.worker.jobs import JobRunner

START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ScratchAssistant:
    """Ingests one document after the other and is then asked."""

    retriever: Retriever
    answerer: Answerer
    embedder: Embedder
    _core: Core
    _runner: JobRunner
    _owner: Principal

    def ingest(self, data: bytes, file_name: str, said: Mapping[str, object]) -> None:
        """Bring one document in. `said` are fields of Registration. Raises DocumentError where it fails."""
        blob = self._core.blobs.put(data)
        values: dict[str, object] = {
            "sha256": blob.sha256,
            "size": blob.size,
            "file_name": Path(file_name).name,
            "media_type": "application/octet-stream",
            "data_source": "evaluation",
            "external_id": file_name,
            "grants": (EVERYONE,),
            **dict.fromkeys(("title", "url", "modified_at", "effective_from", "effective_until")),
        }
        documents = Documents(self._core.database)
        change = documents.register(Registration(**(values | dict(said))), self._owner)  # type: ignore[arg-type]
        self._runner.run(change.row.job.id)
        job = documents.get(change.row.document.id, self._owner).job
        if job.state != "ready":
            raise DocumentError(f"{file_name}: {job.reason}", code=job.code)

    def principal(self, grants: tuple[str, ...]) -> Principal:
        """Somebody who holds these grants; without any, what everyone holds."""
        held = frozenset(grants) or frozenset({EVERYONE})
        name = hashlib.sha256(" ".join(sorted(held)).encode()).hexdigest()[:12]
        return Principal(name, f"{name}@evaluation", held)


@contextmanager
def scratch_assistant(settings: Settings) -> Iterator[ScratchAssistant]:
    """Start it, with the settings' models; everything is deleted at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footnote-eval-")))
        url = stack.enter_context(_index_server(folder / "index"))
        own = settings.model_copy(
            update={"data_dir": folder, "database_url": f"sqlite:///{folder / 'db.sqlite3'}", "index_url": url}
        ).model_copy(update={"index_api_key": None})
        core = Core(own)
        stack.callback(core.close)
        core.migrate()
        model = embedder(settings)
        index = chunk_index(own, model.dimension)
        sandbox = stack.enter_context(ParseSandbox(ParseLimits()))
        retriever = Retriever(index, model, SqlRegistry(core.database))
        runner = JobRunner(
            queue=core.jobs,
            work=Work(core.database),
            blobs=core.blobs,
            parse=sandbox.parse,
            embedder=model,
            index=index,
            ring=lambda _: None,
            name="evaluation",
        )
        account = Accounts(core.database).any_admin()
        if account is None:
            raise UnavailableError("The scratch registry has no administrator.")
        owner = Principal(account.user.id, account.user.email, frozenset({EVERYONE}), True, SCOPES)
        yield ScratchAssistant(retriever, answerer(settings, retriever, model), model, core, runner, owner)


@contextmanager
def _index_server(directory: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "services.embedded.index_server", "--data-dir", str(directory)]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        env=inherited_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/readyz", process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise UnavailableError("The index for the evaluation does not start.")
