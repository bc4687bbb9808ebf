"""Generations in the registry, on both databases: one is active, a switch loses nothing, readers keep to one pair."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from retrieval.embedding import Embedder
from retrieval.errors import ConflictError
from retrieval.prefixes import Prefixes
from services.db.activation import Activation, Swap
from services.db.database import Database
from services.db.documents import Documents
from services.db.generation_lease import GenerationBusyError, GenerationChangedError, GenerationLostError
from services.db.generations import CHUNK_TOKENS, Generations
from services.db.jobs import JobQueue, Lease
from services.db.members import Members, Step
from services.db.models import Generation, GenerationMember, Job, Version
from services.db.registration import Change
from services.engine import Engines
from services.reindexing.lease import taken
from services.settings import Settings
from services.wiring.core import Core, model_cache
from tests.in_memory import WordModel
from tests.integration.test_registry import ANN, handbook, make_ready, someone

MODEL = "other"


def swap(lease: Lease, *, chunks: int = 1) -> Swap:
    return Swap(lease, "b" * 64, "text/plain", None, chunks, chunks, 0, 0, {})


def claimed(database: Database, change: Change) -> Lease:
    lease = JobQueue(database).claim(change.row.job.id, "worker")
    assert lease is not None
    return lease


def begin(database: Database, owner: str = "me", *, model: str | None = MODEL, tokens: int | None = None) -> Generation:
    generation = Generations(database).begin(owner, embedding_model=model, chunk_tokens=tokens, default_model="words")
    if generation.state == "preparing":
        Generations(database).proceed(generation.number, owner, "building")
    return generation


def write(database: Database, number: int, *, owner: str = "me", chunks: int = 3) -> None:
    """Pretend that everything that is missing was embedded and written."""
    members = Members(database, number, owner)
    missing = members.missing()
    members.begin([(version.document_id, version.version) for version in missing])
    members.record([Step(m.document_id, m.version, m.metadata_revision, chunks, whole=True) for m in missing])


def states(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Generation.state).order_by(Generation.number)))


def chunks_of(database: Database, change: Change) -> int | None:
    with database.read() as session:
        return session.get_one(Version, (change.row.document.id, 1)).chunks


def test_the_first_generation_is_made_once_and_is_the_active_one(database: Database) -> None:
    generations = Generations(database)
    generations.first(embedding_model="another", chunk_tokens=1, recipe=9)
    current = generations.current()
    assert (current.generation.number, current.generation.embedding_model) == (1, "words")
    assert states(database) == ["active"]


def test_a_switch_needs_every_active_version_and_takes_over_their_counts(database: Database) -> None:
    ann = someone(database, ANN)
    first = Documents(database).register(handbook(), ann)
    make_ready(database, first)
    number = begin(database).number
    assert not Generations(database).switch(number, "me")
    write(database, number)
    second = Documents(database).register(handbook(external_id="late"), ann)
    make_ready(database, second)
    assert not Generations(database).switch(number, "me")
    write(database, number)
    assert Generations(database).switch(number, "me")
    assert states(database) == ["retired", "active"]
    assert (chunks_of(database, first), chunks_of(database, second)) == (3, 3)
    held, documents = Generations(database).holdings()
    assert [(row.documents, row.chunks) for row in held] == [(2, 2), (2, 6)]
    assert documents == 2


def test_a_document_ingested_across_a_switch_is_refused_and_done_again(database: Database) -> None:
    change = Documents(database).register(handbook(), someone(database, ANN))
    lease = claimed(database, change)
    number = begin(database).number
    assert Generations(database).switch(number, "me")
    with pytest.raises(GenerationChangedError) as refused:
        Activation(database).activate([swap(lease)], generation=1)
    JobQueue(database).renew(lease, chunks_done=64)
    JobQueue(database).postpone(lease, refused.value, counts=False)
    with database.read() as session:
        job = session.get_one(Job, lease.job_id)
        # the attempt is not counted, and the checkpoint was of the other generation
        assert (job.state, job.attempts, job.chunks_done) == ("queued", 0, 0)


def test_a_swap_and_a_switch_at_the_same_moment_never_leave_a_document_behind(database: Database) -> None:
    """Whichever transaction comes first: the other one sees it."""
    ann = someone(database, ANN)
    for attempt in range(10):
        change = Documents(database).register(handbook(external_id=f"{attempt}"), ann)
        lease = claimed(database, change)
        active = Generations(database).current().generation.number
        number = begin(database).number
        write(database, number)
        outcome: dict[str, Any] = {}
        together = threading.Barrier(2)

        def activate(lease: Lease = lease, active: int = active, together: threading.Barrier = together) -> None:
            together.wait()
            try:
                Activation(database).activate([swap(lease)], generation=active)
                outcome["activated"] = True  # noqa: B023 - used within this turn
            except GenerationChangedError:
                outcome["activated"] = False  # noqa: B023

        worker = threading.Thread(target=activate)
        worker.start()
        together.wait()
        outcome["switched"] = Generations(database).switch(number, "me")
        worker.join()
        assert outcome["activated"] != outcome["switched"]
        if not outcome["switched"]:
            write(database, number)
            assert Generations(database).switch(number, "me")
        else:
            Activation(database).activate([swap(lease)], generation=number)


def test_what_was_overtaken_while_it_was_built_is_retired_after_the_switch(database: Database) -> None:
    ann = someone(database, ANN)
    first = Documents(database).register(handbook(), ann)
    make_ready(database, first)
    number = begin(database).number
    write(database, number)
    make_ready(database, Documents(database).register(handbook(sha256="c" * 64), ann))
    write(database, number)
    with database.read() as session:
        before = session.scalar(select(func.count()).where(Job.kind == "retire")) or 0
    assert Generations(database).switch(number, "me")
    with database.read() as session:
        retiring = session.scalars(select(Job).where(Job.kind == "retire").order_by(Job.created_at)).all()
    assert len(retiring) == before + 1
    assert retiring[-1].version == 1


def test_grants_that_changed_while_a_document_was_embedded_are_asked_for_again(database: Database) -> None:
    ann = someone(database, ANN)
    change = Documents(database).register(handbook(), ann)
    make_ready(database, change)
    number = begin(database).number
    members = Members(database, number, "me")
    (missing,) = members.missing()
    members.begin([(missing.document_id, missing.version)])
    Documents(database).set_grants(missing.document_id, ("group:hr",), ann)
    step = Step(missing.document_id, missing.version, missing.metadata_revision, 2, whole=True)
    assert members.record([step]) == [step]
    assert members.counts() == (0, 1)
    now = members.metadata(missing.document_id)
    assert now.grants == ("group:hr",)
    assert members.record([Step(missing.document_id, 1, now.revision, 2, whole=True)]) == []
    assert members.counts() == (1, 1)


def test_a_deleted_document_is_stale_and_not_missing(database: Database) -> None:
    ann = someone(database, ANN)
    change = Documents(database).register(handbook(), ann)
    make_ready(database, change)
    number = begin(database).number
    write(database, number)
    Documents(database).delete(change.row.document.id, ann)
    members = Members(database, number, "me")
    assert members.missing() == []
    assert members.stale() == [(change.row.document.id, 1)]
    members.forget(change.row.document.id, 1)
    assert members.stale() == []


def test_a_rollback_knows_what_the_old_generation_holds_and_misses_what_came_since(database: Database) -> None:
    ann = someone(database, ANN)
    old = Documents(database).register(handbook(), ann)
    make_ready(database, old)
    number = begin(database).number
    write(database, number)
    assert Generations(database).switch(number, "me")
    new = Documents(database).register(handbook(external_id="new"), ann)
    Activation(database).activate([swap(claimed(database, new), chunks=5)], generation=number)
    back = Generations(database).begin_rollback("me")
    assert back.number == 1
    assert [version.document_id for version in Members(database, 1, "me").missing()] == [new.row.document.id]
    assert not Generations(database).switch(1, "me")
    write(database, 1)
    assert Generations(database).switch(1, "me")
    assert states(database) == ["active", "retired"]
    assert chunks_of(database, old) == 1
    assert [version.document_id for version in Members(database, number, "me").missing()] == []


def test_a_version_whose_text_was_read_anew_is_written_anew_into_other_generations(database: Database) -> None:
    change = Documents(database).register(handbook(), someone(database, ANN))
    make_ready(database, change)
    number = begin(database).number
    write(database, number)
    with database.write() as session:  # as a repair does
        again = session.get_one(Job, change.row.job.id)
        again.state = "queued"
    Activation(database).activate([swap(claimed(database, change))], generation=1)
    assert len(Members(database, number, "me").missing()) == 1
    assert not Generations(database).switch(number, "me")


def test_one_process_at_a_time_works_on_generations_and_a_dead_ones_lease_runs_out(database: Database) -> None:
    generation = begin(database)
    with pytest.raises(GenerationBusyError):
        begin(database, "you")
    with database.write() as session:
        session.get_one(Generation, generation.number).lease_until = Generations(database).clock() - timedelta(
            seconds=1
        )
    assert begin(database, "you").number == generation.number
    with pytest.raises(GenerationLostError):
        Generations(database).renew(generation.number, "me")
    with pytest.raises(GenerationLostError):
        Members(database, generation.number, "me").begin([("d", 1)])
    with pytest.raises(GenerationLostError):
        Generations(database).switch(generation.number, "me")


def test_the_lease_of_a_killed_process_is_waited_for_and_that_of_a_living_one_is_not(database: Database) -> None:
    said: list[str] = []
    generation = begin(database, "dead")
    with database.write() as session:
        session.get_one(Generation, generation.number).lease_until = Generations(database).clock() + timedelta(
            seconds=5
        )
    assert taken(lambda: begin(database, "me"), said.append).number == generation.number
    assert len(said) == 1
    beats = 0

    def beside_a_living_one() -> Generation:
        nonlocal beats
        if beats == 1:
            Generations(database).renew(generation.number, "me")
        beats += 1
        return begin(database, "you")

    with pytest.raises(GenerationBusyError, match="Another reindex is at work"):
        taken(beside_a_living_one, said.append)
    assert beats == 2


def test_an_unfinished_generation_is_gone_on_with_and_other_options_are_refused(database: Database) -> None:
    generation = begin(database, tokens=80)
    assert begin(database, model=None).number == generation.number
    for model, tokens in (("third", None), (MODEL, 81)):
        with pytest.raises(ConflictError, match="unfinished"):
            begin(database, model=model, tokens=tokens)


def test_prefixes_that_were_said_since_are_refused_by_an_unfinished_generation(database: Database) -> None:
    generations, number = Generations(database), begin(database).number
    options: dict[str, Any] = {"embedding_model": None, "chunk_tokens": None, "default_model": "words"}
    said = Prefixes("query: ", "passage: ")
    assert generations.begin("me", **options, said=said).number == number  # nothing was embedded yet
    generations.settle(number, Prefixes("ask: "), reads=256)
    assert generations.begin("me", **options).number == number
    with pytest.raises(ConflictError, match="'ask: ' before queries"):
        generations.begin("me", **options, said=said)


def test_an_abort_takes_the_lease_and_its_number_is_never_used_again(database: Database) -> None:
    make_ready(database, Documents(database).register(handbook(), someone(database, ANN)))
    first = begin(database)
    write(database, first.number)
    assert Generations(database).abort() == [first.number]
    with pytest.raises(GenerationLostError):
        Generations(database).renew(first.number, "me")
    Generations(database).dropped(first.number)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(GenerationMember)) == 0
    assert begin(database).number == first.number + 1
    assert Generations(database).living() == [1, first.number + 1]


def test_a_setting_that_differs_from_the_generation_in_use_is_said_and_changes_nothing(tmp_path: Path) -> None:
    first = Core(Settings(data_dir=tmp_path, embedding_model="first"))
    first.migrate()
    first.close()
    second = Core(Settings(data_dir=tmp_path, embedding_model="second"))
    with capture_logs() as logs:
        second.migrate()
    said = [entry for entry in logs if entry["event"] == "embedding_model_differs"]
    assert [(entry["in_use"], entry["settings"]) for entry in said] == [("first", "second")]
    assert Generations(second.database).current().generation.embedding_model == "first"
    second.close()


def test_models_of_the_same_last_name_are_kept_apart(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    places = {model_cache(settings, name) for name in ("one/small", "other/small", "/srv/small")}
    assert len(places) == 3


class Rig:
    """Engines over the registry with models of words; loading one waits until it is let through."""

    def __init__(self, database: Database) -> None:
        self.loaded: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.engines = Engines(Generations(database), load=self._load, open_index=Collection)  # type: ignore[arg-type]

    def _load(self, name: str) -> Embedder:
        assert self.gate.wait(10)
        self.loaded.append(name)
        return Embedder(WordModel(), model_name=name)


class Collection:
    """Stands for a generation's collection: only its number counts here."""

    def __init__(self, generation: int) -> None:
        self.generation = generation

    def prepare(self, dimension: int) -> None:
        assert dimension == WordModel.dimension


