"""Which document took the place of which, on both databases: by declaration, by title, in time, and for whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text

from retrieval.types import Principal
from services.db.accounts import Accounts
from services.db.database import Database
from services.db.documents import Documents
from services.db.dump import load, snapshot
from services.db.models import Document
from services.db.registry import SqlRegistry
from tests.integration.test_registry import ANN, BOB, handbook, make_ready, someone

ALL = ("everyone",)
Y2022, Y2023, Y2024, Y2025 = (datetime(year, 1, 1, tzinfo=UTC) for year in (2022, 2023, 2024, 2025))
MICROSECOND = timedelta(microseconds=1)


class Shelf:
    """Documents known by their external ids, which are letters here; everyone may read them unless said otherwise."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owner = someone(database, ANN)
        self.ids: dict[str, str] = {}

    def put(self, name: str, *, by: Principal | None = None, supersedes: str | None = None, **said: object) -> None:
        declared = None if supersedes is None else tuple(("uploads", other) for other in supersedes)
        values = {"external_id": name, "title": f"Text {name}", "grants": ALL, "supersedes": declared} | said
        change = Documents(self.database).register(handbook(**values), by or self.owner)  # type: ignore[arg-type]
        self.ids[name] = change.row.document.id
        if change.row.job.state == "queued":
            make_ready(self.database, change)

    def delete(self, name: str) -> None:
        Documents(self.database).delete(self.ids[name], self.owner)

    def seen(self, *, by: Principal | None = None, as_of: datetime | None = None) -> dict[str, str | None]:
        """Each document that is in force, with the one that supersedes it."""
        registry, names = SqlRegistry(self.database), {id: name for name, id in self.ids.items()}
        views = registry.readable(list(names), by or self.owner, at=registry.clock(), as_of=as_of)
        newer = {name: views[id].superseded_by for id, name in names.items() if id in views}
        return {name: names[id] if id else None for name, id in newer.items()}


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


# --- declared


def test_a_document_supersedes_those_that_its_sender_names(shelf: Shelf) -> None:
    shelf.put("a")
    shelf.put("b")
    shelf.put("c", supersedes="ab")
    assert shelf.seen() == {"a": "c", "b": "c", "c": None}


def test_a_document_that_is_named_before_it_is_there_is_superseded_once_it_is(shelf: Shelf) -> None:
    shelf.put("b", supersedes="a")
    assert shelf.seen() == {"b": None}
    shelf.put("a")
    assert shelf.seen() == {"a": "b", "b": None}


def test_a_name_counts_in_the_data_source_that_was_said(shelf: Shelf) -> None:
    shelf.put("a", data_source="policies")
    shelf.put("b", supersedes="a")
    assert shelf.seen()["a"] is None
    Documents(shelf.database).register(
        handbook(external_id="b", title="Text b", supersedes=(("policies", "a"),)), shelf.owner
    )
    assert shelf.seen()["a"] == "b"


def test_what_is_not_said_again_stays_and_an_empty_list_takes_it_back(shelf: Shelf) -> None:
    shelf.put("a")
    shelf.put("b", supersedes="a")
    shelf.put("b")
    assert shelf.seen()["a"] == "b"
    shelf.put("b", supersedes="")
    assert shelf.seen()["a"] is None


def test_saying_the_same_again_changes_nothing(shelf: Shelf) -> None:
    said = handbook(external_id="b", supersedes=(("uploads", "a"), ("uploads", "z")))
    documents = Documents(shelf.database)
    assert documents.register(said, shelf.owner).changed
    assert not documents.register(
        replace(said, supersedes=said.supersedes and said.supersedes[::-1]), shelf.owner
    ).changed
    assert documents.register(replace(said, supersedes=(("uploads", "a"),)), shelf.owner).changed


def test_a_batch_declares_as_single_uploads_do(shelf: Shelf) -> None:
    shelf.put("a")
    shelf.put("b")
    news = [
        handbook(external_id="b", title="Text b", supersedes=(("uploads", "a"),)),
        handbook("c" * 64, external_id="c", title="Text c", supersedes=(("uploads", "b"),)),
    ]
    documents = Documents(shelf.database)
    documents.register_all(news, shelf.owner)
    declared = [documents.standing(row.document.id, shelf.owner).supersedes for row in documents.page(shelf.owner)]
    assert declared == [(), (("uploads", "a"),), (("uploads", "b"),)]


