"""One page of a web site, opened politely: what it is, where it really lies, and its bytes in a file.

Knows nothing of crawls and sitemaps, which decide what is opened.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

import httpx

from ingest.connectors.addresses import AddressGate
from ingest.connectors.contract import ConnectorError, ItemError, ItemGoneError
from ingest.connectors.fetching import Answer, Credentials, FetchError, SafeFetcher
from ingest.connectors.html_head import HtmlHead, html_head, robots_directives
from ingest.connectors.names import READABLE_TYPES, file_name_for
from ingest.connectors.options import SitemapOptions, WebOptions
from ingest.connectors.policy import ConnectorPolicy
from ingest.connectors.robots import DisallowedError, PoliteFetcher
from ingest.connectors.urls import canonical_url

_HTML = ("text/html", "application/xhtml+xml")
_GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Page:
    """`url` is the canonical spelling of the address where redirects ended. `path` is None for a page that may not be
    indexed or holds nothing readable: its links count, its text does not."""

    url: str
    head: HtmlHead
    digest: str
    file_name: str
    etag: str
    last_modified: str
    path: Path | None

    @property
    def modified_at(self) -> datetime | None:
        return http_date(self.last_modified)


class Known(Protocol):
    """What was kept of a page to ask whether it changed; empty where the server gave none."""

    @property
    def etag(self) -> str: ...

    @property
    def last_modified(self) -> str: ...


class PageReader:
    """Opens pages within a cap on their size. `product` is our name in robots directives."""

    def __init__(self, fetcher: PoliteFetcher, *, product: str, max_bytes: int) -> None:
        self._fetcher = fetcher
        self._agent = product.lower()
        self._max_bytes = max_bytes

    def close(self) -> None:
        self._fetcher.close()

    def read(self, url: str, into: Path, *, permit: Callable[[httpx.URL], None] = lambda url: None) -> Page:
        """Open a page and write it to the file `into`.

        Raises ItemGoneError (404, 410, robots.txt), ItemError, and ConnectorError where the host's robots.txt cannot
        be read.
        """
        with _as_item_errors(), self._fetcher.get(url, permit=permit) as answer:
            return self._page(answer, into)

    def check(self, url: httpx.URL) -> None:
        """Raises DisallowedError where robots.txt forbids an address."""
        self._fetcher.check(url)

    def bytes_of(self, url: str, *, max_bytes: int) -> bytes:
        """What lies at an address that is no page. Raises FetchError, also for a status other than 200."""
        with self._fetcher.get(url) as answer:
            if answer.status != 200:
                raise FetchError(f"The server answers {answer.status}.", code="bad_response")
            return answer.read(max_bytes=max_bytes)

    def read_if_changed(
        self, url: str, into: Path, *, known: Known, permit: Callable[[httpx.URL], None] = lambda url: None
    ) -> Page | None:
        """The same; None where the server says that the page is as it was known (304)."""
        headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
        headers = {name: value for name, value in headers.items() if value}
        with _as_item_errors(), self._fetcher.get(url, headers=headers, permit=permit) as answer:
            return None if answer.status == 304 and headers else self._page(answer, into)

    def _page(self, answer: Answer, into: Path) -> Page:
        if answer.status in _GONE:
            raise ItemGoneError(f"The server says that it is gone ({answer.status}).")
        if answer.status != 200:
            code = "server_error" if answer.status >= 500 or answer.status == 429 else "item_unavailable"
            raise ItemError(f"The server answers {answer.status}.", code=code)
        url = canonical_url(answer.url)
        index, follow = robots_directives(answer.headers.get_list("x-robots-tag"), self._agent)
        readable = answer.content_type in READABLE_TYPES
        head, digest = HtmlHead(), ""
        if readable:
            answer.save(into, max_bytes=self._max_bytes)
            digest = _digest(into)
            if answer.content_type in _HTML:
                head = html_head(into.read_bytes(), answer.url, charset=_charset(answer), agent=self._agent)
        if not follow:
            head = HtmlHead(head.title, head.canonical, head.index, False)
        return Page(
            url=str(url),
            head=head,
            digest=digest,
            file_name=file_name_for(_last_part(url), answer.content_type),
            etag=answer.headers.get("etag", "")[:200],
            last_modified=answer.headers.get("last-modified", "")[:100],
            path=into if readable and index and head.index else None,
        )


def page_reader(options: WebOptions | SitemapOptions, policy: ConnectorPolicy) -> PageReader:
    """A reader for one data source: its pace, its credentials, the operator's limits."""
    secret = options.authorization
    credentials = None if secret is None else Credentials(options.url, secret.get_secret_value())
    fetcher = SafeFetcher(AddressGate(policy.allowed_networks), user_agent=policy.user_agent, credentials=credentials)
    polite = PoliteFetcher(fetcher, product=policy.product, delay_s=options.delay_s)
    return PageReader(polite, product=policy.product, max_bytes=policy.max_item_bytes)


def http_date(text: str) -> datetime | None:
    """A date as HTTP headers give it; None where it is none."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def start_failure(url: str, error: ItemError) -> ConnectorError:
    """The error for a data source whose first address cannot be read."""
    return ConnectorError(f"{url} cannot be read: {error.message}")


@contextmanager
def _as_item_errors() -> Iterator[None]:
    try:
        yield
    except DisallowedError as error:
        raise ItemGoneError(error.message) from error
    except FetchError as error:
        raise ItemError(error.message, code=error.code) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _charset(answer: Answer) -> str | None:
    return httpx.Response(200, headers=answer.headers).charset_encoding


def _last_part(url: httpx.URL) -> str:
    path = unquote(url.path).rstrip("/")
    return path.rpartition("/")[2] or url.host
