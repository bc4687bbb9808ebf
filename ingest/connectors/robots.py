"""Politeness: what robots.txt permits (RFC 9309), pauses between requests, a name that says who asks.

Knows nothing of pages.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

import httpx
from protego import Protego

from ingest.connectors.contract import ConnectorError
from ingest.connectors.fetching import Answer, FetchError, SafeFetcher
from ingest.connectors.urls import origin_of
from retrieval.errors import ForbiddenError

_MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309, section 2.5: at least this much is read
_MAX_ANSWER_BYTES = 64 * 2**20
_MAX_PAUSE_S = 60.0
_BUSY = frozenset({429, 503})


class DisallowedError(ForbiddenError):
    """robots.txt asks us not to open this address."""

    code = "robots_disallowed"


class PoliteFetcher:
    """A SafeFetcher that asks robots.txt of each host first and leaves pauses. For one thread.

    `product` is our name in robots.txt. `delay_s` is the least pause between requests to one host; robots.txt may ask
    for more, up to a minute. `sleep` is the seam for tests.
    """

    def __init__(
        self, fetcher: SafeFetcher, *, product: str, delay_s: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._fetcher = fetcher
        self._product = product
        self._delay_s = delay_s
        self._sleep = sleep
        self._rules: dict[tuple[str, str, int], Protego] = {}
        self._next_at: dict[tuple[str, str, int], float] = {}

    def close(self) -> None:
        self._fetcher.close()

    @contextmanager
    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        permit: Callable[[httpx.URL], None] = lambda url: None,
    ) -> Generator[Answer]:
        """As SafeFetcher.get; a server that is busy is asked once more after the pause that it names.

        Raises FetchError, DisallowedError, and ConnectorError where robots.txt cannot be read.
        """

        def permit_politely(target: httpx.URL) -> None:
            permit(target)
            self.check(target)
            self._pause(origin_of(target))

        with self._fetcher.get(url, headers=headers, permit=permit_politely) as answer:
            if answer.status not in _BUSY:
                yield answer
                return
            self._next_at[origin_of(answer.url)] = time.monotonic() + _named_pause(answer)
        with self._fetcher.get(url, headers=headers, permit=permit_politely) as answer:
            yield answer

    def check(self, url: httpx.URL) -> None:
        """Raises DisallowedError where robots.txt forbids this address, ConnectorError where it cannot be read."""
        if not self._robots(url).can_fetch(str(url), self._product):
            raise DisallowedError("The site's robots.txt asks not to read this address.")

    def _robots(self, url: httpx.URL) -> Protego:
        origin = origin_of(url)
        if origin not in self._rules:
            self._rules[origin] = Protego.parse(self._robots_text(url))
        return self._rules[origin]

    def _robots_text(self, url: httpx.URL) -> str:
        address = str(url.copy_with(raw_path=b"/robots.txt"))
        try:
            with self._fetcher.get(address) as answer:
                if answer.status == 200:
                    return _first_bytes(answer).decode("utf-8", "replace")
                if 400 <= answer.status < 500 and answer.status not in _BUSY:
                    return ""
                reason = f"it answers {answer.status}"
        except FetchError as error:
            reason = error.message
        raise ConnectorError(f"{address} cannot be read, so nothing on that host may be: {reason}")

    def _pause(self, origin: tuple[str, str, int]) -> None:
        wait = self._next_at.get(origin, 0.0) - time.monotonic()
        if wait > 0:
            self._sleep(wait)
        asked = self._rules[origin].crawl_delay(self._product) or 0.0
        self._next_at[origin] = time.monotonic() + min(_MAX_PAUSE_S, max(self._delay_s, float(asked)))


def _first_bytes(answer: Answer) -> bytes:
    """As much of a robots.txt as has to be read; the rest does not count."""
    taken = bytearray()
    for piece in answer.body(max_bytes=_MAX_ANSWER_BYTES):
        taken += piece
        if len(taken) >= _MAX_ROBOTS_BYTES:
            break
    return bytes(taken[:_MAX_ROBOTS_BYTES])


def _named_pause(answer: Answer) -> float:
    named = answer.headers.get("retry-after", "")
    return min(_MAX_PAUSE_S, float(named)) if named.isdecimal() else 5.0