def test_a_chain_leads_to_its_newest_document(shelf: Shelf) -> None:
    shelf.put("a")
    shelf.put("b", supersedes="a")
    shelf.put("c", supersedes="b")
    assert shelf.seen() == {"a": "c", "b": "c", "c": None}


def test_deleting_the_newer_document_lifts_the_supersession(shelf: Shelf) -> None:
    shelf.put("a")
    shelf.put("b", supersedes="a")
    shelf.delete("b")
    assert shelf.seen() == {"a": None}


def test_a_newer_document_that_is_not_ready_supersedes_nothing_yet(shelf: Shelf) -> None:
    shelf.put("a")
    new = handbook("c" * 64, external_id="b", title="Text b", grants=ALL, supersedes=(("uploads", "a"),))
    change = Documents(shelf.database).register(new, shelf.owner)
    shelf.ids["b"] = change.row.document.id
    assert shelf.seen() == {"a": None}
    make_ready(shelf.database, change)
    assert shelf.seen() == {"a": "b", "b": None}


def test_documents_that_supersede_each_other_in_a_circle_supersede_nothing(shelf: Shelf) -> None:
    shelf.put("a", supersedes="c")
    shelf.put("b", supersedes="a")
    shelf.put("c", supersedes="b")
    assert shelf.seen() == {"a": None, "b": None, "c": None}
    shelf.put("d")
    shelf.put("c", supersedes="bd")
    assert shelf.seen()["d"] in {"a", "b", "c"}, "of a circle somebody is newer than what stands outside it"


def test_a_chain_of_a_thousand_documents_ends(shelf: Shelf) -> None:
    news = [
        handbook(external_id=f"{n}", title=f"Text of {n} things", supersedes=(("uploads", f"{n - 1}"),), grants=ALL)
        for n in range(1000)
    ]
    documents = Documents(shelf.database)
    changes = [change for change in documents.register_all(news, shelf.owner) if not isinstance(change, Exception)]
    with shelf.database.write() as session:
        session.execute(text("UPDATE documents SET active_version = 1"))
        session.execute(text("UPDATE versions SET activated_at = created_at"))
    registry = SqlRegistry(shelf.database)
    oldest = changes[0].row.document.id
    newer = registry.readable([oldest], shelf.owner, at=registry.clock(), as_of=None)[oldest].superseded_by
    assert newer in {change.row.document.id for change in changes}


# --- for whom


def test_a_newer_document_that_one_may_not_read_supersedes_nothing(shelf: Shelf) -> None:
    bob = someone(shelf.database, BOB)
    shelf.put("a", title="Travel policy", effective_from=Y2023)
    shelf.put("b", title="Travel policy", effective_from=Y2024, supersedes="a", grants=("group:board",))
    assert shelf.seen(by=bob) == {"a": None}
    Accounts(shelf.database).join("board", BOB)
    on_board = replace(bob, grants=bob.grants | {"group:board"})
    assert shelf.seen(by=on_board) == {"a": "b", "b": None}


def test_a_chain_ends_where_one_may_not_read_on(shelf: Shelf) -> None:
    bob = someone(shelf.database, BOB)
    shelf.put("a")
    shelf.put("b", supersedes="a")
    shelf.put("c", supersedes="b", grants=("group:board",))
    assert shelf.seen(by=bob) == {"a": "b", "b": None}


@pytest.mark.parametrize("said", [{"supersedes": "a"}, {"title": "Travel policy", "effective_from": Y2024}])
def test_nobody_sets_aside_what_they_may_not_edit(shelf: Shelf, said: dict[str, object]) -> None:
    bob, root = someone(shelf.database, BOB), someone(shelf.database, "root@example.com", admin=True)
    shelf.put("a", title="Travel policy", effective_from=Y2023)
    shelf.put("b", by=bob, **said)  # type: ignore[arg-type]
    assert shelf.seen() == {"a": None, "b": None}
    shelf.put("c", by=root, **said)  # type: ignore[arg-type]
    assert shelf.seen()["a"] == "c"


# --- by title


