"""The reindexer over a registry on both databases, blobs on disk and Qdrant's engine in memory.

What it does with models that answer better or worse, with texts that are gone, and with an index that loses things.
"""

import warnings
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from ingest.parsing import ParsedDocument
from retrieval.dense import Vectors
from retrieval.embedding import Embedder
from retrieval.errors import IndexUnavailableError, InvalidInputError
from retrieval.evaluation import Question
from retrieval.index import ChunkIndex
from retrieval.retriever import Retriever
from retrieval.types import EVERYONE, Chunk, IndexedChunk, Principal
from services.blobs.directory import DirectoryStore
from services.db.activation import Activation, Swap
from services.db.database import Database
from services.db.documents import Documents
from services.db.generations import Generations
from services.db.jobs import JobQueue
from services.db.registry import SqlRegistry
from services.engine import Engines
from services.parsed_text import stored_form
from services.reindexing.reindexer import Outcome, Reindexer, Told
from services.reindexing.texts import Texts
from tests.in_memory import WordModel
from tests.integration.test_registry import ANN, handbook, someone

DOCUMENTS = 12
READER = Principal("reader", "reader@example.com", frozenset({EVERYONE}))


class Synonyms(WordModel):
    """Knows that what is asked as `ask7` is written as `note7`. The model of words does not."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        return super().encode([text.replace("ask", "note") for text in texts])


class Narrow(WordModel):
    max_tokens = 10


MODELS: dict[str, type[WordModel]] = {"words": WordModel, "synonyms": Synonyms, "narrow": Narrow}


class Flaky(ChunkIndex):
    """Does not answer the next few upserts."""

    outages = 0

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        if Flaky.outages:
            Flaky.outages -= 1
            raise IndexUnavailableError("down")
        super().upsert(chunks)


class Rig:
    """A registry with documents that are ready in generation 1, and a reindexer over it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.blobs = DirectoryStore(folder / "blobs")
        self.client = QdrantClient(":memory:")
        self.said: list[str] = []
        self.parsed: list[str] = []
        self.ids: dict[str, str] = {}
        self.ann = someone(database, ANN)
        self.engines = Engines(
            Generations(database),
            load=lambda name: Embedder(MODELS[name](), model_name=name),
            open_index=lambda number: Flaky(self.client, generation=number),
        )
        self.reindexer = Reindexer(
            database=database,
            engines=self.engines,
            texts=Texts(self.blobs, self._parse),
            owner="me",
            default_model="words",
            told=Told(say=self.said.append, progress=lambda kind, done, total: None),
        )

    def add(self, name: str, text: str) -> str:
        """A document that is ready in the active generation; its id."""
        parsed = self.blobs.put(stored_form(_document(text)))
        original = self.blobs.put(text.encode())
        new = handbook(sha256=original.sha256, external_id=name, title=name, file_name=name, grants=(EVERYONE,))
        change = Documents(self.database).register(new, self.ann)
        lease = JobQueue(self.database).claim(change.row.job.id, "worker")
        assert lease is not None
        swap = Swap(lease, parsed.sha256, "text/plain", None, 1, 1, 0, 0, {})
        Activation(self.database).activate([swap], generation=self.active())
        return change.row.document.id

    def run(self, model: str | None = None, *, questions: Sequence[Question] = (), **options: Any) -> Outcome:
        chosen = {"switch": True, "even_if_worse": False, "chunk_tokens": None} | options
        return self.reindexer.reindex(embedding_model=model, questions=questions, **chosen)

    def active(self) -> int:
        return Generations(self.database).current().generation.number

    def first_hit(self, query: str) -> str | None:
        self.engines.active()  # else a search just after a switch is in the generation before
        hits = Retriever(self.engines.snapshot, SqlRegistry(self.database)).retrieve(query, READER).hits
        return hits[0].document.external_id if hits else None

    def _parse(self, path: Path, file_name: str) -> ParsedDocument:
        self.parsed.append(file_name)
        return _document(path.read_text())


def _document(text: str) -> ParsedDocument:
    return ParsedDocument(text, (), (), None, "text/plain")


@pytest.fixture
def rig(database: Database, tmp_path: Path) -> Iterator[Rig]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect")  # true of this engine, and meant
        made = Rig(database, tmp_path)
        for number in range(DOCUMENTS):
            made.ids[f"n{number}"] = made.add(f"n{number}", f"note{number} is what is written here")
        yield made
        made.client.close()


QUESTIONS = [Question(str(i), f"ask{i}", expected={f"n{i}": 1}) for i in range(DOCUMENTS)]


