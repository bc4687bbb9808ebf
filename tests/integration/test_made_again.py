"""A version that is made again keeps its words, on both databases: its stored text counts, not the parser of today.

And one whose chunks were deleted late, by a worker that stood still meanwhile, is made again by itself.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ingest.parsing import ParsedDocument
from retrieval.embedding import Embedder
from retrieval.errors import DocumentError
from retrieval.index import ChunkIndex
from services.db.documents import Documents
from services.db.generations import Generations
from services.db.jobs import Lease, LeaseLostError
from services.db.models import Job, Version
from services.db.repairs import Repairs
from services.engine import Engines
from services.worker.jobs import JobRunner
from tests.integration.workshop import Workshop, parsed

WORDS = "The keeper of the keys is Tobias."


def changed(path: Path, name: str) -> ParsedDocument:
    """The parser of a later release: it puts a line before the text, so every offset moves, and finds a title."""
    now = parsed(path, name)
    return replace(now, text=f"Read anew.\n\n{now.text}", title="Found today")


def version(shop: Workshop, document_id: str, number: int = 1) -> Version:
    with shop.database.read() as session:
        return session.get_one(Version, (document_id, number))


def passages(shop: Workshop, document_id: str) -> list[tuple[int, str]]:
    points = [point for page in shop.index.scan([document_id]) for point in page]
    return [(point.payload["start"], point.payload["text"]) for point in points]


def lose_chunks_and_repair(shop: Workshop, document_id: str) -> str:
    """Delete all chunks of version 1; what a repair queues, run by a worker with the later parser."""
    shop.index.delete(document_id, 1)
    job = Repairs(shop.database).ingest_again(document_id, 1)
    assert job is not None
    shop.runner(parse=changed).run(job)
    return job


def test_a_repair_takes_the_stored_text_and_not_what_the_parser_says_today(shop: Workshop) -> None:
    first = shop.send("keys.txt", WORDS)
    shop.runner().run(first)
    document = shop.document(first)
    stored = version(shop, document.id).parsed_sha256
    job = lose_chunks_and_repair(shop, document.id)
    assert shop.job(job).state == "ready"
    assert passages(shop, document.id) == [(0, WORDS)]
    assert version(shop, document.id).parsed_sha256 == stored
    assert shop.document(first).title == document.title


def test_with_its_text_a_version_is_made_again_though_its_original_is_lost(shop: Workshop) -> None:
    first = shop.send("keys.txt", WORDS)
    shop.runner().run(first)
    document = shop.document(first)
    shop.blobs.path(version(shop, document.id).sha256).unlink()
    job = lose_chunks_and_repair(shop, document.id)
    assert shop.job(job).state == "ready"
    assert passages(shop, document.id) == [(0, WORDS)]


@pytest.mark.parametrize("damage", [None, b"", b'{"text": "Other words.", "pages": [], "headings": []}'])
def test_a_text_that_is_missing_or_damaged_is_parsed_again(shop: Workshop, damage: bytes | None) -> None:
    first = shop.send("keys.txt", WORDS)
    shop.runner().run(first)
    document = shop.document(first)
    place = shop.blobs.path(version(shop, document.id).parsed_sha256 or "")
    place.unlink() if damage is None else place.write_bytes(damage)
    job = lose_chunks_and_repair(shop, document.id)
    assert shop.job(job).state == "ready"
    assert passages(shop, document.id) == [(0, f"Read anew.\n\n{WORDS}")]
    again = version(shop, document.id).parsed_sha256
    assert again is not None
    assert "Read anew." in shop.blobs.read(again).decode()


def test_a_new_version_is_parsed(shop: Workshop) -> None:
    shop.runner().run(shop.send("keys.txt", WORDS))
    second = shop.send("keys.txt", f"{WORDS} Until May.")
    shop.runner(parse=changed).run(second)
    assert (0, f"Read anew.\n\n{WORDS} Until May.") in passages(shop, shop.document(second).id)


class LateIndex(ChunkIndex):
    """Its worker stands still just before it deletes a version: `meanwhile` happens, once, and then it goes on."""

    meanwhile: Callable[[], None]

    def delete(self, document_id: str, version: int | None = None) -> None:
        if version is not None:
            self.meanwhile()
        super().delete(document_id, version)


def late_runner(shop: Workshop, meanwhile: Callable[[], None]) -> JobRunner:
    """A worker that looked whether a version may be deleted, was stopped then, and went on after `meanwhile`."""
    left = [meanwhile]

    def open_index(number: int) -> ChunkIndex:
        index = LateIndex(shop.client, generation=number)
        index.meanwhile = lambda: left.pop()() if left else None
        return index

    def load(name: str) -> Embedder:
        return Embedder(shop.model, model_name=name)

    shop.engines, kept = Engines(Generations(shop.database), load=load, open_index=open_index), shop.engines
    try:
        return shop.runner("late")
    finally:
        shop.engines = kept


def given_up_and_to_be_retired(shop: Workshop) -> tuple[str, str]:
    """A version 2 that failed, and the job that clears away what a stopped worker may have written of it."""
    shop.runner().run(shop.send("keys.txt", WORDS))
    second = shop.send("keys.txt", f"{WORDS} Until May.")
    stopped = shop.queue.claim(second, "stopped")
    shop.make_due()
    other = shop.queue.claim(second, "other")
    assert stopped is not None
    assert other is not None
    shop.queue.fail(other, DocumentError("It cannot be read today.", code="parser_crashed"))
    shop.queue.overtaken(stopped)
    shop.make_due()
    (retire,) = shop.queued("retire")
    return second, retire.id


def retried(shop: Workshop, document_id: str) -> str:
    return Documents(shop.database).retry(document_id, shop.owner).row.job.id


def test_a_version_that_was_made_again_before_its_retirement_came_through_is_made_good(shop: Workshop) -> None:
    second, retire = given_up_and_to_be_retired(shop)
    document_id = shop.document(second).id

    def make_it_again() -> None:
        shop.runner("other").run(retried(shop, document_id))
        assert shop.document(second).active_version == 2
        assert shop.index.count(document_id, 2) == 1

    late_runner(shop, make_it_again).run(retire)
    (again,) = [job for job in every_job(shop, document_id) if job.kind == "ingest" and job.id == current(shop, second)]
    assert (again.version, again.state) == (2, "ready")
    assert shop.index.count(document_id, 2) == 1


def test_also_where_the_stopped_worker_had_lost_its_lease(shop: Workshop) -> None:
    second, retire = given_up_and_to_be_retired(shop)
    document_id = shop.document(second).id

    def make_it_again() -> None:
        shop.make_due()
        shop.runner("other").run(retire)
        shop.runner("other").run(retried(shop, document_id))
        assert shop.index.count(document_id, 2) == 1

    late_runner(shop, make_it_again).run(retire)
    shop.runner().run(current(shop, second))
    assert shop.document(second).active_version == 2
    assert shop.index.count(document_id, 2) == 1


def test_a_version_that_is_being_made_meanwhile_is_begun_anew_and_whoever_made_it_is_fenced_out(shop: Workshop) -> None:
    second, retire = given_up_and_to_be_retired(shop)
    document_id = shop.document(second).id
    leases: list[Lease | None] = []

    def begin_it_again() -> None:
        job = retried(shop, document_id)
        leases.append(shop.queue.claim(job, "other"))

    late_runner(shop, begin_it_again).run(retire)
    (lease,) = leases
    assert lease is not None
    with pytest.raises(LeaseLostError):
        shop.queue.renew(lease, chunks_done=1)
    shop.runner().run(lease.job_id)
    assert shop.document(second).active_version == 2
    assert shop.index.count(document_id, 2) == 1
    assert shop.job(lease.job_id).attempts == 1


def test_a_retirement_in_time_makes_nothing_again(shop: Workshop) -> None:
    first = shop.send("keys.txt", WORDS)
    shop.runner().run(first)
    second = shop.send("keys.txt", f"{WORDS} Until May.")
    shop.runner().run(second)
    shop.make_due()
    shop.runner().run(shop.queued("retire")[0].id)
    assert (shop.held(first), shop.held(second)) == (0, 1)
    kinds = [job.kind for job in every_job(shop, shop.document(second).id)]
    assert sorted(kinds) == ["ingest", "ingest", "retire"]


def current(shop: Workshop, job_id: str) -> str:
    return shop.document(job_id).job_id


def every_job(shop: Workshop, document_id: str) -> list[Job]:
    with shop.database.read() as session:
        return list(session.scalars(select(Job).where(Job.document_id == document_id)))