def later_in_force(shelf: Shelf, old: str, new: str) -> dict[str, str | None]:
    shelf.put("a", title=old, effective_from=Y2023)
    shelf.put("b", title=new, effective_from=Y2024)
    return shelf.seen()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Leave policy", "Leave policy"),
        ("Leave policy 2023", "leave  policy 2024 (FINAL)"),
        ("Leave policy v2", "Leave policy v1"),  # since when it holds says more than how it was numbered
    ],
)
def test_an_edition_that_came_into_force_later_supersedes_the_earlier_one(shelf: Shelf, old: str, new: str) -> None:
    assert later_in_force(shelf, old, new) == {"a": "b", "b": None}


def test_other_subjects_and_other_data_sources_supersede_nothing(shelf: Shelf) -> None:
    assert later_in_force(shelf, "Leave policy 2023", "Travel policy 2024") == {"a": None, "b": None}
    shelf.put("c", title="Leave policy 2025", effective_from=Y2025, data_source="archive")
    assert shelf.seen()["a"] is None


def test_a_draft_supersedes_nothing_and_is_superseded(shelf: Shelf) -> None:
    assert later_in_force(shelf, "Leave policy", "Leave policy (draft)") == {"a": None, "b": None}
    shelf.put("c", title="Leave policy", effective_from=Y2025)
    assert shelf.seen() == {"a": "c", "b": "c", "c": None}


def test_editions_without_dates_of_effect_need_a_number_and_a_change_that_agree(shelf: Shelf) -> None:
    shelf.put("a", title="Leave policy 2023", modified_at=Y2023)
    shelf.put("b", title="Leave policy 2024", modified_at=Y2024)
    shelf.put("c", title="Leave policy 2025", modified_at=Y2022)  # copied about, or the clock was wrong
    shelf.put("d", title="Leave policy 2022")
    assert shelf.seen() == {"a": "b", "b": None, "c": None, "d": None}


def test_pages_of_one_title_that_were_changed_at_different_times_are_not_editions(shelf: Shelf) -> None:
    shelf.put("a", title="Intranet", modified_at=Y2023)
    shelf.put("b", title="Intranet", modified_at=Y2024)
    assert shelf.seen() == {"a": None, "b": None}


def test_where_only_one_of_two_says_since_when_it_holds_there_is_no_order(shelf: Shelf) -> None:
    shelf.put("a", title="Leave policy 2023", modified_at=Y2023)
    shelf.put("b", title="Leave policy 2024", modified_at=Y2024, effective_from=Y2024)
    assert shelf.seen() == {"a": None, "b": None}


def test_editions_of_equal_instants_do_not_supersede_each_other(shelf: Shelf) -> None:
    shelf.put("a", title="Leave policy", effective_from=Y2023)
    shelf.put("b", title="Leave policy", effective_from=Y2023.astimezone(timezone(timedelta(hours=9))))
    assert shelf.seen() == {"a": None, "b": None}


def test_a_declaration_goes_before_what_titles_say(shelf: Shelf) -> None:
    shelf.put("a", title="Leave policy 2023", effective_from=Y2023, supersedes="b")
    shelf.put("b", title="Leave policy 2024", effective_from=Y2024)
    assert shelf.seen() == {"a": None, "b": "a"}


def test_a_title_found_in_the_file_counts_from_the_swap_on(shelf: Shelf) -> None:
    shelf.put("a", title=None, effective_from=Y2023)
    shelf.put("b", title="Leave policy 2024", effective_from=Y2024)
    assert shelf.seen()["a"] is None
    Documents(shelf.database).register(handbook(external_id="a", title="Leave policy 2023"), shelf.owner)
    assert shelf.seen()["a"] == "b"


# --- in time


def at(year: int) -> datetime:
    return datetime(year, 7, 1, tzinfo=UTC)


@pytest.fixture
def editions(shelf: Shelf) -> Shelf:
    """Three, each in force until the next began; the last has no end."""
    ends = {"a": Y2023, "b": Y2024, "c": None}
    for name, start in (("a", Y2022), ("b", Y2023), ("c", Y2024)):
        shelf.put(name, title="Leave policy", effective_from=start, effective_until=ends[name])
    return shelf