def test_one_that_answers_worse_is_not_switched_to_unless_that_is_accepted(rig: Rig) -> None:
    better = rig.run("synonyms", questions=QUESTIONS)
    assert better.switched
    assert better.comparison is not None
    assert better.comparison.difference is not None
    assert better.comparison.difference > 0.3
    worse = rig.run("words", questions=QUESTIONS)
    assert (worse.switched, worse.worse, worse.embedded) == (False, True, DOCUMENTS)
    assert rig.active() == better.generation.number
    again = rig.run()  # without questions: what was found out counts
    assert (again.switched, again.worse, again.embedded) == (False, True, 0)
    accepted = rig.run(even_if_worse=True)
    assert (accepted.switched, accepted.embedded) == (True, 0)
    assert rig.first_hit("note3") == "n3"
    back = rig.reindexer.rollback()
    assert (back.switched, back.generation.number) == (True, better.generation.number)
    assert rig.first_hit("ask3") == "n3"


def test_only_one_step_back_is_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.reindexing.reindexer.GRACE", timedelta(seconds=-5))
    for model in ("synonyms", "words", "synonyms"):
        assert rig.run(model).switched
    names = sorted(found.name for found in rig.client.get_collections().collections)
    assert names == ["chunks-4"]


def test_a_text_that_is_gone_is_read_again_from_the_original(rig: Rig) -> None:
    _blob(rig, "note5 is what is written here").unlink()
    assert rig.run("synonyms").switched
    assert rig.parsed == ["n5"]
    assert rig.first_hit("note5") == "n5"


def test_a_document_that_cannot_be_brought_over_stops_the_switch_and_only_that(rig: Rig) -> None:
    _blob(rig, "note5 is what is written here").unlink()
    rig.blobs.path(rig.blobs.put(b"note5 is what is written here").sha256).unlink()
    outcome = rig.run("synonyms")
    assert not outcome.switched
    assert list(outcome.failures) == [rig.ids["n5"]]
    assert "send the file again" in outcome.failures[rig.ids["n5"]]
    assert outcome.documents == DOCUMENTS - 1
    Documents(rig.database).delete(rig.ids["n5"], rig.ann)
    outcome = rig.run()
    assert (outcome.switched, outcome.embedded) == (True, 0)


def test_chunks_that_the_index_lost_are_found_missing_and_written_again(rig: Rig) -> None:
    built = rig.run("synonyms", switch=False)
    rig.engines.collection(built.generation.number).delete(rig.ids["n2"])
    outcome = rig.run()
    assert (outcome.switched, outcome.embedded) == (True, 1)
    assert rig.first_hit("ask2") == "n2"


def test_a_collection_that_was_lost_is_made_again(rig: Rig) -> None:
    built = rig.run("synonyms", switch=False)
    rig.engines.collection(built.generation.number).drop()
    outcome = rig.run()
    assert (outcome.switched, outcome.embedded) == (True, DOCUMENTS)


def test_chunks_that_were_left_in_a_retired_generation_are_cleared_away_by_a_rollback(rig: Rig) -> None:
    first = rig.run("synonyms").generation
    stray = IndexedChunk(
        document_id=rig.ids["n1"],
        version=2,  # as of an ingestion that was overtaken by the switch, and failed then
        chunk=Chunk(0, "note1 of a version that nobody reads", 0, 10),
        embedding=rig.engines.active().embedder.embed_documents(["note1"])[0],
        grants=(EVERYONE,),
        data_source="uploads",
        media_type="text/plain",
        modified_at=None,
    )
    assert rig.run("words").switched
    collection = rig.engines.collection(first.number)
    collection.upsert([stray])
    assert rig.reindexer.rollback().switched
    assert (collection.count(rig.ids["n1"], 1), collection.count(rig.ids["n1"], 2)) == (1, 0)
    assert collection.total() == DOCUMENTS


def test_an_index_that_is_away_for_a_while_is_waited_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.reindexing.patience.time.sleep", lambda seconds: None)
    Flaky.outages = 3
    outcome = rig.run("synonyms")
    assert (outcome.switched, Flaky.outages) == (True, 0)


def test_a_passage_size_that_the_model_cannot_read_is_refused_and_leaves_nothing(rig: Rig) -> None:
    with pytest.raises(InvalidInputError, match="reads 10 tokens at a time: choose --chunk-tokens 7"):
        rig.run("narrow")
    with pytest.raises(InvalidInputError, match="cannot be loaded"):
        rig.run("unknown")
    assert Generations(rig.database).living() == [1]
    assert rig.run("narrow", chunk_tokens=8).switched


def _blob(rig: Rig, text: str) -> Path:
    return rig.blobs.path(rig.blobs.put(stored_form(_document(text))).sha256)
