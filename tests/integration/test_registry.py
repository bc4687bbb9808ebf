"""The registry on both databases: registering, versions, grants, tombstones, and what readers see of them."""

from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event

from retrieval.access import grants_of
from retrieval.errors import ConflictError, NotFoundError
from retrieval.types import Principal
from services.db.accounts import SCOPES, Accounts
from services.db.activation import Activation, Swap
from services.db.database import Database, clock
from services.db.documents import Documents
from services.db.jobs import JobQueue
from services.db.models import Base
from services.db.registration import Change, Registration
from services.db.registry import SqlRegistry

ANN, BOB = "ann@example.com", "bob@example.com"


def someone(database: Database, email: str, *groups: str, admin: bool = False) -> Principal:
    account = Accounts(database).create(email, name=email, groups=groups, is_admin=admin)
    return Principal(account.user.id, email, grants_of(email, list(groups)), admin, SCOPES)


def handbook(sha256: str = "a" * 64, **changes: object) -> Registration:
    values: dict[str, object] = {
        "sha256": sha256,
        "size": 10,
        "file_name": "handbook.md",
        "media_type": "text/markdown",
        "data_source": "uploads",
        "external_id": "handbook.md",
        "title": "Handbook",
        "url": None,
        "grants": None,
        "modified_at": None,
        "effective_from": None,
        "effective_until": None,
    }
    return Registration(**(values | changes))  # type: ignore[arg-type]


def make_ready(database: Database, change: Change) -> list[str]:
    lease = JobQueue(database).claim(change.row.job.id, "worker")
    assert lease is not None
    swap = Swap(
        lease,
        parsed_sha256="b" * 64,
        media_type="text/markdown",
        title=None,
        chunks=1,
        embedded=1,
        reused=0,
        metadata_revision=change.row.document.metadata_revision,
        stages_ms={},
    )
    activated = Activation(database).activate([swap], generation=1)
    assert activated.ready == {lease.job_id}
    return list(activated.follow_up)


def visible(database: Database, principal: Principal, document_id: str, *, as_of: datetime | None = None) -> int | None:
    registry = SqlRegistry(database)
    view = registry.readable([document_id], principal, at=registry.clock(), as_of=as_of).get(document_id)
    return view.version if view else None


def test_the_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    with database.rewriting() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_new_document_is_queued_and_its_owners_alone(database: Database) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB)
    change = Documents(database).register(handbook(), ann)
    assert (change.changed, change.row.job.state, change.row.grants) == (True, "queued", (f"user:{ANN}",))
    assert visible(database, ann, change.row.document.id) is None  # nothing to read before it is ready
    make_ready(database, change)
    assert visible(database, ann, change.row.document.id) == 1
    assert visible(database, bob, change.row.document.id) is None


@pytest.mark.parametrize("own_only", [True, False])
def test_an_administrator_changes_somebody_elses_document_only_by_a_name_of_their_choice(
    database: Database, own_only: bool
) -> None:
    bob, boss = someone(database, BOB), someone(database, ANN, admin=True)
    theirs = Documents(database).register(handbook(grants=("everyone",)), bob).row.document.id
    alone = Documents(database).register(handbook("c" * 64, own_only=own_only), boss)
    (together,) = Documents(database).register_all([handbook("d" * 64, own_only=own_only)], boss)
    assert isinstance(together, Change)
    assert alone.row.document.id == together.row.document.id
    assert (alone.row.document.id == theirs) is not own_only
    assert together.row.grants == ((f"user:{ANN}",) if own_only else ("everyone",))


def test_the_same_bytes_again_change_nothing(database: Database) -> None:
    ann = someone(database, ANN)
    first = Documents(database).register(handbook(), ann)
    again = Documents(database).register(handbook(), ann)
    assert (again.changed, again.ring, again.row.job.id) == (False, (), first.row.job.id)


def test_the_same_bytes_with_other_grants_are_a_grants_update_only(database: Database) -> None:
    ann = someone(database, ANN)
    first = Documents(database).register(handbook(), ann)
    make_ready(database, first)
    change = Documents(database).register(handbook(grants=("group:hr",)), ann)
    assert (change.changed, change.row.document.latest_version) == (True, 1)
    assert JobQueue(database).claim(change.ring[0], "worker").kind == "metadata"  # type: ignore[union-attr]


