"""What an index was embedded behind belongs to its generation: queries and later passages follow that, not settings."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.parsing import ParsedDocument
from retrieval.dense import Vectors
from retrieval.embedding import Embedder
from retrieval.index import ChunkIndex
from retrieval.prefixes import NO_PREFIXES, Prefixes
from services.db.database import Database
from services.db.dump import load, snapshot
from services.db.generations import CHUNK_TOKENS, Generations
from services.engine import Engines
from services.reindexing.reindexer import Reindexer, Told
from services.reindexing.report import show_status
from services.reindexing.texts import Texts
from services.settings import Settings
from services.wiring.core import Core
from services.wiring.search import engines as wired
from tests.in_memory import WordModel
from tests.integration.test_generations import Collection
from tests.integration.test_reindexer import DOCUMENTS, MODELS, Rig, rig
from tests.integration.workshop import Workshop

__all__ = ["rig"]  # a fixture
E5 = Prefixes("query: ", "passage: ")
OTHER = Prefixes("ask: ", "say: ")


class WatchedModel(WordModel):
    """Says that it wants `prefixes`, and keeps what it was given."""

    given: list[str] = []  # noqa: RUF012 - of all of them
    prefixes = E5

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.given += texts
        return super().encode(texts)


class Narrow(WatchedModel):
    max_tokens = 65


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> type[WatchedModel]:
    monkeypatch.setattr(WatchedModel, "given", [])
    monkeypatch.setitem(MODELS, "words", WatchedModel)
    return WatchedModel


def engines(database: Database, said: Prefixes = NO_PREFIXES, model: type[WordModel] = WatchedModel) -> Engines:
    """A process's, whose operator says `said`."""

    def load(name: str) -> Embedder:
        return Embedder(model(), model_name=name)

    return Engines(Generations(database), load=load, open_index=Collection, prefixes=said)  # type: ignore[arg-type]


def of_the_release_before(database: Database) -> None:
    """Its generations, brought up to this release; nothing else is there."""
    with snapshot(database) as still:
        rows = list(still.rows("generations"))
    for row in rows:
        del row["query_prefix"], row["document_prefix"]
    load(database, "0008", [("generations", rows)])


def in_use(database: Database) -> Prefixes | None:
    return Generations(database).current().generation.prefixes


@pytest.mark.parametrize(("said", "expected"), [(NO_PREFIXES, E5), (Prefixes("ask: "), Prefixes("ask: ", "passage: "))])
def test_a_new_index_has_what_the_model_says_but_where_the_operator_does(
    database: Database, said: Prefixes, expected: Prefixes
) -> None:
    assert in_use(database) is None
    with capture_logs() as logs:
        assert engines(database, said).active().embedder.prefixes == expected
    assert in_use(database) == expected
    assert "prefixes_differ" not in [entry["event"] for entry in logs]


def test_a_process_with_other_settings_follows_the_generation_and_says_so(database: Database) -> None:
    engines(database, E5).active()
    with capture_logs() as logs:
        assert engines(database, OTHER).active().embedder.prefixes == E5
    (said,) = (entry for entry in logs if entry["event"] == "prefixes_differ")
    assert (said["in_use"], said["settings"], said["next"]) == (
        {"query": "query: ", "document": "passage: "},
        {"query": "ask: ", "document": "say: "},
        "footnote reindex",
    )
    assert in_use(database) == E5


def test_whoever_settles_second_follows_the_first(database: Database) -> None:
    generations = Generations(database)
    assert generations.settle(1, E5, reads=256).prefixes == E5
    assert generations.settle(1, OTHER, reads=64).prefixes == E5
    assert generations.current().generation.chunk_tokens == CHUNK_TOKENS


def test_an_index_of_the_release_before_goes_on_without_prefixes(database: Database) -> None:
    of_the_release_before(database)
    assert in_use(database) == NO_PREFIXES
    with capture_logs() as logs:
        assert engines(database).active().embedder.prefixes == NO_PREFIXES
    assert "prefixes_differ" in [entry["event"] for entry in logs]