def pair(rig: Rig) -> tuple[str, int, datetime]:
    now = rig.engines.snapshot()
    return now.embedder.model_name, now.index.generation, now.at


def test_a_reader_stays_with_the_old_pair_as_of_the_switch_until_the_new_model_is_loaded(database: Database) -> None:
    rig = Rig(database)
    assert pair(rig)[:2] == ("words", 1)
    rig.gate.clear()
    number = begin(database).number
    assert Generations(database).switch(number, "me")
    switched_at = Generations(database).retired_at(1)
    for _ in range(3):
        assert pair(rig) == ("words", 1, switched_at)
    rig.gate.set()
    eventually(lambda: pair(rig)[:2] == (MODEL, number))
    assert pair(rig)[2] > switched_at  # type: ignore[operator]
    assert rig.loaded == ["words", MODEL]


def test_another_chunk_size_of_the_same_model_loads_nothing(database: Database) -> None:
    rig = Rig(database)
    rig.engines.active()
    number = begin(database, model="words", tokens=CHUNK_TOKENS // 2).number
    assert Generations(database).switch(number, "me")
    engine = rig.engines.active()
    assert (engine.generation, engine.chunk_tokens, rig.loaded) == (number, CHUNK_TOKENS // 2, ["words"])


def test_metadata_goes_to_every_generation_and_retirement_not_to_retired_ones(database: Database) -> None:
    rig = Rig(database)
    assert Generations(database).switch(begin(database).number, "me")
    begin(database, model="third")
    numbers: Iterator[int] = (index.generation for index in rig.engines.living())
    assert sorted(numbers) == [1, 2, 3]
    numbers = (index.generation for index in rig.engines.living(retired=False))
    assert sorted(numbers) == [2, 3]


def eventually(true: Callable[[], bool]) -> None:
    deadline = threading.Event()
    for _ in range(200):
        if true():
            return
        deadline.wait(0.05)
    raise AssertionError("not within 10 s")