def test_the_same_bytes_with_other_grants_are_no_new_version_though_they_wait_still(database: Database) -> None:
    ann = someone(database, ANN)
    first = Documents(database).register(handbook(), ann)
    change = Documents(database).register(handbook(grants=("group:hr",)), ann)
    assert (change.changed, change.row.job.id, change.row.job.state) == (True, first.row.job.id, "queued")
    other = Documents(database).register(handbook("c" * 64), ann)
    assert [one.new_version for one in (first, change, other)] == [True, False, True]


def test_the_original_is_the_newest_until_a_version_is_ready_and_for_readers_alone(database: Database) -> None:
    ann, boss = someone(database, ANN), someone(database, BOB, admin=True)
    documents = Documents(database)
    id = documents.register(handbook(), ann).row.document.id
    assert documents.original(id, ann).sha256 == "a" * 64
    second = documents.register(handbook("b" * 64), ann)
    assert documents.original(id, ann).sha256 == "b" * 64
    make_ready(database, second)
    documents.register(handbook("c" * 64), ann)
    assert documents.original(id, ann).sha256 == "b" * 64
    for somebody, document in ((boss, id), (ann, "none")):
        with pytest.raises(NotFoundError):
            documents.original(document, somebody)


def test_what_a_caller_takes_back_is_gone_and_a_title_has_the_file_read_again(database: Database) -> None:
    ann = someone(database, ANN)
    documents = Documents(database)
    make_ready(database, documents.register(handbook(url="https://example.com/a"), ann))
    untouched = documents.register(handbook(title=None), ann)
    assert (untouched.changed, untouched.row.document.url) == (False, "https://example.com/a")
    address = documents.register(handbook(title=None, cleared=frozenset({"url", "modified_at"})), ann)
    assert (address.row.document.url, address.row.document.title, address.new_version) == (None, "Handbook", False)
    title = documents.register(handbook(title=None, cleared=frozenset({"title"})), ann)
    assert (title.row.document.title, title.new_version, len(title.ring)) == ("handbook.md", True, 2)
    again = documents.register(handbook(title=None, cleared=frozenset({"title"})), ann)
    assert (again.changed, again.row.job.id) == (False, title.row.job.id)


def test_other_bytes_are_a_new_version_and_readers_keep_the_old_one_until_the_swap(database: Database) -> None:
    ann = someone(database, ANN)
    document = Documents(database).register(handbook(), ann)
    make_ready(database, document)
    update = Documents(database).register(handbook("c" * 64), ann)
    assert update.row.document.id == document.row.document.id
    assert visible(database, ann, document.row.document.id) == 1
    make_ready(database, update)
    assert visible(database, ann, document.row.document.id) == 2


def test_a_reader_who_began_before_the_swap_stays_with_the_old_version(database: Database) -> None:
    ann = someone(database, ANN)
    document = Documents(database).register(handbook(), ann)
    make_ready(database, document)
    registry, document_id = SqlRegistry(database), document.row.document.id
    began = registry.clock()
    make_ready(database, Documents(database).register(handbook("c" * 64), ann))
    assert registry.readable([document_id], ann, at=began, as_of=None)[document_id].version == 1


def test_two_people_with_files_of_the_same_name_have_two_documents(database: Database) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB)
    one = Documents(database).register(handbook(), ann).row.document.id
    other = Documents(database).register(handbook(), bob).row.document.id
    assert one != other


def test_an_administrator_updates_a_document_that_somebody_else_owns(database: Database) -> None:
    ann, root = someone(database, ANN), someone(database, BOB, admin=True)
    mine = Documents(database).register(handbook(), ann).row.document.id
    assert Documents(database).register(handbook("c" * 64), root).row.document.id == mine


def test_a_newer_version_overtakes_the_one_on_its_way(database: Database) -> None:
    ann = someone(database, ANN)
    first = Documents(database).register(handbook(), ann)
    queue = JobQueue(database)
    lease = queue.claim(first.row.job.id, "worker")
    assert lease is not None
    second = Documents(database).register(handbook("c" * 64), ann)
    with pytest.raises(ConflictError):
        queue.renew(lease)
    make_ready(database, second)
    assert visible(database, ann, first.row.document.id) == 2


def test_grants_changed_during_ingestion_bring_a_metadata_job(database: Database) -> None:
    ann = someone(database, ANN)
    change = Documents(database).register(handbook(), ann)
    Documents(database).set_grants(change.row.document.id, ("everyone",), ann)
    assert len(make_ready(database, change)) == 1


