"""Requests to a Footnote server, with retries, paging and errors.

Knows nothing of what is asked for: paths in, decoded JSON out. Raises the classes of `ingest/problems.py`.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import httpx

from ingest.problems import ServerUnreachableError, UnexpectedAnswerError, problem_from_body
from retrieval.errors import InvalidInputError

ATTEMPTS = 4
LONGEST_PAUSE_S = 60.0
# For a limit on a minute's requests, which others of the same person may use up again and again.
PATIENCE_S = 600.0
_FIRST_PAUSE_S = 0.2
_REPEATABLE_METHODS = frozenset({"GET", "PUT", "DELETE"})
_BUSY = frozenset({429, 503})
_PROXY_FAULTS = frozenset({502, 504})

# A sequence is sent as the same name several times, None not at all.
Param = str | int | Sequence[str] | None


class Rest:
    """One server at `url`, spoken to with `api_key`; safe to use from several threads.

    What may be sent twice (GET, PUT, DELETE, and what a caller calls `repeatable`) is tried up to four times when the
    connection breaks or the server is busy. Anything else is sent again only where the server said 429 or 503 with a
    Retry-After, for then it has done nothing. A Retry-After beyond 60 s is an error at once. Where the server limits
    how much its caller sends a minute (`rate_limited`), what may be sent twice waits up to ten minutes: work in bulk
    goes on slowly and does not fail.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        base = _base_url(self.url)
        headers = {"User-Agent": "footnote-client", "Accept": "application/json"}
        if api_key:
            headers["Authorization"] = f"Bearer {_header_value(api_key)}"
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=base,
            headers=headers,
            transport=transport,
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            # A proxy named by the environment must not be handed the key of a server on this very machine.
            trust_env=not _is_loopback(base.host),
        )

    def close(self) -> None:
        self._http.close()

    def json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Param] | None = None,
        body: Mapping[str, Any] | None = None,
        repeatable: bool = False,
    ) -> Any:
        """The decoded answer, None where there is none (204)."""
        response = self.send(method, path, params=params, body=body, repeatable=repeatable)
        return decoded(response) if response.content else None

    def items(self, path: str, *, params: Mapping[str, Param] | None = None) -> Iterator[Any]:
        """Every item of a list, page after page, fetched as they are needed."""
        cursor: str | None = None
        while True:
            page = self.json("GET", path, params={**(params or {}), "cursor": cursor})
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise UnexpectedAnswerError(f"{self.url}{path} did not answer with a page of items.")
            yield from page["items"]
            previous, cursor = cursor, page.get("next_cursor")
            if not cursor:
                return
            if cursor == previous:
                raise UnexpectedAnswerError(f"{self.url}{path} answered with the same page again.")

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Param] | None = None,
        body: Mapping[str, Any] | None = None,
        repeatable: bool = False,
        stream: bool = False,
        read_timeout_s: float | None = None,
    ) -> httpx.Response:
        """A successful answer. With `stream` its body is not read yet, and the caller closes it; a refusal's is."""
        stated = {name: value for name, value in (params or {}).items() if value is not None}

        def attempt() -> httpx.Response:
            request = self._http.build_request(method, path, params=stated or None, json=body)
            if read_timeout_s is not None:
                request.extensions["timeout"]["read"] = read_timeout_s
            if stream:
                request.headers["Accept"] = "text/event-stream"
            return _opened(self._http.send(request, stream=stream))

        return self._retried(attempt, repeatable=repeatable or method in _REPEATABLE_METHODS)

    def send_form(
        self, path: str, *, fields: Mapping[str, str], open_file: Callable[[], Any], file_name: str, media_type: str
    ) -> httpx.Response:
        """POST a multipart form; its part `file` is read block by block from what `open_file` gives, anew each try."""

        def attempt() -> httpx.Response:
            with open_file() as file:
                return self._http.post(path, data=fields, files={"file": (file_name, file, media_type)})

        return self._retried(attempt, repeatable=True)

    def send_files(
        self, path: str, *, fields: Mapping[str, str], files: Sequence[tuple[str, bytes, str]]
    ) -> httpx.Response:
        """POST a multipart form with parts `file` (name, content, media type), which may be sent twice."""

        def attempt() -> httpx.Response:
            request = self._http.build_request("POST", path, data=fields, files=[("file", file) for file in files])
            request.read()  # else each header and each file is a packet of its own
            return self._http.send(request)

        return self._retried(attempt, repeatable=True)

    def _retried(self, attempt: Callable[[], httpx.Response], *, repeatable: bool) -> httpx.Response:
        number, waited = 1, 0.0
        while True:
            pause = _FIRST_PAUSE_S * 2 ** (number - 1)
            try:
                response = attempt()
            except httpx.TransportError as error:
                if number == ATTEMPTS or not repeatable or not _may_pass(error):
                    raise self._transport_error(error) from error
                number += 1
            except httpx.DecodingError as error:
                raise UnexpectedAnswerError(f"{self.url} sent an answer that cannot be decoded.") from error
            else:
                asked = _asked_pause_s(response, pause, repeatable=repeatable)
                patient = repeatable and waited < PATIENCE_S and _is_rate_limited(response)
                if asked is None or (number == ATTEMPTS and not patient):
                    return self._accepted(response)
                pause = asked
                if patient:  # no attempt: the server has not looked at it
                    waited += max(asked, 1.0)
                else:
                    number += 1
            self._sleep(pause)

    def _accepted(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        if response.is_redirect:
            target = response.headers.get("location", "another address")
            raise UnexpectedAnswerError(f"{self.url} redirects to {target}. Give the address it redirects to.")
        raise problem_from_body(response.status_code, response.content)

    def _transport_error(self, error: httpx.TransportError) -> ServerUnreachableError | InvalidInputError:
        if isinstance(error, httpx.LocalProtocolError):
            return InvalidInputError(f"The request could not be sent: {error}", code="invalid_request")
        if isinstance(error, httpx.ReadTimeout):
            return ServerUnreachableError(f"{self.url} did not answer in time.")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return ServerUnreachableError(f"No server answers at {self.url} ({error}).")
        return ServerUnreachableError(f"The connection to {self.url} broke ({error or type(error).__name__}).")


def _opened(response: httpx.Response) -> httpx.Response:
    """The same, a refusal with its body: where that cannot be read, the attempt has failed as any other does."""
    if response.is_success:
        return response
    try:
        response.read()
    finally:
        response.close()
    return response


def decoded(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:  # nested too deeply
        raise UnexpectedAnswerError(f"{response.url} did not answer with JSON. Is it a Footnote server?") from error


def _base_url(url: str) -> httpx.URL:
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidInputError(f"{url!r} is not an address: {error}", code="invalid_url") from error
    if base.scheme not in {"http", "https"} or not base.host:
        raise InvalidInputError(f"{url!r} is not an http:// or https:// address.", code="invalid_url")
    return base


def _header_value(api_key: str) -> str:
    key = api_key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInputError("The API key holds characters that no key has.", code="invalid_api_key")
    return key


def is_on_this_machine(url: str) -> bool:
    """Whether what is sent to this address passes no network. Raises InvalidInputError for what is no address."""
    return _is_loopback(_base_url(url).host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _may_pass(error: httpx.TransportError) -> bool:
    """Whether the next try may fare better. After a timeout it would only make the wait longer."""
    return not isinstance(error, httpx.TimeoutException | httpx.LocalProtocolError | httpx.UnsupportedProtocol)


def _asked_pause_s(response: httpx.Response, default_s: float, *, repeatable: bool) -> float | None:
    """Seconds to wait before this request is sent again; None where it is not to be."""
    status = response.status_code
    if status in _BUSY:
        asked = _retry_after_s(response.headers.get("retry-after"))
        if asked is not None:
            return max(asked, 0.0) if asked <= LONGEST_PAUSE_S else None
        return default_s if repeatable else None
    return default_s if status in _PROXY_FAULTS and repeatable else None


def _is_rate_limited(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS and (
        problem_from_body(response.status_code, response.content).code == "rate_limited"
    )


def _retry_after_s(value: str | None) -> float | None:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
