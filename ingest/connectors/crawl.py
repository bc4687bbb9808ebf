"""One pass over a web site, breadth first from a start address: what there is, what failed, what to know next time.

Knows nothing of batches.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import httpx

from ingest.connectors.contract import ConnectorError, Item, ItemError, ItemGoneError
from ingest.connectors.crawl_memory import PageMemo
from ingest.connectors.names import why_no_id
from ingest.connectors.options import WebOptions
from ingest.connectors.pages import PageReader, start_failure
from ingest.connectors.scope import ElsewhereError, Scope
from ingest.connectors.urls import canonical_url, parsed_url

_MAX_FAILURES_IN_A_ROW = 5
_MAX_QUEUE_PER_PAGE = 20  # a calendar links for ever
_SOURCE_DOWN = frozenset({"unreachable", "server_error"})


class Crawl:
    """`fresh` is what this pass learnt of each address, `complete` whether it saw all there is.

    `known` is what the pass before learnt.
    """

    def __init__(self, options: WebOptions, pages: PageReader, known: dict[str, PageMemo], folder: Path) -> None:
        self.complete = True
        self.fresh: dict[str, PageMemo] = {}
        self._options = options
        self._pages = pages
        self._known = known
        self._folder = folder
        self._scope = Scope(parsed_url(options.url), options.include, options.exclude)
        self._queue: deque[tuple[str, int]] = deque()
        self._queued: set[str] = set()
        self._named: set[str] = set()
        self._chosen: set[str] = set()  # by a rel=canonical: what they call canonical themselves does not count
        self._files: dict[str, tuple[Path, Item]] = {}
        self._opened = 0
        self._failures = 0

    def take_files(self) -> dict[str, tuple[Path, Item]]:
        """The pages downloaded since the last call, by external id."""
        files, self._files = self._files, {}
        return files

    def run(self) -> Iterator[Item | tuple[str, str] | None]:
        """Items, (external id, reason) for pages that cannot be read, and None for what was opened and is not listed.

        Raises ConnectorError.
        """
        self._queue_up(str(canonical_url(parsed_url(self._options.url))), 0)
        while self._queue:
            if self._opened >= self._options.max_pages:
                self.complete = False
                return
            url, depth = self._queue.popleft()
            self._opened += 1
            yield self._visit(url, depth)

    def _visit(self, url: str, depth: int) -> Item | tuple[str, str] | None:
        """Open a page, queue its links, and say what it is; None where it is not to be listed."""
        memo = self._known.get(url)
        into = self._folder / str(self._opened)
        try:
            found, path = self._read(url, into, memo)
        except ElsewhereError:
            return None
        except ItemGoneError as error:
            if self._opened == 1:
                raise start_failure(url, error) from error
            return None
        except ItemError as error:
            into.unlink(missing_ok=True)
            return self._failed(url, depth, memo, error)
        self._failures = 0
        if self._opened == 1:
            self._scope.begin_at(parsed_url(found.url))
        self.fresh[url] = found
        self._follow(found, depth)
        item = self._item(url, found, depth)
        if path is not None and item is not None:
            self._files[item.external_id] = (path, item)
        elif path is not None:
            path.unlink(missing_ok=True)
        return item

    def _read(self, url: str, into: Path, memo: PageMemo | None) -> tuple[PageMemo, Path | None]:
        if memo is None:
            page = self._pages.read(url, into, permit=self._permit)
        else:
            changed = self._pages.read_if_changed(url, into, known=memo, permit=self._permit)
            if changed is None:
                return memo, None
            page = changed
        return PageMemo.of(page), page.path

    def _item(self, opened: str, found: PageMemo, depth: int) -> Item | None:
        self._queued.add(found.url)
        if not found.readable or found.url in self._named or not self._scope.takes(found.url):
            return None
        if why_no_id(found.url) is not None:
            return None
        # A canonical address that leads back here says nothing: nobody could ever open another page under it.
        chosen = found.canonical if found.canonical != opened else None
        if chosen and chosen != found.url and found.url not in self._chosen and self._scope.takes(chosen):
            self._chosen.add(chosen)
            self._queue_up(chosen, depth)
            return None
        self._named.add(found.url)
        return found.item()

    def _failed(self, url: str, depth: int, memo: PageMemo | None, error: ItemError) -> tuple[str, str]:
        if self._opened == 1:
            raise start_failure(url, error) from error
        if error.code in _SOURCE_DOWN:
            self._failures += 1
            if self._failures >= _MAX_FAILURES_IN_A_ROW:
                raise ConnectorError(f"{self._failures} pages in a row cannot be read, the last: {error.message}")
        if memo is not None:
            self.fresh[url] = memo
            self._follow(memo, depth)
        elif error.code in _SOURCE_DOWN:
            self.complete = False  # pages that only this one links to would be taken for gone
        return (memo.url if memo else url), error.message

    def _follow(self, memo: PageMemo, depth: int) -> None:
        if depth < self._options.max_depth:
            for link in memo.links:
                self._queue_up(link, depth + 1)

    def _queue_up(self, url: str, depth: int) -> None:
        if url in self._queued or (self._opened and not self._scope.reaches(url)):
            return
        if len(self._queue) >= _MAX_QUEUE_PER_PAGE * self._options.max_pages:
            self.complete = False
            return
        self._queued.add(url)
        self._queue.append((url, depth))

    def _permit(self, url: httpx.URL) -> None:
        if self._opened == 1:
            self._scope.permit_start(url)
        elif not self._scope.reaches(str(canonical_url(url))):
            raise ElsewhereError
