"""Registering many documents at once, on both databases: in one transaction, in any order, side by side."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy.orm import Session

from retrieval.errors import ConflictError
from services.db.database import Database
from services.db.documents import Documents
from services.db.jobs import JobQueue, new_job
from services.db.models import Base, Document, Job, Supersession, Version
from services.db.registration import Change, Registration
from tests.integration.test_registry import ANN, BOB, handbook, make_ready, someone, visible

Outcomes = list[Change | Exception]


class Counting(Database):
    """The same registry, which counts transactions that write."""

    def __init__(self, database: Database) -> None:
        self.__dict__.update(database.__dict__)
        self.writes = 0

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.writes += 1
        with super().write() as session:
            yield session


def named(*names: str, sha256: str = "a" * 64, **more: object) -> list[Registration]:
    return [handbook(sha256, external_id=name, title=None, **more) for name in names]


def changes(outcomes: Outcomes) -> list[Change]:
    found = [outcome for outcome in outcomes if isinstance(outcome, Change)]
    assert len(found) == len(outcomes), outcomes
    return found


def side_by_side(turns: int, call: Callable[[int], Outcomes]) -> list[Outcomes]:
    """Each turn in a thread of its own, begun at the same moment."""
    barrier = Barrier(turns)

    def turn(number: int) -> Outcomes:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(turns) as pool:
        return list(pool.map(turn, range(turns)))


def test_a_batch_is_one_transaction_whether_its_documents_are_new_or_not(database: Database) -> None:
    ann, counting = someone(database, ANN), Counting(database)
    documents = Documents(counting)
    documents.register_all(named("a", "b", "c"), ann)
    assert counting.writes == 1
    outcomes = documents.register_all([*named("c", "d"), *named("a", sha256="b" * 64)], ann)
    assert counting.writes == 2
    assert [change.changed for change in changes(outcomes)] == [False, True, True]
    assert [change.row.document.latest_version for change in changes(outcomes)] == [1, 1, 2]


def test_what_is_told_of_a_document_is_what_is_stored(database: Database) -> None:
    ann = someone(database, ANN)
    documents = Documents(database)
    start = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    more: dict[str, Any] = {
        "url": "https://example.com/a",
        "modified_at": start,
        "effective_from": start,
        "effective_until": None,
    }
    sent = [*named("a", "b", grants=("group:b", "everyone"), supersedes=(("upload", "x"),), **more), *named("c")]
    alone = documents.register(handbook(external_id="d", title="Travel policy 2024"), ann)
    told = {change.row for change in (*changes(documents.register_all(sent, ann)), alone)}
    assert set(documents.page(ann)) == told
    for change in changes(documents.register_all(named("a", sha256="b" * 64, grants=("everyone",)), ann)):
        assert documents.get(change.row.document.id, ann) == change.row
    make_ready(database, alone)
    newer = documents.register(handbook("b" * 64, external_id="d", title="Travel policy 2024"), ann)
    (again,) = changes(documents.register_all([handbook("c" * 64, external_id="d", title="Travel policy 2024")], ann))
    assert [(one.row.version.sha256, one.row.newest_sha256) for one in (newer, again)] == [
        ("a" * 64, "b" * 64),
        ("a" * 64, "c" * 64),
    ]
    assert documents.get(again.row.document.id, ann) == again.row
    moved = documents.set_grants(alone.row.document.id, ("everyone",), ann)
    assert documents.get(alone.row.document.id, ann) == moved.row


def columns(stored: Base) -> dict[str, Any]:
    return {column.key: getattr(stored, column.key) for column in stored.__table__.columns}


def test_a_new_documents_rows_are_those_that_the_models_make(database: Database) -> None:
    ann = someone(database, ANN)
    new = handbook(external_id="a", title="Travel policy 2024 v2", supersedes=(("upload", "x"), ("upload", "x")))
    (change,) = changes(Documents(database).register_all([new], ann))
    id, now = change.row.document.id, change.row.document.created_at
    with database.write() as session:
        document, job = session.get_one(Document, id), session.get_one(Job, change.row.job.id)
        model = Document(title=new.title)
        assert (document.subject, document.edition) == (model.subject, model.edition)
        assert (document.title_given, document.job_id, document.metadata_revision) == (True, job.id, 0)
        other = new_job(session, "ingest", id, 1, now=now)
        session.flush()
        session.refresh(other)
        assert columns(other) | {"id": job.id} == columns(job)
        assert columns(session.get_one(Version, (id, 1))) == columns(
            Version(document_id=id, number=1, sha256=new.sha256, size=new.size, file_name=new.file_name, created_at=now)
        )
        assert session.get(Supersession, (id, "upload", "x")) is not None


def test_new_documents_are_queued_in_the_order_of_their_names(database: Database) -> None:
    ann = someone(database, ANN)
    outcomes = changes(Documents(database).register_all(named("c", "a", "b"), ann))
    assert [change.row.document.external_id for change in outcomes] == ["c", "a", "b"]
    leases = JobQueue(database).claim_more("worker", limit=3, max_bytes=1000)
    names = {change.row.document.id: change.row.document.external_id for change in outcomes}
    assert [names[lease.document_id] for lease in leases] == ["a", "b", "c"]


def test_what_a_batch_changes_is_what_single_uploads_change(database: Database) -> None:
    ann = someone(database, ANN)
    documents = Documents(database)
    first = changes(documents.register_all(named("same", "grants", "bytes", "failed"), ann))
    for change in first[:3]:
        make_ready(database, change)
    lease = JobQueue(database).claim(first[3].row.job.id, "worker")
    assert lease is not None
    JobQueue(database).fail(lease, ConflictError("It failed."))
    again = [
        *named("same"),
        *named("grants", grants=("everyone",)),
        *named("bytes", sha256="b" * 64, grants=("everyone",)),
        *named("failed"),
    ]
    same, grants, other, failed = changes(documents.register_all(again, ann))
    assert (same.changed, same.ring) == (False, ())
    assert (grants.row.document.latest_version, grants.row.grants, len(grants.ring)) == (1, ("everyone",), 1)
    assert (other.row.document.latest_version, other.row.grants, len(other.ring)) == (2, ("everyone",), 2)
    assert (failed.row.document.latest_version, failed.row.job.state) == (2, "queued")
    queue = JobQueue(database)
    kinds = [queue.claim(job, "worker") for change in (grants, other, failed) for job in change.ring]
    assert [lease and lease.kind for lease in kinds] == ["metadata", "metadata", "ingest", "ingest"]
    assert [row.grants for row in documents.page(ann)] == [
        ("everyone",),
        (f"user:{ANN}",),
        ("everyone",),
        same.row.grants,
    ]


def test_a_name_that_comes_twice_is_registered_twice(database: Database) -> None:
    ann = someone(database, ANN)
    sent = [*named("a"), *named("b"), *named("a", sha256="b" * 64), *named("a", sha256="b" * 64)]
    first, _, second, third = changes(Documents(database).register_all(sent, ann))
    assert [change.changed for change in (first, second, third)] == [True, True, False]
    assert (first.row.document.latest_version, first.row.job.state) == (1, "queued")
    assert (second.row.document.latest_version, second.row.job.state) == (2, "queued")
    make_ready(database, second)
    assert visible(database, ann, first.row.document.id) == 2


def test_their_own_document_comes_before_anybody_elses(database: Database) -> None:
    ann, root = someone(database, ANN), someone(database, BOB, admin=True)
    documents = Documents(database)
    (hers,) = changes(documents.register_all(named("a"), ann))
    (changed,) = changes(documents.register_all(named("a", sha256="b" * 64), root))
    assert changed.row.document.id == hers.row.document.id
    assert changed.row.owner == ANN
    bob = someone(database, "ben@example.com")
    (his,) = changes(documents.register_all(named("a"), bob))
    assert his.row.document.id != hers.row.document.id
    (again,) = changes(documents.register_all(named("a", sha256="c" * 64), bob))
    assert again.row.document.id == his.row.document.id


def test_what_cannot_be_stored_is_refused_alone(database: Database) -> None:
    ann = someone(database, ANN)
    sent = [*named("a"), handbook(external_id="b", title="b", media_type=None), *named("c")]
    a, b, c = Documents(database).register_all(sent, ann)
    assert (isinstance(a, Change), isinstance(b, Change), isinstance(c, Change)) == (True, False, True)
    assert [row.document.external_id for row in Documents(database).page(ann)] == ["a", "c"]


@pytest.mark.parametrize("are_there_already", [False, True])
def test_batches_in_opposite_orders_all_succeed(database: Database, are_there_already: bool) -> None:
    ann, documents = someone(database, ANN), Documents(database)
    names = [f"{number:03}" for number in range(60)]
    if are_there_already:
        documents.register_all(named(*names), ann)

    def send(turn: int) -> Outcomes:
        return documents.register_all(named(*(names if turn % 2 else names[::-1]), sha256=f"{turn + 1}" * 64), ann)

    sent = side_by_side(4, send)
    found = [change for outcomes in sent for change in changes(outcomes)]
    numbers = sorted((change.row.document.external_id, change.row.document.latest_version) for change in found)
    first = 2 if are_there_already else 1
    assert numbers == [(name, number) for name in names for number in range(first, first + 4)]
    rows = documents.page(ann, limit=200)
    assert [row.document.external_id for row in rows] == names
    assert {row.document.latest_version for row in rows} == {first + 3}
    assert {row.job.state for row in rows} == {"queued"}


def test_a_batch_and_workers_that_renew_do_not_stand_in_each_others_way(database: Database) -> None:
    ann, documents, queue = someone(database, ANN), Documents(database), JobQueue(database)
    names = [f"{number:03}" for number in range(40)]
    documents.register_all(named(*names), ann)
    leases = queue.claim_more("worker", limit=40, max_bytes=10_000)
    assert len(leases) == 40

    def work(turn: int) -> Outcomes:
        if turn % 2:
            return documents.register_all(named(*names[::-1], sha256=f"{turn}" * 64), ann)
        for _ in range(10):
            queue.renew_all(leases)
        return []

    for outcomes in side_by_side(4, work):
        assert all(change.changed for change in changes(outcomes))
    assert queue.renew_all(leases) == frozenset()
