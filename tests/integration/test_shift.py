"""Documents in batches through the real worker, on both databases: together where it saves, alone where it matters."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ingest.parsing import ParsedDocument
from retrieval.embedding import Embedder
from retrieval.errors import IndexRefusedError
from retrieval.index import ChunkIndex
from retrieval.types import Chunk, Embedding, IndexedChunk, SparseVector
from services.db.documents import Documents
from services.db.generations import Generations
from services.db.jobs import MAX_ATTEMPTS
from services.engine import Engines
from services.worker import cutting, heartbeat
from services.worker.jobs import BATCH_JOBS
from tests.integration.workshop import Workshop, parsed


def sentences(*numbers: int) -> str:
    """A paragraph of about a chunk for each number."""
    return "\n\n".join(" ".join(f"Word{number} {word} is said here." for word in range(30)) for number in numbers)


def test_one_message_is_enough_for_all_that_is_due_and_small_documents_are_embedded_together(shop: Workshop) -> None:
    jobs = [shop.send(f"{number}.txt", f"Document {number} speaks of apples.") for number in range(40)]
    shop.runner().run(jobs[0])
    assert {job.state for job in shop.jobs(*jobs)} == {"ready"}
    assert [shop.held(job) for job in jobs] == [1] * 40
    assert len(shop.model.embedded) == 40
    assert len(shop.model.calls) <= 4  # the first one alone, the others together
    assert shop.rung == []


def test_a_scan_that_takes_long_to_read_holds_up_none_that_came_with_it(shop: Workshop) -> None:
    before, scan, behind = (shop.send(f"{name}.pdf", text) for name, text in (("a", "A"), ("b", "B" * 900), ("c", "C")))
    seen: list[str] = []

    def parse(path: Path, name: str) -> ParsedDocument:
        if name == "b.pdf":
            deadline = time.monotonic() + 30
            while "ready" not in shop.job(behind).state and time.monotonic() < deadline:
                time.sleep(0.05)
            seen.extend(job.state for job in shop.jobs(before, behind))
        return parsed(path, name)

    shop.runner(parse=parse).run(str(uuid4()))
    assert seen == ["ready", "ready"]
    assert shop.job(scan).state == "ready"


def test_a_document_that_fails_fails_alone(shop: Workshop) -> None:
    first, good, corrupt, crash, nan, last = (
        shop.send(f"{name}.txt", f"{name} speaks of pears.")
        for name in ("first", "good", "CORRUPT", "CRASH", "NAN", "last")
    )
    shop.runner().run(first)
    assert [job.state for job in shop.jobs(first, good, last)] == ["ready"] * 3
    assert (shop.job(corrupt).state, shop.job(corrupt).code) == ("failed", "corrupt")
    assert (shop.job(crash).state, shop.job(crash).attempts) == ("queued", 1)
    assert (shop.job(nan).code, shop.job(nan).attempts, shop.held(nan)) == ("embedding_failed", 1, 0)


def test_a_document_without_a_usable_vector_is_given_up_in_the_end(shop: Workshop) -> None:
    job = shop.send("a.txt", "NAN speaks of pears.")
    for _ in range(MAX_ATTEMPTS):
        shop.make_due()
        shop.runner().run(job)
    assert (shop.job(job).state, shop.job(job).code) == ("quarantined", "embedding_failed")


def test_a_model_that_is_down_costs_no_attempts_and_ends_the_shift(shop: Workshop) -> None:
    jobs = [shop.send(f"{number}.txt", f"OUTAGE {number}") for number in range(40)]
    shop.runner().run(jobs[0])
    assert {(job.state, job.attempts) for job in shop.jobs(*jobs)} == {("queued", 0)}
    assert len(shop.model.calls) <= 3


def test_a_document_that_kills_its_worker_drags_the_others_with_it_once(shop: Workshop) -> None:
    jobs = [shop.send(f"{number}.txt", f"Document {number} speaks of plums.") for number in range(5)]
    assert len(shop.queue.claim_more("killed", limit=32, max_bytes=1000)) == 5
    shop.make_due()
    shop.queue.reconcile()
    alone = [shop.queue.claim_more("killed", limit=32, max_bytes=1000) for _ in range(5)]
    assert [[lease.job_id for lease in leases] for leases in alone] == [[job] for job in jobs]


def test_a_job_that_was_tried_before_runs_while_nothing_else_is_in_hand(shop: Workshop) -> None:
    jobs = [shop.send(f"{number}.txt", f"Document {number} speaks of figs.") for number in range(6)]
    tried = jobs[3]
    shop.queue.claim(tried, "killed")
    shop.make_due()
    shop.queue.reconcile()
    running_beside: list[list[str]] = []

    def watched(path: Path, name: str) -> ParsedDocument:
        if name == "3.txt":
            running_beside.append([job for job in jobs if shop.job(job).state == "running"])
        return parsed(path, name)

    shop.runner(parse=watched).run(jobs[0])
    assert running_beside == [[tried]]
    assert {job.state for job in shop.jobs(*jobs)} == {"ready"}


def test_a_job_that_somebody_else_took_is_left_to_them_and_the_others_become_ready(shop: Workshop) -> None:
    jobs = [shop.send(f"{number}.txt", f"Document {number} speaks of limes.") for number in range(3)]

    def overtake(texts: Sequence[str]) -> None:
        if any("Document 1" in text for text in texts):
            with shop.database.write() as session:
                job = session.get_one(type(shop.job(jobs[1])), jobs[1])
                job.fence += 1

    shop.model.before = overtake
    shop.runner().run(jobs[0])
    assert [job.state for job in shop.jobs(*jobs)] == ["ready", "running", "ready"]
    assert shop.document(jobs[1]).active_version is None


def test_what_was_written_of_an_overtaken_version_goes(shop: Workshop) -> None:
    old = shop.send("a.txt", "The old words.")
    newer: list[str] = []

    def replace(texts: Sequence[str]) -> None:
        if not newer:
            newer.append(shop.send("a.txt", "The new words."))
            # As if the worker had been stopped for longer than the clearing-up waits: that has been and gone.
            for job in shop.queued("retire"):
                shop.queue.finish(shop.queue.claim(job.id, "other") or pytest.fail("not due"))

    def replaced_and_due(texts: Sequence[str]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("services.db.jobs.GRACE", None)
            replace(texts)

    shop.model.before = replaced_and_due
    shop.runner().run(old)
    assert shop.job(old).state == "cancelled"
    assert [(job.document_id, job.version) for job in shop.queued("retire")] == [(shop.job(old).document_id, 1)]
    shop.make_due()
    shop.runner().run(newer[0])
    assert (shop.held(old), shop.held(newer[0])) == (0, 1)


def test_a_version_that_is_being_made_is_not_cleared_away(shop: Workshop) -> None:
    job = shop.send("a.txt", "Some words.")
    lease = shop.queue.claim(job, "stopped")
    assert lease is not None
    shop.make_due()
    assert shop.queue.claim(job, "other") is not None
    shop.queue.overtaken(lease)
    assert shop.queued("retire") == []


def test_unchanged_chunks_of_a_changed_document_are_not_embedded_again(shop: Workshop) -> None:
    first = shop.send("a.txt", sentences(*range(12)))
    shop.runner().run(first)
    chunks = shop.held(first)
    before = shop.index.embeddings(list(shop.index.embedded(shop.job(first).document_id, 1).values()))
    shop.model.calls.clear()
    second = shop.send("a.txt", sentences(*range(11), 99))
    shop.runner().run(second)
    done = shop.job(second)
    assert (done.state, shop.held(second)) == ("ready", chunks)
    assert len(shop.model.embedded) == done.chunks_embedded
    assert all("Word99" in text or "Word10" in text for text in shop.model.embedded)
    assert (done.chunks_embedded or 0) + (done.chunks_reused or 0) == chunks
    assert (done.chunks_reused or 0) >= chunks - 3
    after = shop.index.embeddings(list(shop.index.embedded(done.document_id, 2).values()))
    assert len({vector.dense[:3] for vector in before.values()} & {vector.dense[:3] for vector in after.values()}) == (
        done.chunks_reused
    )


def test_the_same_words_under_another_title_are_embedded_again(shop: Workshop) -> None:
    first = shop.send("a.txt", sentences(1, 2))
    shop.runner().run(first)
    second = shop.send("a.txt", sentences(1, 2) + "\n\nMore.", title="Another title")
    shop.runner().run(second)
    assert (shop.job(second).state, shop.job(second).chunks_reused) == ("ready", 0)


def test_a_title_that_the_file_brings_is_shown_and_makes_nothing_be_embedded_again(shop: Workshop) -> None:
    def titled(path: Path, name: str) -> ParsedDocument:
        return replace(parsed(path, name), title="The file's own")

    first = shop.send("a.txt", sentences(*range(6)))
    shop.runner(parse=titled).run(first)
    assert shop.document(first).title == "The file's own"
    second = shop.send("a.txt", sentences(*range(6)) + "\n\nMore.")
    shop.runner(parse=titled).run(second)
    done = shop.job(second)
    assert (done.chunks_reused or 0) >= (done.chunks_total or 0) - 1 > 0


def test_a_long_document_is_checkpointed_and_goes_on_from_there(shop: Workshop) -> None:
    job = shop.send("long.txt", sentences(*range(400)))

    def fall(texts: Sequence[str]) -> None:
        if len(shop.model.calls) == 3:
            raise ZeroDivisionError

    shop.model.before = fall
    shop.runner().run(job)
    done = shop.job(job).chunks_done
    assert done > 0
    shop.model.calls.clear()
    shop.model.before = lambda _: None
    shop.make_due()
    shop.runner().run(job)
    assert shop.job(job).state == "ready"
    assert len(shop.model.embedded) == shop.held(job) - done == shop.job(job).chunks_embedded


def test_the_stage_and_the_number_of_chunks_can_be_watched(shop: Workshop) -> None:
    job = shop.send("a.txt", sentences(*range(10)))
    seen: list[tuple[str | None, int | None]] = []

    def watched(path: Path, name: str) -> ParsedDocument:
        seen.append((shop.job(job).stage, None))
        return parsed(path, name)

    shop.model.before = lambda _: seen.append((shop.job(job).stage, shop.job(job).chunks_total))
    shop.runner(parse=watched).run(job)
    done = shop.job(job)
    assert seen == [("parse", None), ("embed", shop.held(job))]
    assert set(done.stages_ms) == {"parse", "chunk", "embed", "upsert", "activate"}
    assert (done.stage, done.chunks_done, done.chunks_total) == (None, shop.held(job), shop.held(job))


def test_a_worker_that_is_told_to_stop_claims_nothing_more(shop: Workshop) -> None:
    jobs = [shop.send(f"{number}.txt", f"Document {number}.") for number in range(BATCH_JOBS + 20)]
    stopping = threading.Event()
    shop.model.before = lambda _: stopping.set()
    shop.runner(stopping=stopping.is_set).run(jobs[0])
    states = [job.state for job in shop.jobs(*jobs)]
    assert set(states) == {"ready", "queued"}
    assert states.count("ready") <= 1 + BATCH_JOBS
    assert {job.attempts for job in shop.jobs(*jobs) if job.state == "queued"} == {0}


def test_what_takes_too_long_after_that_is_given_back_untried(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "STOP_SECONDS", 0.1)
    job = shop.send("a.txt", "Some words.")
    given_back = threading.Event()

    def slow(path: Path, name: str) -> ParsedDocument:
        assert given_back.wait(20)
        return parsed(path, name)

    def watch() -> None:
        while shop.job(job).state != "queued" or not shop.job(job).fence:
            threading.Event().wait(0.05)
        given_back.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    shop.runner(stopping=lambda: True, parse=slow).run(job)
    watcher.join()
    assert (shop.job(job).state, shop.job(job).attempts, shop.held(job)) == ("queued", 0, 0)
    shop.runner("two").run(job)
    assert shop.job(job).state == "ready"


def test_errands_and_documents_share_a_batch(shop: Workshop) -> None:
    first = shop.send("a.txt", "Some words.")
    shop.runner().run(first)
    Documents(shop.database).set_grants(shop.document(first).id, ("everyone",), shop.owner)
    second = shop.send("b.txt", "Other words.")
    Documents(shop.database).delete(shop.document(first).id, shop.owner)
    shop.runner().run(second)
    assert shop.unfinished("metadata") == shop.unfinished("delete") == []
    assert (shop.held(first), shop.held(second)) == (0, 1)


def test_behind_a_giant_nothing_is_claimed_that_another_worker_could_take(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "MOST_CHUNKS", 20)
    giant = shop.send("giant.txt", sentences(*range(300)))
    behind = [shop.send(f"{number}.txt", f"Document {number}.") for number in range(3)]
    seen: list[tuple[int, set[str]]] = []

    def look(texts: Sequence[str]) -> None:
        seen.append((shop.job(giant).chunks_done, {job.state for job in shop.jobs(*behind)}))

    shop.model.before = look
    shop.runner().run(giant)
    assert {job.state for job in shop.jobs(giant, *behind)} == {"ready"}
    total = shop.held(giant)
    early = [states for done, states in seen if total - done > 3 * 64]
    assert len(early) > 1
    assert all(states == {"queued"} for states in early)


def test_of_two_who_write_grants_the_one_that_writes_last_may_have_read_first(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.runner().run(job := shop.send("a.txt", "Some words."))
    document, documents = shop.document(job).id, Documents(shop.database)
    documents.set_grants(document, ("everyone", "group:early"), shop.owner)
    write, slow = ChunkIndex.set_metadata, threading.Event()

    def overtaken(index: ChunkIndex, *args: Any, **said: Any) -> None:
        if not slow.is_set():
            slow.set()
            documents.set_grants(document, ("everyone", "group:late"), shop.owner)
            shop.runner("another").run(shop.queued("metadata")[0].id)
        write(index, *args, **said)

    monkeypatch.setattr(ChunkIndex, "set_metadata", overtaken)
    shop.runner().run(shop.queued("metadata")[0].id)
    assert shop.unfinished("metadata") == []
    (point,) = [point for page in shop.index.scan([document]) for point in page]
    assert set(point.payload["grants"]) == {"everyone", "group:late"}


def test_what_a_revived_worker_wrote_of_a_version_in_use_gets_todays_grants(shop: Workshop) -> None:
    job = shop.send("a.txt", "Some words.")
    stopped = shop.queue.claim(job, "stopped")
    assert stopped is not None
    shop.make_due()
    shop.runner().run(job)
    shop.queue.overtaken(stopped)
    (again,) = shop.queued("metadata")
    shop.runner().run(again.id)
    assert shop.job(again.id).state == "ready"


def test_a_model_that_cannot_be_loaded_is_an_outage(shop: Workshop) -> None:
    jobs = [shop.send(f"{number}.txt", f"Document {number}.") for number in range(3)]

    def missing(name: str) -> Embedder:
        raise OSError(f"There is no {name} here.")

    working, shop.engines = (
        shop.engines,
        Engines(
            Generations(shop.database),
            load=missing,
            open_index=lambda number: ChunkIndex(shop.client, generation=number),
        ),
    )
    for _ in range(MAX_ATTEMPTS + 1):
        shop.make_due()
        shop.runner().run(jobs[0])
    assert {(job.state, job.attempts, job.code) for job in shop.jobs(*jobs[:1])} == {("queued", 0, "model_not_loaded")}
    shop.engines = working
    shop.make_due()
    shop.runner().run(jobs[0])
    assert {job.state for job in shop.jobs(*jobs)} == {"ready"}


def test_points_that_do_not_fit_are_refused_and_that_is_no_outage(shop: Workshop) -> None:
    job = shop.send("a.txt", "Some words.")
    shop.runner().run(job)
    small = Embedding((1.0, 0.0), SparseVector((), ()))
    wrong = IndexedChunk("d", 1, Chunk(0, "a", 0, 1), small, ("everyone",), "tests", "text/plain", None)
    with pytest.raises(IndexRefusedError):
        shop.index.upsert([wrong])


def test_a_defect_leaves_nothing_in_hand(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [shop.send(f"{number}.txt", f"Document {number}.") for number in range(40)]

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("services.worker.writing.Writing.write", broken)
    with pytest.raises(ZeroDivisionError):
        shop.runner().run(jobs[0])
    assert {job.state for job in shop.jobs(*jobs)} == {"queued"}
    monkeypatch.undo()
    shop.make_due()
    shop.runner().run(jobs[0])
    assert {job.state for job in shop.jobs(*jobs)} == {"ready"}