def test_a_deleted_document_is_gone_at_once_and_can_be_sent_anew(database: Database) -> None:
    ann = someone(database, ANN)
    change = Documents(database).register(handbook(), ann)
    make_ready(database, change)
    Documents(database).delete(change.row.document.id, ann)
    assert visible(database, ann, change.row.document.id) is None
    with pytest.raises(NotFoundError):
        Documents(database).get(change.row.document.id, ann)
    assert Documents(database).register(handbook(), ann).row.document.id != change.row.document.id


def test_others_may_neither_delete_nor_share_nor_see_a_document(database: Database) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB)
    document_id = Documents(database).register(handbook(), ann).row.document.id
    with pytest.raises(NotFoundError):
        Documents(database).delete(document_id, bob)
    with pytest.raises(NotFoundError):
        Documents(database).set_grants(document_id, ("everyone",), bob)
    assert Documents(database).page(bob) == []


def test_leaving_a_group_takes_effect_on_the_next_look(database: Database) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB, "hr")
    change = Documents(database).register(handbook(grants=("group:hr",)), ann)
    make_ready(database, change)
    assert visible(database, bob, change.row.document.id) == 1
    Accounts(database).leave("hr", BOB)
    outside = Principal(bob.user_id, BOB, grants_of(BOB, []), False, SCOPES)
    assert visible(database, outside, change.row.document.id) is None


def test_a_document_out_of_force_is_found_only_as_of_its_time(database: Database) -> None:
    ann = someone(database, ANN)
    with database.read() as session:
        now = clock(session)
    year = timedelta(days=365)
    old = handbook(effective_from=now - 2 * year, effective_until=now - year)
    change = Documents(database).register(old, ann)
    make_ready(database, change)
    document_id = change.row.document.id
    assert visible(database, ann, document_id) is None
    assert visible(database, ann, document_id, as_of=now - 1.5 * year) == 1
    assert visible(database, ann, document_id, as_of=now - 3 * year) is None


def test_a_newer_document_of_the_same_title_supersedes_for_those_who_may_read_it(database: Database) -> None:
    ann, bob = someone(database, ANN), someone(database, BOB)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    old = Documents(database).register(handbook(external_id="old", effective_from=start, grants=("everyone",)), ann)
    later = start + timedelta(days=366)
    new = Documents(database).register(handbook("c" * 64, external_id="new", effective_from=later), ann)
    make_ready(database, old)
    make_ready(database, new)
    registry, old_id = SqlRegistry(database), old.row.document.id
    views = registry.readable([old_id], ann, at=registry.clock(), as_of=None)
    assert views[old_id].superseded_by == new.row.document.id
    assert registry.readable([old_id], bob, at=registry.clock(), as_of=None)[old_id].superseded_by is None


def test_pages_go_through_all_documents_once(database: Database) -> None:
    ann = someone(database, ANN)
    for number in range(7):
        Documents(database).register(handbook(external_id=f"{number}", title=f"T{number % 3}"), ann)
    seen: list[str] = []
    after: tuple[str, str] | None = None
    while rows := Documents(database).page(ann, limit=3, after=after):
        seen += [row.document.id for row in rows]
        after = (rows[-1].document.title, rows[-1].document.id)
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize("text", ["100%", "a_b", "back\\slash"])
def test_a_search_for_wildcards_means_these_characters(database: Database, text: str) -> None:
    ann = someone(database, ANN)
    Documents(database).register(handbook(external_id="1", title=f"Report {text}"), ann)
    Documents(database).register(handbook(external_id="2", title="Report 1000 axb"), ann)
    assert [row.document.external_id for row in Documents(database).page(ann, text=text)] == ["1"]


def test_a_document_is_shown_as_it_was_at_one_moment(database: Database) -> None:
    """What becomes ready between two statements of a look is shown as it was before, or as it is now, never half."""
    ann = someone(database, ANN)
    change = Documents(database).register(handbook(), ann)
    looks = 0

    def swaps_behind_the_first_statement(*_: object) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            make_ready(database, change)

    event.listen(Engine, "after_cursor_execute", swaps_behind_the_first_statement)
    try:
        row = Documents(database).get(change.row.document.id, ann)
    finally:
        event.remove(Engine, "after_cursor_execute", swaps_behind_the_first_statement)
    assert looks > 1
    ready = row.job.state == "ready"
    assert (row.document.ready_at is not None, row.version.chunks is not None) == (ready, ready)
    assert Documents(database).get(change.row.document.id, ann).job.state == "ready"