@pytest.mark.parametrize(
    ("as_of", "in_force"),
    [
        (None, "c"),
        (Y2022 - MICROSECOND, ""),
        (Y2022, "a"),
        (Y2023 - MICROSECOND, "a"),
        (Y2023, "b"),
        (datetime(2023, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "a"),
        (datetime(2022, 12, 31, 23, 30, tzinfo=timezone(-timedelta(hours=1))), "b"),
        (datetime(2100, 1, 1, tzinfo=UTC), "c"),
    ],
)
def test_as_of_a_moment_exactly_the_edition_of_that_moment_is_seen(
    editions: Shelf, as_of: datetime | None, in_force: str
) -> None:
    assert editions.seen(as_of=as_of) == dict.fromkeys(in_force)


def test_without_ends_the_older_editions_stay_and_say_what_superseded_them_by_then(shelf: Shelf) -> None:
    for name, start in (("a", Y2022), ("b", Y2023), ("c", Y2024)):
        shelf.put(name, title="Leave policy", effective_from=start)
    assert shelf.seen() == {"a": "c", "b": "c", "c": None}
    assert shelf.seen(as_of=at(2023)) == {"a": "b", "b": None}
    assert shelf.seen(as_of=Y2023) == {"a": "b", "b": None}
    assert shelf.seen(as_of=Y2023 - MICROSECOND) == {"a": None}


def test_what_comes_into_force_later_supersedes_only_from_then_on(shelf: Shelf) -> None:
    registry = SqlRegistry(shelf.database)
    next_year = registry.clock() + timedelta(days=365)
    shelf.put("a", title="Leave policy", effective_from=Y2023)
    shelf.put("b", title="Leave policy", effective_from=next_year, supersedes="a")
    assert shelf.seen() == {"a": None}
    assert shelf.seen(as_of=next_year + MICROSECOND) == {"a": "b", "b": None}


def test_the_successor_named_is_in_force_even_where_the_way_to_it_is_over(shelf: Shelf) -> None:
    shelf.put("a")
    shelf.put("b", supersedes="a", effective_until=Y2024)
    shelf.put("c", supersedes="b")
    shelf.put("d", supersedes="c", effective_until=Y2025)
    assert shelf.seen() == {"a": "c", "c": None}


def test_documents_without_dates_are_in_force_always(shelf: Shelf) -> None:
    shelf.put("a")
    assert shelf.seen() == shelf.seen(as_of=Y2022) == {"a": None}


def test_an_undated_successor_counts_as_of_a_moment_only_if_it_was_written_by_then(shelf: Shelf) -> None:
    shelf.put("a")
    shelf.put("b", supersedes="a", modified_at=Y2024)
    assert shelf.seen(as_of=Y2024 - MICROSECOND)["a"] is None
    assert shelf.seen(as_of=Y2024)["a"] == "b"
    assert shelf.seen()["a"] == "b"


# --- what becomes of older registries


def test_a_backup_of_the_release_before_gets_its_subjects(database: Database) -> None:
    shelf = Shelf(database)
    shelf.put("a", title="Leave policy 2023", effective_from=Y2023)
    shelf.put("b", title="Leave policy (draft)", effective_from=Y2024)
    shelf.put("c", title="Leave policy v3", effective_from=Y2022)
    seen = shelf.seen()
    assert seen == {"a": None, "b": None, "c": "a"}
    with snapshot(database) as still:
        kept = ("users", "documents", "document_grants", "versions", "jobs")
        rows = {name: list(still.rows(name)) for name in still.tables() if name in kept}
    before = [(row["id"], row.pop("subject"), row.pop("edition")) for row in rows["documents"]]
    load(database, "0006", rows.items())
    with database.read() as session:
        after = session.execute(select(Document.id, Document.subject, Document.edition)).all()
    assert sorted(map(tuple, after)) == sorted(before)
    assert shelf.seen() == seen


def test_a_backup_carries_what_was_declared(database: Database) -> None:
    shelf = Shelf(database)
    shelf.put("a")
    shelf.put("b", supersedes="a")
    with snapshot(database) as still:
        revision, rows = still.revision, {name: list(still.rows(name)) for name in still.tables()}
    shelf.put("b", supersedes="")
    load(database, revision, rows.items())
    assert shelf.seen() == {"a": "b", "b": None}
