"""What a connector is: it lists the changes in a data source and fetches items. Knows nothing of HTTP servers, SQL or
the registry; the sync in `services/` turns changes into documents.

A connector is made for one sync, used by one thread and closed. It never decides what is deleted beyond what it saw.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from retrieval.errors import FootnoteError, UnavailableError


class ConnectorError(UnavailableError):
    """The data source as a whole cannot be read now: not reachable, not permitted, wrong options. Nothing changes."""

    code = "data_source_unavailable"


class ItemError(FootnoteError):
    """One item cannot be fetched; the others go on. A known document of it stays as it is."""

    code = "item_unavailable"


class ItemGoneError(ItemError):
    """The item is no longer there, or its owner does not want it read by machines: a known document of it goes too."""

    code = "item_gone"


@dataclass(frozen=True, slots=True)
class Item:
    """What a listing says of one thing that is to become a document.

    `external_id` names it within the data source for good (at most 1,000 characters). Equal `revision`s mean equal
    bytes: an item whose revision is known is not fetched. A thing that moved keeps its revision where the source can
    tell, so a vanished item and a new one of one revision are a move. `grants` None: the data source's defaults. Where
    they name fewer readers than before, a known document loses the others even if the item cannot be fetched.
    """

    external_id: str
    revision: str
    file_name: str
    title: str | None = None
    url: str | None = None
    modified_at: datetime | None = None
    grants: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Some changes, at most a few hundred, and where to go on after them.

    `cursor` is saved once the whole batch is registered; None: keep the old one. `deleted` holds external ids that the
    source says are gone. `failed` holds (external id, reason) of what the listing itself could not read: known
    documents of those ids stay as they are.
    """

    items: tuple[Item, ...]
    deleted: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An item's bytes in a file below the folder that `fetch` was given.

    `item` is the item as it really is: fetching may tell more (a title, the final URL, a better revision).
    """

    path: Path
    item: Item


class Connector(Protocol):
    """Lists changes since a cursor, and fetches items.

    `lists_everything`: the batches of the latest `changes` call together named every item there is, so that what they
    did not name (in `items` or `failed`) is gone. Otherwise only `Batch.deleted` tells of deletions. Read it after the
    last batch: a listing of differences may turn out to need a whole one, and a whole one may come out incomplete.
    """

    lists_everything: bool

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        """What changed since `cursor` (None: all there is). Raises ConnectorError."""
        ...

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        """Download one item into `folder`; None where it turns out to be as it was at `known_revision`.

        Items of the batch just listed cost least, but one of an earlier sync can be fetched too, without a listing.
        Raises ItemError for this item alone, ConnectorError where going on makes no sense.
        """
        ...

    def close(self) -> None:
        """Give back connections and temporary files."""
        ...
