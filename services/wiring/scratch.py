"""An assistant of its own in a scratch folder, without processes but its index: what `footnote eval` measures.

The same code path as production: registry, blob store, job runner, parse sandbox, embedded index server over HTTP,
retriever and answerer. Nothing of it touches the real data.
"""

import json
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from ingest.connectors.names import shown_id
from ingest.sandbox import ParseLimits, ParseSandbox
from retrieval.answering import Answerer
from retrieval.errors import DocumentError, UnavailableError
from retrieval.retriever import Retriever
from retrieval.types import EVERYONE, Principal
from services.db.accounts import SCOPES, Accounts
from services.db.activation import Activation
from services.db.documents import Documents
from services.db.registration import Registration
from services.db.registry import SqlRegistry
from services.db.work import Work
from services.embedded.local_index import local_index
from services.settings import Settings, inherited_environment
from services.wiring.answerer import answerer
from services.wiring.core import Core
from services.wiring.search import engines, reranker
from services.worker.jobs import JobRunner


@dataclass(frozen=True, slots=True)
class ScratchAssistant:
    """Ingests one document after the other and is then asked."""

    retriever: Retriever
    answerer: Answerer
    _core: Core
    _runner: JobRunner
    _owner: Principal

    def ingest(self, data: bytes, file_name: str, said: Mapping[str, object]) -> None:
        """Bring one document in. `said` are fields of Registration. Raises DocumentError where it fails."""
        _check_is_utf8(file_name, said)
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
        values |= dict(said)
        # Where two passages score the same, the order of ids decides: the same one in every run.
        values["document_id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{values['data_source']}/{values['external_id']}"))
        documents = Documents(self._core.database)
        change = documents.register(Registration(**values), self._owner)  # type: ignore[arg-type]
        self._runner.run(change.row.job.id)
        job = documents.get(change.row.document.id, self._owner).job
        if job.state != "ready":
            raise DocumentError(f"{file_name}: {job.reason}", code=job.code)


def _check_is_utf8(file_name: str, said: Mapping[str, object]) -> None:
    """DocumentError where the registry could not hold it: names of files and JSON can have half a surrogate pair."""
    try:
        json.dumps([file_name, dict(said)], ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        message = f"{shown_id(file_name)}: Its name, or what is said of it, is not valid UTF-8."
        raise DocumentError(message, code="not_utf8") from error


def _own(settings: Settings, folder: Path) -> Settings:
    """The settings for a registry and originals in `folder`, whatever holds the installation's own."""
    elsewhere = ("endpoint", "region", "access_key", "secret_key")
    bare = {f"originals_{name}": Settings.model_fields[f"originals_{name}"].default for name in elsewhere}
    database = f"sqlite:///{folder / 'db.sqlite3'}"
    return settings.model_copy(update={**bare, "originals_url": "", "data_dir": folder, "database_url": database})


@contextmanager
def scratch_assistant(settings: Settings) -> Iterator[ScratchAssistant]:
    """Start it, with the settings' models; everything is deleted at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footnote-eval-")))
        url, key = stack.enter_context(local_index(folder / "index", inherited_environment()))
        core = Core(_own(settings, folder).model_copy(update={"index_url": url, "index_api_key": SecretStr(key)}))
        stack.callback(core.close)
        core.migrate()
        generations = engines(core, models=settings)
        sandbox = stack.enter_context(ParseSandbox(ParseLimits()))
        retriever = Retriever(generations.snapshot, SqlRegistry(core.database), reranker=reranker(settings))
        runner = JobRunner(
            queue=core.jobs,
            activation=Activation(core.database),
            work=Work(core.database),
            blobs=core.blobs,
            parser=sandbox,
            engines=generations,
            ring=lambda _: None,
            name="evaluation",
        )
        account = Accounts(core.database).any_admin()
        if account is None:
            raise UnavailableError("The scratch registry has no administrator.")
        owner = Principal(account.user.id, account.user.email, frozenset({EVERYONE}), True, SCOPES)
        yield ScratchAssistant(retriever, answerer(settings, retriever), core, runner, owner)
