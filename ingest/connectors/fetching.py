"""GET over HTTP for connectors: only http and https, only to addresses that the gate permits, within caps on size, time
and redirects, each redirect checked as if it were the first address.

httpcore connects to the very address that the gate judged; TLS still checks the host's name. Proxies and cookies play
no part. Knows nothing of pages and robots.
"""

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpcore
import httpx

from ingest.connectors.addresses import AddressGate, RefusedAddressError
from ingest.connectors.gated_network import Deadline, GatedNetwork
from ingest.connectors.urls import UnsafeUrlError, joined_url, origin_of, parsed_url
from retrieval.errors import FootnoteError

MAX_REDIRECTS = 8
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 64 * 1024
_STEP_TIMEOUT_S = 20.0
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f"


class FetchError(FootnoteError):
    """A GET that brought nothing.

    Codes: `unreachable`, `url_refused`, `address_refused`, `too_large`, `too_many_redirects`, `bad_response`.
    """

    code = "unreachable"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An Authorization header that goes to one origin and nowhere else."""

    url: str
    authorization: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a response; `read`, `save` or `body` takes the body, once. `url` is where redirects ended."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    pieces: Iterable[bytes]

    @property
    def content_type(self) -> str:
        """In lower case and without parameters; empty where the server says none."""
        given: str = self.headers.get("content-type", "")
        return given.partition(";")[0].strip().lower()

    def read(self, *, max_bytes: int) -> bytes:
        """The decoded body. Raises FetchError, `too_large` beyond `max_bytes`."""
        return b"".join(self.body(max_bytes=max_bytes))

    def save(self, path: Path, *, max_bytes: int) -> int:
        """Write the decoded body to a file; its length. Raises FetchError, `too_large` beyond `max_bytes`."""
        with path.open("wb") as file:
            return _written(file, self.body(max_bytes=max_bytes))

    def body(self, *, max_bytes: int) -> Iterator[bytes]:
        """The decoded body in pieces. Raises FetchError, `too_large` beyond `max_bytes`."""
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > max_bytes:
            raise _too_large(max_bytes)
        taken = 0
        for piece in _decoded(self.pieces, self.headers.get("content-encoding", "").strip().lower()):
            taken += len(piece)
            if taken > max_bytes:
                raise _too_large(max_bytes)
            yield piece


class SafeFetcher:
    """Fetches for one connector, in one thread; `close` ends its connections.

    `total_s` bounds one GET with all its redirects and its body.
    """

    def __init__(
        self,
        gate: AddressGate,
        *,
        user_agent: str,
        credentials: Credentials | None = None,
        total_s: float = 120.0,
        compressed: bool = True,
    ) -> None:
        self._deadline = Deadline(total_s)
        self._headers = {"User-Agent": user_agent, "Accept": "*/*"}
        self._headers["Accept-Encoding"] = "gzip" if compressed else "identity"
        self._credentials = credentials
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=4,
            keepalive_expiry=30.0,
            network_backend=GatedNetwork(gate, self._deadline),
        )

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        permit: Callable[[httpx.URL], None] = lambda url: None,
        follow: bool = True,
    ) -> Generator[Answer]:
        """GET an address and, with `follow`, where it redirects to. `permit` sees each address before it
        is opened and may raise.

        Raises FetchError.
        """
        self._deadline.start()
        try:
            target = parsed_url(url)
            for _ in range(MAX_REDIRECTS + 1):
                permit(target)
                with self._sent(target, headers or {}) as response:
                    answer = _answer(target, response)
                    location = answer.headers.get("location")
                    if not follow or answer.status not in _REDIRECTS or not location:
                        yield answer
                        return
                    target = joined_url(target, location)
        except (UnsafeUrlError, RefusedAddressError) as error:
            raise FetchError(error.message, code=error.code) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise FetchError(_said(target.host, error), code="unreachable") from error
        raise FetchError(f"More than {MAX_REDIRECTS} redirects.", code="too_many_redirects")

    def _sent(self, url: httpx.URL, headers: Mapping[str, str]) -> AbstractContextManager[httpcore.Response]:
        scheme, host, port = origin_of(url)
        sent = {"Host": url.netloc.decode("ascii"), **self._headers, **headers}
        if self._credentials is not None and origin_of(parsed_url(self._credentials.url)) == (scheme, host, port):
            sent["Authorization"] = self._credentials.authorization
        return self._pool.stream(
            "GET",
            httpcore.URL(scheme=scheme, host=host, port=port, target=url.raw_path),
            headers=list(sent.items()),
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), _STEP_TIMEOUT_S)},
        )


def _answer(url: httpx.URL, response: httpcore.Response) -> Answer:
    return Answer(url, response.status, httpx.Headers(response.headers), response.iter_stream())


def _written(file: BinaryIO, pieces: Iterable[bytes]) -> int:
    return sum(file.write(piece) for piece in pieces)


def _decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The body without its gzip, a little at a time: a bomb is noticed before it is unpacked."""
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip"):
        raise FetchError(f"The server answers in the encoding {encoding[:40]!r}, unasked.", code="bad_response")
    try:
        yield from gunzipped(pieces)
    except (zlib.error, EOFError) as error:
        raise FetchError("The server's compressed answer is damaged.", code="bad_response") from error


def gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What a gzip stream holds, in pieces of at most 64 KiB. Raises zlib.error, and EOFError where it is cut off."""
    member = zlib.decompressobj(_GZIP)
    for piece in pieces:
        left = piece
        while left:
            if member.eof:
                if not left.startswith(_GZIP_MAGIC):
                    return  # padding after the last member
                member = zlib.decompressobj(_GZIP)
            out = b"-"
            while out and not member.eof:
                out = member.decompress(left, _PIECE_BYTES)
                left = member.unconsumed_tail
                yield out
            left = member.unused_data if member.eof else b""
    if not member.eof:
        raise EOFError("the stream is cut off")


def _too_large(max_bytes: int) -> FetchError:
    return FetchError(f"It has more than {max_bytes / 2**20:,.4g} MiB.", code="too_large")


def _said(host: str, error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return f"{host} did not answer in time."
    if isinstance(error, httpcore.ConnectError):
        return f"{host} cannot be reached: {str(error)[:200]}."
    return f"{host} broke off the exchange: {str(error)[:200] or type(error).__name__}."
