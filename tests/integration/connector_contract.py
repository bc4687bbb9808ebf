"""What every connector has to do, as tests that each kind inherits and runs against a real source.

`SmallSync` is the sync of `services/` in forty lines: it fetches what it does not know, keeps the cursor after each
batch, and takes for gone what a whole listing did not name.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest

from ingest.connectors.contract import Connector, ConnectorError, Item, ItemError, ItemGoneError
from ingest.connectors.kinds import connector_for
from ingest.connectors.policy import ConnectorPolicy

MAX_ITEM_BYTES = 100_000
LOOPBACK = ip_network("127.0.0.0/8")
# Each would be a nuisance somewhere: in a path, a URL, a line, a mailbox, a table.
HOSTILE_NAMES = ("a b.md", "per%2e%2ecent.md", "quote'\".md", "ünï-日本.md", "semi;colon.md", "#hash?.md", "-dash.md")


def policy_for(folder: Path, **changes: object) -> ConnectorPolicy:
    """The operator's limits in these tests: loopback may be reached, folders below `folder` may be read."""
    plain = {
        "work_dir": folder / "work",
        "allowed_networks": (LOOPBACK,),
        "folder_roots": (folder,),
        "max_item_bytes": MAX_ITEM_BYTES,
    }
    return ConnectorPolicy(**{**plain, **changes})  # type: ignore[arg-type]


@dataclass
class SmallSync:
    """`texts` and `items` are the documents as they stand; `fetched` and `faults` are those of the last run."""

    folder: Path
    cursor: str | None = None
    items: dict[str, Item] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    listed: int = 0
    waiting: dict[str, Item] = field(default_factory=dict)

    def run(self, connector: Connector, *, batches: int | None = None) -> None:
        """One sync; with `batches` it is killed after so many."""
        self.fetched, self.faults, self.listed = [], {}, 0
        named: set[str] = set()
        try:
            for number, batch in enumerate(connector.changes(self.cursor), start=1):
                self.listed += len(batch.items)
                for item in batch.items:
                    named.add(item.external_id)
                    self._bring(connector, item)
                named |= {external_id for external_id, _ in batch.failed}
                self.faults |= dict(batch.failed)
                for external_id in batch.deleted:
                    self._forget(external_id)
                self.cursor = batch.cursor or self.cursor
                if number == batches:
                    return
            for item in list(self.waiting.values()):
                if item.external_id not in self.faults:
                    self._bring(connector, item)
            if connector.lists_everything:
                for external_id in set(self.items) - named:
                    self._forget(external_id)
        finally:
            connector.close()

    def _bring(self, connector: Connector, item: Item) -> None:
        known = self.items.get(item.external_id)
        if known is not None and known.revision == item.revision:
            return
        self.folder.mkdir(exist_ok=True)
        try:
            fetched = connector.fetch(item, self.folder, known_revision=known.revision if known else None)
        except ItemGoneError:
            self._forget(item.external_id)
            return
        except ItemError as error:
            self.faults[item.external_id] = error.message
            self.waiting[item.external_id] = item
            return
        self.waiting.pop(item.external_id, None)
        if fetched is not None:
            assert fetched.path.parent == self.folder
            self.fetched.append(item.external_id)
            self.texts[item.external_id] = fetched.path.read_bytes()
            self.items[item.external_id] = fetched.item
        shutil.rmtree(self.folder)

    def _forget(self, external_id: str) -> None:
        self.items.pop(external_id, None)
        self.texts.pop(external_id, None)
        self.waiting.pop(external_id, None)


class Source(ABC):
    """A real data source that a test can change. Names are file names such as "a.md"."""

    kind: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()

    @abstractmethod
    def options(self) -> dict[str, object]: ...

    def secrets(self) -> dict[str, str]:
        return {}

    def policy(self) -> ConnectorPolicy:
        return policy_for(self.folder)

    def connector(self, **options: object) -> Connector:
        return connector_for(self.kind, {**self.options(), **options}, self.secrets(), policy=self.policy())

    @abstractmethod
    def put(self, name: str, text: str) -> None:
        """Add an item, or change it."""

    @abstractmethod
    def delete(self, name: str) -> None: ...

    @abstractmethod
    def move(self, name: str, to: str) -> None: ...

    @abstractmethod
    def take_down(self) -> None:
        """From now on the source as a whole cannot be read."""

    @abstractmethod
    def id_of(self, name: str) -> str: ...

    def spoil(self, name: str) -> None:
        """Make one item impossible to fetch. Where the source cannot, it is made too large."""
        self.put(name, "x" * (2 * MAX_ITEM_BYTES))

    def downloads(self) -> int | None:
        """How many items the source has handed out; None where it cannot count."""
        return None

    def close(self) -> None:
        """Stop what was started."""
        self.stack.close()


