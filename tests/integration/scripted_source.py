"""A data source in memory and its connector, whole or by differences, which fails where it is told to.

It keeps the contract of `ingest/connectors/contract.py` and counts what it is asked for.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingest.connectors.contract import Batch, ConnectorError, Fetched, Item, ItemError, ItemGoneError


class KilledError(BaseException):
    """What `kill -9` looks like from within: nothing of ours runs after it."""


@dataclass
class Thing:
    """One item as it is at the source."""

    data: bytes
    edition: int = 1
    title: str | None = None
    url: str | None = None
    grants: tuple[str, ...] | None = None


@dataclass
class ScriptedSource:
    """Things by name. `journal` is the sequence of names that were touched: the cursor is a place in it.

    `broken` are names whose fetch fails, `unlisted` names that a listing reports as failed. `down` after so many
    batches, None: never. `kill_after` so many fetches.
    """

    whole: bool = True
    batch: int = 2
    things: dict[str, Thing] = field(default_factory=dict)
    journal: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)
    down_after: int | None = None
    kill_after: int | None = None
    incomplete: bool = False
    fetched: list[str] = field(default_factory=list)
    listings: list[str | None] = field(default_factory=list)

    def put(self, name: str, text: str, **more: object) -> None:
        """Add a thing, or change it."""
        before = self.things.get(name)
        self.things[name] = Thing(text.encode(), before.edition + 1 if before else 1, **more)  # type: ignore[arg-type]
        self.journal.append(name)

    def drop(self, name: str) -> None:
        del self.things[name]
        self.journal.append(name)

    def move(self, name: str, to: str) -> None:
        self.things[to] = self.things.pop(name)
        self.journal += [name, to]

    def connector(self) -> "ScriptedConnector":
        return ScriptedConnector(self)


class ScriptedConnector:
    """Lists all things each time, or what the journal names behind the cursor."""

    def __init__(self, source: ScriptedSource) -> None:
        self._source = source
        self.lists_everything = False

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        source = self._source
        source.listings.append(cursor)
        self.lists_everything = False
        start = int(cursor or 0)
        names = sorted(source.things) if source.whole else list(dict.fromkeys(source.journal[start:]))
        for number in range(0, max(len(names), 1), source.batch):
            if source.down_after is not None and number // source.batch >= source.down_after:
                raise ConnectorError("The scripted source is down.")
            yield self._batch(names[number : number + source.batch], last=number + source.batch >= len(names))
        self.lists_everything = source.whole and not source.incomplete

    def _batch(self, names: list[str], *, last: bool) -> Batch:
        source = self._source
        there = [name for name in names if name in source.things and name not in source.unlisted]
        return Batch(
            items=tuple(self._item(name) for name in there),
            deleted=tuple(name for name in names if name not in source.things),
            failed=tuple((name, "It could not be listed.") for name in names if name in source.unlisted),
            cursor=str(len(source.journal)) if last and not source.whole else None,
        )

    def _item(self, name: str) -> Item:
        thing = self._source.things[name]
        revision = f"{thing.edition}-{zlib.crc32(thing.data)}"
        return Item(name, revision, f"{Path(name).name}.txt", thing.title, thing.url, grants=thing.grants)

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        source = self._source
        if source.kill_after is not None and len(source.fetched) >= source.kill_after:
            raise KilledError
        source.fetched.append(item.external_id)
        if item.external_id in source.broken:
            raise ItemError("It could not be fetched.")
        if item.external_id in source.lost or item.external_id not in source.things:
            raise ItemGoneError("It is gone.")
        path = folder / "thing"
        path.write_bytes(source.things[item.external_id].data)
        return Fetched(path, item)

    def close(self) -> None:
        """Nothing is held."""
