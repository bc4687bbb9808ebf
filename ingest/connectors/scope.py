"""How far a crawl goes: the start's host, at or below the start's folder, within the patterns.

Knows nothing of pages.
"""

from collections.abc import Sequence

import httpx

from ingest.connectors.contract import ConnectorError
from ingest.connectors.selection import Selection
from ingest.connectors.urls import UnsafeUrlError, origin_of, parsed_url


class ElsewhereError(Exception):
    """A redirect leads out of reach."""


class Scope:
    """`reaches`: may be opened. `takes`: may become a document too; what `include` leaves out is only followed."""

    def __init__(self, start: httpx.URL, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._opened = Selection((), exclude)
        self._taken = Selection(include, exclude)
        self._given = start
        self.begin_at(start)

    def begin_at(self, start: httpx.URL) -> None:
        """Take the address where the start's redirects ended for the start."""
        self._origin = origin_of(start)
        self._prefix = start.path.rpartition("/")[0] + "/"

    def permit_start(self, url: httpx.URL) -> None:
        """Raises ConnectorError where the start leads to another host; www. more or less is the same one."""
        if _bare(url.host) != _bare(self._given.host):
            raise ConnectorError(f"The start address leads to another host, {url.host}. Give an address there.")

    def reaches(self, url: str) -> bool:
        try:
            parsed = parsed_url(url)
        except UnsafeUrlError:
            return False
        near = origin_of(parsed) == self._origin and parsed.path.startswith(self._prefix)
        return near and self._opened.takes(_path(parsed))

    def takes(self, url: str) -> bool:
        return self.reaches(url) and self._taken.takes(_path(parsed_url(url)))

    def same_host(self, url: httpx.URL) -> bool:
        """Whether an address lies on the start's host, whatever its path; http and https count as one."""
        return _bare(url.host) == _bare(self._given.host)

    def takes_path(self, url: httpx.URL) -> bool:
        """Whether the patterns take an address, wherever it lies on the host."""
        return self._taken.takes(_path(url))


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")


def _path(url: httpx.URL) -> str:
    query = url.query.decode("ascii", "replace")
    return url.path.lstrip("/") + (f"?{query}" if query else "")
