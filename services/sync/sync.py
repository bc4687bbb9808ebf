"""One sync: what a connector lists becomes documents, what it no longer lists is deleted with care.

Unchanged revisions cost nothing; a failing item stops no other; the cursor is saved after its batch. Whom a listing no
longer names as a reader loses the document at once, whether or not its new bytes can be fetched. What a listing does
not name is deleted only where the connector says that it was whole, and nothing is deleted without a person's word
when the data source lost everything, or more than half of 20 documents or more: an unmounted disk looks like an empty
folder. Knows nothing of processes or of SQL.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from ingest.connectors.contract import Batch, Connector, Fetched, Item, ItemError, ItemGoneError
from retrieval.errors import DocumentError, FootnoteError, InvalidInputError
from retrieval.storable import storable
from retrieval.types import EVERYONE
from services.blobs import Blob, BlobStore
from services.db.models import DataSourceItem
from services.db.source_items import Listed, SourceItems
from services.db.syncs import SyncLease, Syncs
from services.sync.items import as_bytes, fitting, from_waiting, has_fitting_id, id_shown, waiting

MANY = 20
CROWD_EVERY = 50
CROWD_PAUSE_S = 2.0
# So often: then another data source may have its turn, whose deletions and permissions must not wait for hours.
CROWD_PAUSES = 30
# The item's own fault; everything else of ours ends the sync.
ITEM_FAULTS = (ItemError, InvalidInputError, DocumentError)
_log = structlog.get_logger(__name__)


class StepAsideError(Exception):
    """The workers are far behind, and another data source is due: this sync is gone on with after it."""


@dataclass
class Counters:
    """How far a sync is. `failed` counts items at the end, those of earlier syncs that still fail included."""

    listed: int = 0
    unchanged: int = 0
    fetched: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    deleted: int = 0
    failed: int = 0


class Sync:
    """One sync of one data source, under its lease. `folder` takes an item's bytes for a moment."""

    def __init__(
        self,
        lease: SyncLease,
        connector: Connector,
        *,
        syncs: Syncs,
        items: SourceItems,
        blobs: BlobStore,
        ring: Callable[[tuple[str, ...]], None],
        folder: Path,
        limit: int,
        counters: Counters | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lease = lease
        self._connector = connector
        self._syncs = syncs
        self._items = items
        self._blobs = blobs
        self._ring = ring
        self._folder = folder
        self._limit = limit
        self._sleep = sleep
        self._listing = True
        self.counters = counters or Counters()
        self.moved_at = time.monotonic()

    def run(self) -> None:
        """To the end, which the registry records.

        Raises ConnectorError and other UnavailableErrors where the source, the registry or the blob store fails:
        nothing was deleted then; LeaseLostError where the sync was overtaken.
        """
        for batch in self._connector.changes(self._lease.cursor):
            self._batch(batch)
        self._listing = False
        if self._connector.lists_everything:
            self._items.mark_unseen(self._lease)
        self._settle()
        unconfirmed = self._delete()
        self.counters.failed = self._items.failing(self._lease)
        outcome = "needs_confirmation" if unconfirmed else "partly" if self.counters.failed else "done"
        self._syncs.end(self._lease, outcome, asdict(self.counters), unconfirmed=unconfirmed)

    def _batch(self, batch: Batch) -> None:
        known = self._items.known(self._lease, [i.external_id for i in batch.items if has_fitting_id(i.external_id)])
        unchanged = [item.external_id for item in batch.items if self._item(item, known.get(item.external_id))]
        failed = [(id_shown(name), storable(reason)) for name, reason in batch.failed]
        self.counters.listed += len(failed)
        self.counters.failed += len(failed)
        gone = [name for name in batch.deleted if has_fitting_id(name)]
        listed = Listed(unchanged, gone, failed, batch.cursor)
        self._items.save(self._lease, listed, asdict(self.counters))
        self.moved_at = time.monotonic()

    def _item(self, item: Item, known: DataSourceItem | None) -> bool:
        """Bring one item in; whether it is as it was."""
        self.counters.listed += 1
        try:
            fit = fitting(item)
            if known is not None and known.document_id is not None and known.revision == fit.revision:
                self.counters.unchanged += 1
                self._grants(fit, known)
                return True
            return self._fetch(fit, known)
        except ItemGoneError:
            self._items.lost(self._lease, item.external_id)
        except ITEM_FAULTS as error:
            self._failed(item, error)
        return False

    def _grants(self, item: Item, known: DataSourceItem) -> None:
        own = list(item.grants) if item.grants is not None else None
        if (own is not None and own != known.grants) or known.own_grants != (own is not None):
            self._ring(self._items.set_grants(self._lease, item.external_id, item.grants))

    def _narrow(self, item: Item, known: DataSourceItem) -> None:
        """Take a known document from those who may no longer read its item, for new bytes may fail to come for long.

        Whom the item names anew waits for the new bytes: the old ones were not meant for them.
        """
        if item.grants is None:
            return
        left = _in_both(item.grants, known.grants or ())
        if set(left) != set(known.grants or ()):
            self._ring(self._items.set_grants(self._lease, item.external_id, tuple(left)))

    def _fetch(self, item: Item, known: DataSourceItem | None) -> bool:
        """Fetch and register; whether the item turned out to be as it was. Raises what is the item's own fault."""
        if known is not None and known.document_id is not None:
            self._narrow(item, known)
        if self.counters.fetched % CROWD_EVERY == 0:
            self._wait_while_crowded()
        revision = known.revision if known is not None and known.document_id is not None else None
        self.moved_at = time.monotonic()
        fetched = self._fetched(item, revision)
        if fetched is None:
            self.counters.unchanged += 1
            if known is not None:
                self._grants(item, known)
            return True
        self.counters.fetched += 1
        is_new = known is None or known.document_id is None
        as_it_is = replace(fetched.item, external_id=item.external_id)
        self._bring(fitting(as_it_is), self._stored(fetched.path), is_new=is_new)
        return False

    def _stored(self, path: Path) -> Blob:
        try:
            blob = self._blobs.put_file(path, limit=self._limit)
        except OSError as error:
            raise ItemError(f"What was fetched cannot be read: {error.strerror}.") from error
        finally:
            path.unlink(missing_ok=True)
        if blob.size == 0:
            raise ItemError("It is empty.", code="empty_file")
        return blob

    def _fetched(self, item: Item, revision: str | None) -> Fetched | None:
        try:
            return self._connector.fetch(item, self._folder, known_revision=revision)
        except FootnoteError:
            raise
        except Exception as error:
            _log.exception("fetch_crashed", data_source=self._lease.source_id)
            raise ItemError(f"{type(error).__name__} while it was fetched.", code="connector_crashed") from error

    def _bring(self, item: Item, blob: Blob, *, is_new: bool) -> None:
        if is_new and self._listing and self._items.has_twin(self._lease, item.external_id, blob.sha256):
            self._items.defer(self._lease, item.external_id, waiting(item, blob))
            return
        new = as_bytes(item, blob, self._lease.name)
        if is_new and not self._listing:
            ring = self._items.move(self._lease, new)
            if ring is not None:
                self.counters.moved += 1
                self._ring(ring)
                return
        changed, ring = self._items.register(self._lease, new)
        self._ring(ring)
        if is_new:
            self.counters.new += 1
        elif changed:
            self.counters.changed += 1

    def _failed(self, item: Item, error: FootnoteError) -> None:
        self.counters.failed += 1
        again = waiting(item) if has_fitting_id(item.external_id) else None
        fault = FootnoteError(storable(error.message), code=error.code)
        self._items.fail(self._lease, id_shown(item.external_id), fault, again)

    def _settle(self) -> None:
        """The listing is known: what was fetched has moved or is new, and what failed earlier is tried again."""
        after = ""
        while items := self._items.waiting(self._lease, after=after):
            for known in items:
                after = known.external_id
                item, blob = from_waiting(known.external_id, known.waiting or {})
                try:
                    if blob is not None:
                        self._bring(item, blob, is_new=True)
                    elif self._fetch(fitting(item), known):
                        self._items.save(self._lease, Listed([known.external_id], (), (), None), asdict(self.counters))
                except ItemGoneError:
                    self._items.lost(self._lease, item.external_id)
                except ITEM_FAULTS as error:
                    self._failed(item, error)

    def _delete(self) -> int:
        """Delete what is gone; how many documents wait for a person's word instead."""
        gone, every = self._items.gone(self._lease)
        startling = gone > 0 and (gone == every or (every >= MANY and 2 * gone > every))
        if startling and not self._lease.confirmed:
            return gone
        while (step := self._items.delete_gone(self._lease)) is not None:
            count, ring = step
            self.counters.deleted += count
            self._ring(ring)
            self.moved_at = time.monotonic()
        return 0

    def _wait_while_crowded(self) -> None:
        pauses = 0
        while self._syncs.crowded():
            self.moved_at = time.monotonic()
            if pauses >= CROWD_PAUSES and self._syncs.due(limit=1):
                raise StepAsideError
            self._sleep(CROWD_PAUSE_S)
            pauses += 1


def _in_both(listed: Sequence[str], known: Sequence[str]) -> list[str]:
    """The grants of those whom both name, sorted. Who is in two groups at once cannot be written as a grant."""
    if EVERYONE in listed:
        return sorted(known)
    return sorted(grant for grant in listed if grant in known or EVERYONE in known)
