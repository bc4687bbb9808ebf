"""The pages that a sitemap names as a data source.

With a `lastmod` an unchanged page costs nothing; without one, or with the date of a day that is not long over, it costs
a conditional request. Knows nothing of links.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import monotonic

import httpx

from ingest.connectors.contract import Batch, ConnectorError, Fetched, Item, ItemGoneError
from ingest.connectors.fetching import FetchError
from ingest.connectors.names import file_name_of, shown_id, why_no_id
from ingest.connectors.options import SitemapOptions
from ingest.connectors.pages import PageReader
from ingest.connectors.robots import DisallowedError
from ingest.connectors.scope import ElsewhereError, Scope
from ingest.connectors.sitemap_files import MAX_BYTES, Entry, NotASitemapError, SitemapFile, read_sitemap
from ingest.connectors.urls import UnsafeUrlError, canonical_url, parsed_url

BATCH = 200
_MAX_SITEMAPS = 1000
# So often at least the sync hears of us: many parts that name nothing new, with pauses, look like a listing that hangs.
_QUIET_S = 60.0
# A page may change again within the day that it is dated with, wherever on earth that day is counted.
_SETTLED = timedelta(days=2)
_LASTMOD, _ETAG, _DATE, _DIGEST, _UNKNOWN = "lastmod ", "etag ", "date ", "sha256 ", "unknown"


@dataclass(frozen=True, slots=True)
class _Validators:
    etag: str
    last_modified: str


class SitemapConnector:
    """A revision is a page's `lastmod`, or else what its server last sent to recognise it by."""

    def __init__(self, options: SitemapOptions, pages: PageReader) -> None:
        self.lists_everything = False
        self._options = options
        self._pages = pages
        self._scope = Scope(parsed_url(options.url), options.include, options.exclude)

    def close(self) -> None:
        self._pages.close()

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        items: list[Item] = []
        failed: list[tuple[str, str]] = []
        complete, named = True, set[str]()
        told_at = monotonic()
        for found in self._entries():
            if isinstance(found, tuple):
                # What an unreadable part of the sitemap names is not known, so nothing must be taken for gone.
                complete = False
                failed.append(found)
            elif found is not None and (item := self._item(found)) is not None and item.external_id not in named:
                if len(named) >= self._options.max_pages:
                    complete = False
                    break
                named.add(item.external_id)
                items.append(item)
            if len(items) >= BATCH or monotonic() - told_at >= _QUIET_S:
                yield Batch(tuple(items), failed=tuple(failed))
                items, failed = [], []
                told_at = monotonic()
        self.lists_everything = complete
        yield Batch(tuple(items), failed=tuple(failed))

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        into = folder / "page"
        trusted = item.revision.startswith(_LASTMOD)
        # A date that has come to be trusted is learnt with the page, once: a 304 would have to be asked for for ever.
        known = None if trusted else _validators(known_revision)
        try:
            if known is None:
                page = self._pages.read(item.external_id, into, permit=self._permit)
            else:
                changed = self._pages.read_if_changed(item.external_id, into, known=known, permit=self._permit)
                if changed is None:
                    return None
                page = changed
        except ElsewhereError as error:
            raise ItemGoneError("The address leads to another host now.") from error
        if page.path is None:
            raise ItemGoneError("The page asks not to be indexed, or holds nothing that can be read.")
        revision = item.revision if trusted else _revision(page.etag, page.last_modified)
        revision = revision or _DIGEST + page.digest
        if revision == known_revision:
            return None
        path = folder / page.file_name
        page.path.rename(path)
        told = replace(item, revision=revision, file_name=page.file_name, title=page.head.title, url=page.url)
        return Fetched(path, replace(told, modified_at=item.modified_at or page.modified_at))

    def _permit(self, url: httpx.URL) -> None:
        if not self._scope.same_host(url):
            raise ElsewhereError

    def _item(self, entry: Entry) -> Item | None:
        """An entry as an item; None for what lies elsewhere or may not be read."""
        try:
            url = canonical_url(parsed_url(entry.url))
            if not self._scope.same_host(url) or not self._scope.takes_path(url):
                return None
            self._pages.check(url)
        except (UnsafeUrlError, DisallowedError):
            return None
        external_id = str(url)
        if why_no_id(external_id) is not None:
            return None
        modified_at = _w3c_date(entry.lastmod)
        revision = _LASTMOD + modified_at.isoformat() if modified_at and _is_settled(entry.lastmod) else _UNKNOWN
        name = file_name_of(url.path.rpartition("/")[2] or url.host)
        return Item(external_id, revision, name, url=external_id, modified_at=modified_at)

    def _entries(self) -> Iterator[Entry | tuple[str, str] | None]:
        """Every address in the sitemap and those it points at, (address, reason) for parts that cannot be read, and
        None for each part that was read.
        """
        queue = deque([self._options.url])
        seen = {self._options.url}
        while queue:
            url = queue.popleft()
            try:
                sitemap = self._sitemap(url)
            except (FetchError, DisallowedError, UnsafeUrlError, NotASitemapError) as error:
                if url == self._options.url:
                    raise ConnectorError(f"The sitemap {url} cannot be read: {error}") from error
                yield shown_id(url), f"This part of the sitemap cannot be read: {error}"
                continue
            yield None
            if not sitemap.is_index:
                yield from sitemap.entries
                continue
            for entry in sitemap.entries:
                if entry.url not in seen and len(seen) < _MAX_SITEMAPS:
                    seen.add(entry.url)
                    queue.append(entry.url)

    def _sitemap(self, url: str) -> SitemapFile:
        if not self._scope.same_host(parsed_url(url)):
            raise UnsafeUrlError("It lies on another host.")
        return read_sitemap(self._pages.bytes_of(url, max_bytes=MAX_BYTES))


def _revision(etag: str, last_modified: str) -> str:
    if etag:
        return _ETAG + etag
    return _DATE + last_modified if last_modified else ""


def _validators(revision: str | None) -> _Validators | None:
    if revision is None or not revision.startswith((_ETAG, _DATE)):
        return None
    kind, _, value = revision.partition(" ")
    return _Validators(value, "") if kind == _ETAG.strip() else _Validators("", value)


def _is_settled(lastmod: str) -> bool:
    """Whether a date names one change: a time does, a day only once it is over. Many write midnight for a day."""
    date = datetime.fromisoformat(lastmod)
    since = date.replace(tzinfo=UTC) if date.tzinfo is None else date
    return date.time() != time.min or since < datetime.now(UTC) - _SETTLED


def _w3c_date(text: str) -> datetime | None:
    """A date of https://www.w3.org/TR/NOTE-datetime; None where it is none."""
    try:
        date = datetime.fromisoformat(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