def test_the_passages_of_a_new_index_are_no_longer_than_its_model_reads_behind_the_prefix(database: Database) -> None:
    engine = engines(database, model=Narrow).active()
    assert engine.embedder.max_tokens == 64
    assert engine.chunk_tokens == Generations(database).current().generation.chunk_tokens == 50


def test_what_is_ingested_later_goes_behind_the_generations_prefix(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.model, "prefixes", OTHER)  # today's; the generation's are older
    Generations(shop.database).settle(1, E5, reads=256)
    job = shop.send("leave.txt", "Annual leave is 27 days.")
    shop.runner().run(job)
    assert shop.job(job).state == "ready"
    assert [text.partition(" ")[0] for text in shop.model.embedded] == ["passage:"]


def test_a_changed_prefix_is_a_new_generation_and_queries_are_embedded_as_the_one_in_use_wants(
    rig: Rig, watched: type[WatchedModel]
) -> None:
    Generations(rig.database).settle(1, NO_PREFIXES, reads=256)  # as it is in one of the release before
    others = _reindexer(rig, OTHER)
    asked = _query(rig, watched)
    assert asked("note3") == ["note3"]
    watched.given.clear()
    outcome = others.reindex(embedding_model=None, chunk_tokens=None, questions=(), switch=True, even_if_worse=False)
    assert (outcome.switched, outcome.embedded) == (True, DOCUMENTS)
    assert sum(text.startswith("say: ") for text in watched.given) == len(watched.given) == DOCUMENTS
    assert "'ask: ' before queries, 'say: ' before passages" in " ".join(rig.said)
    assert asked("note3") == ["ask: note3"]  # in a process whose own settings say nothing
    assert rig.first_hit("note3") == "n3"
    assert others.rollback().switched
    assert asked("note3") == ["note3"]


def test_the_list_of_generations_says_what_each_was_embedded_behind(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    _reindexer(rig, OTHER).reindex(
        embedding_model="words", chunk_tokens=None, questions=(), switch=False, even_if_worse=False
    )
    show_status(*rig.reindexer.holdings(), as_json=True)
    first, second = json.loads(capsys.readouterr().out)["generations"]
    assert (first["query_prefix"], first["document_prefix"]) == (None, None)  # its model was not loaded yet
    assert (second["query_prefix"], second["document_prefix"]) == ("ask: ", "say: ")
    show_status(*rig.reindexer.holdings(), as_json=False)
    assert "'ask: ' before queries" in " ".join(capsys.readouterr().out.split())


def test_the_settings_reach_a_new_installation(tmp_path: Path, model_cache: Path) -> None:
    core = Core(
        Settings(
            data_dir=model_cache.parent,
            database_url=f"sqlite:///{tmp_path / 'db.sqlite3'}",
            embedding_query_prefix="query: ",
            embedding_document_prefix="passage: ",
        )
    )
    core.migrate()
    generation = Generations(core.database).current().generation
    assert wired(core).of(generation).embedder.prefixes == E5
    assert in_use(core.database) == E5
    core.close()


def _unneeded(path: Path, _file_name: str) -> ParsedDocument:
    raise AssertionError(f"{path} was parsed again.")


def _reindexer(rig: Rig, said: Prefixes) -> Reindexer:
    """One that the operator started with other settings than those of the rig's processes."""
    ours = Engines(
        Generations(rig.database),
        load=lambda name: Embedder(MODELS[name](), model_name=name),
        open_index=lambda number: ChunkIndex(rig.client, generation=number),
        prefixes=said,
    )
    return Reindexer(
        database=rig.database,
        engines=ours,
        texts=Texts(rig.blobs, _unneeded),
        owner="other",
        default_model="words",
        told=Told(say=rig.said.append, progress=lambda kind, done, total: None),
    )


def _query(rig: Rig, watched: type[WatchedModel]) -> Callable[[str], list[str]]:
    """What the rig's own model is given for a query."""

    def ask(query: str) -> list[str]:
        rig.engines.active()
        watched.given.clear()
        rig.first_hit(query)
        return [text for text in watched.given if text.endswith(query)]

    return ask
