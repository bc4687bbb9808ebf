"""The names and aliases of collections, durable.

`catalogue.json` is replaced as a whole, so a reader after any crash sees all of an alias switch or none of it. What it
does not name is not there: a directory left by a crash between two steps is removed at the next start. What is damaged
is moved to `damaged/` and left out, so that the rest can be used: whoever fills an index can fill it again. Knows
nothing of points or of HTTP.
"""

import json
import logging
import shutil
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.durable import fsync
from services.embedded.data_directory import set_aside
from services.embedded.index.collection import ENGINE, Collection
from services.embedded.index.errors import ExistsError, MissingError, WrongInputError
from services.embedded.index.failures import DamagedError
from services.embedded.index.fields import members, required, string
from services.embedded.index.schema import Schema

FORMAT = 1
_FORBIDDEN = set('<>:"/\\|?*\0')
_DAMAGED = "collection %s is DAMAGED and left out, to be filled again (%s). Kept of it: %s"
_OTHER_ENGINE = (
    "collection %s was written by %s, and %s, which is installed now, cannot open it (%s). It is left out and filled "
    "again by itself: nothing has to be done, but it takes as long as embedding every document. Kept of it, to be "
    "deleted when you like: %s"
)

log = logging.getLogger(__name__)


class Catalogue:
    """All collections of one data directory, which the caller holds alone. Threads may use it at once."""

    def __init__(self, data_dir: Path) -> None:
        """Open every collection that is not damaged. OSError where the machine does not let us, ValueError for a
        directory of another release.
        """
        self._file = data_dir / "catalogue.json"
        self._shards = data_dir / "collections"
        self._damaged = data_dir / "damaged"
        self._changing = threading.RLock()
        self._collections: dict[str, Collection] = {}
        self._aliases: dict[str, str] = {}
        self._shards.mkdir(parents=True, exist_ok=True)
        if self._file.exists():
            self._load()
        kept = {collection.directory for collection in self._collections.values()}
        for left in set(self._shards.iterdir()) - kept:
            shutil.rmtree(left)

    def names(self) -> list[str]:
        return sorted(self._collections)

    def aliases(self) -> dict[str, str]:
        """Alias -> name of its collection."""
        return dict(self._aliases)

    def named(self, name: str) -> str:
        """The collection's own name. MissingError for neither a name nor an alias."""
        found = self._aliases.get(name, name)
        if found not in self._collections:
            raise MissingError(f"Not found: Collection `{name}` doesn't exist!")
        return found

    def get(self, name: str) -> Collection:
        """The collection of a name or alias. MissingError where there is none."""
        return self._collections[self.named(name)]

    def create(self, name: str, schema: Schema) -> None:
        """Make an empty collection. ExistsError for a name in use, WrongInputError for one that cannot be."""
        _check_name(name)
        with self._changing:
            if name in self._collections:
                raise ExistsError(f"Wrong input: Collection `{name}` already exists!")
            if name in self._aliases:
                raise WrongInputError(f"Wrong input: Can't create collection with name {name}: it is an alias")
            collection = Collection.create(self._shards / uuid.uuid4().hex, schema)
            fsync(self._shards)
            self._commit({**self._collections, name: collection}, self._aliases)

    def delete(self, name: str) -> bool:
        """Remove a collection, its points and its aliases. False where there is none of this name."""
        with self._changing:
            collection = self._collections.get(name)
            if collection is None:
                return False
            self._forget(name)
            collection.close()
            shutil.rmtree(collection.directory)
            return True

    def change_aliases(self, actions: list[Any]) -> None:
        """Apply Qdrant's alias operations in their order: all of them, or none where one is wrong."""
        with self._changing:
            aliases = dict(self._aliases)
            for action in actions:
                self._change_alias(aliases, action)
            self._commit(self._collections, aliases)

    def keep(self) -> None:
        """Upkeep of every collection; meant to be called every second or so. What is damaged is left out.

        While one is cleared of deleted points none is searched, so that waits until all of them are idle.
        """
        for name, collection in list(self._collections.items()):
            if (damage := collection.damage()) is not None:
                self._leave_out(name, collection, damage)
        collections = list(self._collections.values())
        idle = all(collection.is_idle for collection in collections)
        for collection in collections:
            collection.keep(clear=idle)

    def close(self) -> None:
        with self._changing:
            for collection in self._collections.values():
                collection.close()

    def _change_alias(self, aliases: dict[str, str], action: object) -> None:
        what = "an alias operation"
        found = members(action, what, "create_alias", "delete_alias", "rename_alias")
        if len(found) != 1:
            raise WrongInputError(f"Wrong input: {what} must have exactly one member")
        kind, body = next(iter(found.items()))
        if kind == "create_alias":
            alias, name = _two(body, "alias_name", "collection_name")
            self._check_alias(alias)
            if name not in self._collections:
                raise MissingError(f"Not found: Collection `{name}` doesn't exist!")
            aliases[alias] = name
        elif kind == "delete_alias":
            aliases.pop(string(required(members(body, what, "alias_name"), "alias_name", what), "`alias_name`"), None)
        else:
            old, new = _two(body, "old_alias_name", "new_alias_name")
            self._check_alias(new)
            if old not in aliases:
                raise MissingError(f"Not found: Alias {old} does not exists!")
            aliases[new] = aliases.pop(old)

    def _check_alias(self, alias: str) -> None:
        _check_name(alias)
        if alias in self._collections:
            raise ExistsError(f"Wrong input: Collection `{alias}` already exists!")

    def _load(self) -> None:
        try:
            saved = _saved(self._file.read_bytes())
        except DamagedError as error:
            self._begin_afresh(error)
            return
        if saved.format != FORMAT:
            raise ValueError(f"{self._file} was written by another release (format {saved.format})")
        for name, entry in saved.collections.items():
            self._open(name, entry)
        self._aliases = {alias: name for alias, name in saved.aliases.items() if name in self._collections}
        if self._collections.keys() != saved.collections.keys():
            self._commit(self._collections, self._aliases)
        elif any(entry.engine != ENGINE for entry in saved.collections.values()):
            with suppress(OSError):  # a full disk: what is there can be searched all the same
                self._commit(self._collections, self._aliases)

    def _open(self, name: str, entry: "_Entry") -> None:
        directory = self._shards / entry.directory
        try:
            self._collections[name] = Collection.load(directory, entry.schema)
        except DamagedError as error:
            kept = self._kept(directory)
            if entry.engine in (None, ENGINE):
                log.error(_DAMAGED, name, error, kept)
            else:
                log.error(_OTHER_ENGINE, name, entry.engine, ENGINE, error, kept)
        else:
            if entry.engine not in (None, ENGINE):
                log.info("collection %s, written by %s, is open; from now on %s writes it", name, entry.engine, ENGINE)

    def _leave_out(self, name: str, collection: Collection, damage: DamagedError) -> None:
        with self._changing:
            if self._collections.get(name) is not collection:  # deleted meanwhile
                return
            collection.abandon()  # first: nothing more is acknowledged that would be moved away
            log.error(_DAMAGED, name, damage, self._kept(collection.directory))
            self._forget(name)

    def _forget(self, name: str) -> None:
        rest = {other: kept for other, kept in self._collections.items() if other != name}
        self._commit(rest, {alias: target for alias, target in self._aliases.items() if target != name})

    def _kept(self, directory: Path) -> Path | str:
        """Moved before the catalogue forgets it: what that does not name is removed at the next start."""
        return set_aside(directory, self._damaged) if directory.exists() else "nothing, for it is gone"

    def _begin_afresh(self, error: DamagedError) -> None:
        """Without its catalogue no collection is known by name. The catalogue goes last: without one, what is left in
        `collections/` by a crash between the two would be removed at the next start.
        """
        kept = [set_aside(path, self._damaged) for path in (self._shards, self._file)]
        self._shards.mkdir()
        log.error("%s is DAMAGED (%s): no collection is known. All are kept: %s, %s", self._file, error, *kept)

    def _commit(self, collections: Mapping[str, Collection], aliases: Mapping[str, str]) -> None:
        """Write the catalogue, then make it the one in use."""
        entries = {
            name: {
                "directory": c.directory.name,
                "engine": ENGINE,  # every collection that is open: the engine may rewrite its files at any time
                "vectors": c.schema.dense,
                "sparse_vectors": c.schema.sparse,
            }
            for name, c in collections.items()
        }
        text = json.dumps({"format": FORMAT, "collections": entries, "aliases": aliases}, indent=1)
        written = self._file.with_suffix(".tmp")
        written.write_text(text, encoding="utf-8")
        fsync(written)
        written.replace(self._file)
        fsync(self._file.parent)
        self._collections, self._aliases = dict(collections), dict(aliases)


@dataclass(frozen=True)
class _Entry:
    """`engine` wrote the collection last; None: a release that did not say so."""

    directory: str
    schema: Schema
    engine: str | None


@dataclass(frozen=True)
class _Saved:
    """What a catalogue file says: each collection's entry, and the name that each alias stands for."""

    format: object
    collections: Mapping[str, _Entry]
    aliases: Mapping[str, str]


def _saved(text: bytes) -> _Saved:
    """Another release's format is read no further. DamagedError for what no release has written."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            return _Saved(found["format"], {}, {})
        collections = {
            name: _Entry(
                str(entry["directory"]), Schema(entry["vectors"], entry["sparse_vectors"]), entry.get("engine")
            )
            for name, entry in found["collections"].items()
        }
        return _Saved(FORMAT, collections, dict(found["aliases"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from error


def _two(body: object, first: str, second: str) -> tuple[str, str]:
    found = members(body, "an alias operation", first, second)
    one, other = (string(required(found, name, "an alias operation"), f"`{name}`") for name in (first, second))
    return one, other


def _check_name(name: str) -> None:
    if not 0 < len(name) <= 255 or _FORBIDDEN & set(name):
        raise WrongInputError(f"Wrong input: `{name[:64]}` cannot name a collection")
