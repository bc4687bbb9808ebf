"""A web site as a data source: pages reached from a start address along its links, on the same host and below the same
folder.

A crawl has to look at every page to find the next; pages that answer 304 cost no download and no parse. Each run names
all pages, unless it was cut short. Knows nothing of sitemaps.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ingest.connectors.contract import Batch, Fetched, Item, ItemGoneError
from ingest.connectors.crawl import Crawl
from ingest.connectors.crawl_memory import CrawlMemory, PageMemo
from ingest.connectors.options import WebOptions
from ingest.connectors.pages import PageReader
from ingest.connectors.policy import ConnectorPolicy

BATCH = 20  # pages: their files lie on disk until the next batch is asked for
# So often at least the sync hears of us: a slow site of pages that are not listed looks like a crawl that hangs.
_QUIET_S = 60.0


class WebConnector:
    """`memory` keeps what the crawl before knew of each page; losing it costs downloads, nothing else."""

    def __init__(self, options: WebOptions, policy: ConnectorPolicy, pages: PageReader) -> None:
        self.lists_everything = False
        self._options = options
        self._pages = pages
        self._memory = CrawlMemory.of(policy.work_dir, options)
        policy.work_dir.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="crawl-", dir=policy.work_dir))
        self._held: dict[str, tuple[Path, Item]] = {}

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._pages.close()

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        crawl = Crawl(self._options, self._pages, self._memory.load(), self._folder)
        items: list[Item] = []
        failed: list[tuple[str, str]] = []
        told_at = time.monotonic()
        for found in crawl.run():
            if isinstance(found, tuple):
                failed.append(found)
            elif found is not None:
                items.append(found)
            if len(items) + len(failed) >= BATCH or time.monotonic() - told_at >= _QUIET_S:
                self._held = crawl.take_files()
                yield Batch(tuple(items), failed=tuple(failed))
                items, failed = [], []
                self._drop_held()
                told_at = time.monotonic()
        self._held = crawl.take_files()
        self._memory.save(crawl.fresh)
        self.lists_everything = crawl.complete
        yield Batch(tuple(items), failed=tuple(failed))
        self._drop_held()

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        path = folder / item.file_name
        if item.external_id in self._held:
            held, listed = self._held.pop(item.external_id)
            shutil.move(held, path)
            return Fetched(path, listed)
        page = self._pages.read(item.external_id, path)
        if page.path is None:
            raise ItemGoneError("The page asks not to be indexed, or holds nothing that can be read.")
        if page.digest == known_revision:
            return None
        return Fetched(path, replace(PageMemo.of(page).item(), external_id=item.external_id))

    def _drop_held(self) -> None:
        for path, _ in self._held.values():
            path.unlink(missing_ok=True)
        self._held = {}
