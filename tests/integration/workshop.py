"""A worker in the test's own process: real runner, registry, blob store, chunker and index server, a model of words.

Its parser reads plain text and does what the text says: `CORRUPT` fails, `CRASH` raises what nobody expects. `embedded`
keeps every text that the model was given, `NAN` gets no usable vector and `OUTAGE` finds the model down.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
from qdrant_client import QdrantClient
from sqlalchemy import select, update

from ingest.parsing import ParsedDocument
from retrieval.dense import Vectors
from retrieval.embedding import Embedder
from retrieval.errors import DocumentError, UnavailableError
from retrieval.index import ChunkIndex, connect
from retrieval.types import Principal
from services.blobs import BlobStore
from services.blobs.directory import DirectoryStore
from services.db.activation import Activation
from services.db.database import Database, clock
from services.db.documents import Documents
from services.db.generations import Generations
from services.db.jobs import UNFINISHED, JobQueue
from services.db.models import Document, Job
from services.db.work import Work
from services.engine import Engines
from services.worker.jobs import JobRunner
from tests.in_memory import WordModel
from tests.integration.test_registry import handbook


class WatchedModel(WordModel):
    """Keeps what it was given, call by call; `before` is called with the texts first."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.before: Callable[[Sequence[str]], None] = lambda _: None

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        self.before(texts)
        if any("OUTAGE" in text for text in texts):
            raise UnavailableError("The model is down.")
        rows = super().encode(texts)
        rows[[at for at, text in enumerate(texts) if "NAN" in text]] = np.nan
        return rows

    @property
    def embedded(self) -> list[str]:
        return [text for call in self.calls for text in call]


@dataclass
class Workshop:
    database: Database
    blobs: BlobStore
    client: QdrantClient
    owner: Principal
    rung: list[str] = field(default_factory=list)
    model: WatchedModel = field(default_factory=WatchedModel)

    def __post_init__(self) -> None:
        self.queue = JobQueue(self.database)
        self.index = ChunkIndex(self.client, generation=1)
        self.engines = Engines(
            Generations(self.database),
            load=lambda name: Embedder(self.model, model_name=name),
            open_index=lambda number: ChunkIndex(self.client, generation=number),
        )

    def runner(
        self,
        name: str = "one",
        *,
        stopping: Callable[[], bool] = lambda: False,
        parse: Callable[[Path, str], ParsedDocument] | None = None,
    ) -> JobRunner:
        return JobRunner(
            queue=self.queue,
            activation=Activation(self.database),
            work=Work(self.database),
            blobs=self.blobs,
            parser=FunctionParser(parse or parsed),
            engines=self.engines,
            ring=self.rung.extend,
            name=name,
            stopping=stopping,
        )

    def send(self, name: str, text: str, *, title: str | None = None) -> str:
        """Register a document, or a new version of it. Returns its job's id."""
        blob = self.blobs.put(text.encode())
        new = handbook(blob.sha256, size=blob.size, file_name=name, external_id=name, title=title)
        return Documents(self.database).register(new, self.owner).row.job.id

    def job(self, job_id: str) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, job_id)

    def jobs(self, *job_ids: str) -> list[Job]:
        return [self.job(job_id) for job_id in job_ids]

    def document(self, job_id: str) -> Document:
        with self.database.read() as session:
            return session.get_one(Document, session.get_one(Job, job_id).document_id)

    def queued(self, kind: str) -> list[Job]:
        return [job for job in self.unfinished(kind) if job.state == "queued"]

    def unfinished(self, kind: str) -> list[Job]:
        with self.database.read() as session:
            return list(session.scalars(select(Job).where(Job.kind == kind, Job.state.in_(UNFINISHED))))

    def make_due(self) -> None:
        """Let every wait be over, and every lease that is held run out."""
        with self.database.write() as session:
            past = clock(session) - timedelta(seconds=1)
            session.execute(update(Job).where(Job.state == "queued").values(next_attempt_at=None))
            session.execute(update(Job).where(Job.state == "running").values(lease_until=past))

    def held(self, job_id: str) -> int:
        """How many chunks of its version the index holds."""
        job = self.job(job_id)
        return self.index.count(job.document_id, job.version or 0)


@dataclass(frozen=True)
class FunctionParser:
    """A parser that is a function."""

    function: Callable[[Path, str], ParsedDocument]

    def parse(self, path: Path, file_name: str) -> ParsedDocument:
        return self.function(path, file_name)

    def parse_prose(self, files: Sequence[tuple[Path, str]]) -> list[ParsedDocument | DocumentError | None]:
        """Each is to be parsed by itself."""
        return [None] * len(files)


def parsed(path: Path, _name: str) -> ParsedDocument:
    text = path.read_text()
    if "CORRUPT" in text:
        raise DocumentError("It is damaged.", code="corrupt")
    if "CRASH" in text:
        raise ZeroDivisionError
    return ParsedDocument(text, (), (), None, "text/plain")


@contextmanager
def workshop(database: Database, folder: Path, index_url: str, owner: Principal) -> Iterator[Workshop]:
    """With an index that is empty before and after."""
    with closing(connect(index_url)) as client:
        made = Workshop(database, DirectoryStore(folder / "blobs"), client, owner)
        yield made
        made.index.drop()