class ConnectorContract:
    """Inherit, and give a fixture `source`."""

    moves_keep_revision = True
    batches: str | None = None  # the module whose BATCH is made small where a run is killed in the middle

    @pytest.fixture
    def sync(self, tmp_path: Path) -> SmallSync:
        return SmallSync(tmp_path / "fetched")

    def test_the_first_run_brings_everything(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        assert set(sync.texts) >= {source.id_of("a.md"), source.id_of("b.md")}
        assert b"The apple is red." in sync.texts[source.id_of("a.md")]
        assert b"The pear is green." in sync.texts[source.id_of("b.md")]
        assert not sync.faults
        for item in sync.items.values():
            assert "/" not in item.file_name
            assert Path(item.file_name).suffix

    def test_a_second_run_fetches_nothing(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        before, texts = source.downloads(), dict(sync.texts)
        sync.run(source.connector())
        assert sync.fetched == []
        assert sync.texts == texts
        assert source.downloads() == before

    def test_a_change_brings_that_item_only(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        source.put("a.md", "The apple is yellow now.")
        sync.run(source.connector())
        assert sync.fetched == [source.id_of("a.md")]
        assert b"yellow" in sync.texts[source.id_of("a.md")]

    def test_a_deletion_is_noticed(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        gone = source.id_of("a.md")
        source.delete("a.md")
        sync.run(source.connector())
        assert gone not in sync.texts
        assert source.id_of("b.md") in sync.texts

    def test_what_moves_is_found_at_its_new_place_with_its_revision(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        old = sync.items[source.id_of("a.md")]
        source.move("a.md", "c.md")
        sync.run(source.connector())
        new = sync.items[source.id_of("c.md")]
        assert b"apple" in sync.texts[new.external_id]
        assert new.external_id == old.external_id or old.external_id not in sync.items
        if self.moves_keep_revision:
            assert new.revision == old.revision

    def test_an_item_that_fails_stops_no_other(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        source.put("c.md", "The plum is blue.")
        sync.run(source.connector())
        source.spoil("b.md")
        source.put("c.md", "The plum is violet.")
        sync.run(source.connector())
        assert sync.faults[source.id_of("b.md")]
        assert b"violet" in sync.texts[source.id_of("c.md")]
        assert b"green" in sync.texts[source.id_of("b.md")], "a known document stays as it was"

    def test_an_item_that_failed_comes_in_once_it_can(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.spoil("b.md")
        sync.run(source.connector())
        assert source.id_of("b.md") not in sync.texts
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        assert b"green" in sync.texts[source.id_of("b.md")]

    def test_an_item_that_is_too_large_fails_with_that_reason(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "x " * MAX_ITEM_BYTES)
        sync.run(source.connector())
        assert set(sync.texts) == {source.id_of("a.md")} | self.companions(source)
        assert any(word in sync.faults[source.id_of("b.md")] for word in ("MiB", "large"))

    def test_a_source_that_is_down_says_so_and_changes_nothing(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        sync.run(source.connector())
        texts, cursor = dict(sync.texts), sync.cursor
        source.take_down()
        connector = source.connector()
        with pytest.raises(ConnectorError) as caught:
            sync.run(connector)
        assert caught.value.message
        assert not connector.lists_everything
        assert (sync.texts, sync.cursor) == (texts, cursor)

    def test_a_source_that_became_empty_lists_nothing(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        sync.run(source.connector())
        source.delete("a.md")
        sync.run(source.connector())
        assert set(sync.texts) == self.companions(source)

    def test_hostile_names_are_harmless(self, source: Source, sync: SmallSync) -> None:
        for number, name in enumerate(HOSTILE_NAMES):
            source.put(name, f"Word{number} stands here.")
        sync.run(source.connector())
        for number, name in enumerate(HOSTILE_NAMES):
            assert f"Word{number} ".encode() in sync.texts[source.id_of(name)], name

    def test_a_killed_run_is_resumed(self, source: Source, sync: SmallSync, monkeypatch: pytest.MonkeyPatch) -> None:
        if self.batches is not None:
            monkeypatch.setattr(f"{self.batches}.BATCH", 2)
        for number in range(5):
            source.put(f"{number}.md", f"Text number {number}.")
        sync.run(source.connector(), batches=1)
        done = len(sync.fetched)
        assert done < 5 or self.batches is None
        sync.run(source.connector())
        assert len(sync.texts) == 5 + len(self.companions(source))
        assert done + len(sync.fetched) == len(sync.texts)

    def test_an_item_of_an_earlier_run_can_be_fetched_without_a_listing(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        sync.run(source.connector())
        item = sync.items[source.id_of("a.md")]
        connector = source.connector()
        try:
            sync.folder.mkdir(exist_ok=True)
            fetched = connector.fetch(item, sync.folder, known_revision=None)
            assert fetched is not None
            assert b"apple" in fetched.path.read_bytes()
        finally:
            connector.close()

    def test_an_item_that_is_gone_when_it_is_fetched_says_so(self, source: Source, sync: SmallSync) -> None:
        source.put("a.md", "The apple is red.")
        source.put("b.md", "The pear is green.")
        sync.run(source.connector())
        item = sync.items[source.id_of("a.md")]
        source.delete("a.md")
        connector = source.connector()
        try:
            sync.folder.mkdir(exist_ok=True)
            with pytest.raises(ItemGoneError):
                connector.fetch(item, sync.folder, known_revision=None)
        finally:
            connector.close()

    def companions(self, source: Source) -> set[str]:
        """Documents that are there whatever was put: a start page."""
        return set()


def closing(source: Source) -> Iterator[Source]:
    """For fixtures: the source, stopped at the end."""
    try:
        yield source
    finally:
        source.close()
