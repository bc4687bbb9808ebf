"""The two calls of S3 that a connector needs, over the safe fetcher: list objects, get one.

Knows nothing of documents.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote_plus

from lxml import etree

from ingest.connectors.addresses import AddressGate
from ingest.connectors.contract import ConnectorError, ItemError, ItemGoneError
from ingest.connectors.fetching import Answer, FetchError, SafeFetcher
from ingest.connectors.options import S3Options
from ingest.connectors.policy import ConnectorPolicy
from ingest.connectors.s3_signature import S3Credentials, quoted_path, quoted_query, signed_headers
from ingest.connectors.urls import parsed_url
from retrieval.errors import InvalidInputError

_MAX_LIST_BYTES = 16 * 2**20
_MAX_ERROR_BYTES = 64 * 1024
# What no other object would escape either; everything else is a fault of the one that was asked for.
_SOURCE_DOWN = frozenset({"unreachable", "address_refused"})
_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")


@dataclass(frozen=True, slots=True)
class S3Object:
    """`etag` without its quotes."""

    key: str
    etag: str
    size: int
    modified_at: datetime | None


class S3Bucket:
    """Redirects are not followed: a signature counts for one host only, and AWS redirects to other regions."""

    def __init__(
        self, options: S3Options, policy: ConnectorPolicy, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        if (options.access_key is None) != (options.secret_key is None):
            raise InvalidInputError("access_key and secret_key belong together.", code="invalid_options")
        self._options = options
        self._now = now
        self._credentials = _credentials(options)
        self._fetcher = SafeFetcher(
            AddressGate(policy.allowed_networks), user_agent=policy.user_agent, total_s=600.0, compressed=False
        )
        endpoint = parsed_url(options.endpoint or f"https://s3.{options.region}.amazonaws.com")
        base = quoted_path(endpoint.path.rstrip("/"))
        self._origin = f"{endpoint.scheme}://{endpoint.netloc.decode()}"
        self._base = f"{base}/{options.bucket}"
        if not options.path_style:
            self._origin, self._base = f"{endpoint.scheme}://{options.bucket}.{endpoint.netloc.decode()}", base
        self._host = parsed_url(self._origin).netloc.decode()

    def close(self) -> None:
        self._fetcher.close()

    def pages(self) -> Iterator[list[S3Object]]:
        """The objects below the prefix, up to a thousand at a time, in the order of their keys.

        Raises ConnectorError.
        """
        token = ""
        while True:
            query = {"list-type": "2", "encoding-type": "url", "prefix": self._options.prefix}
            query |= {"continuation-token": token} if token else {}
            root = self._listing(query)
            yield [_object(element) for element in root.iterfind("{*}Contents")]
            token = root.findtext("{*}NextContinuationToken") or ""
            if root.findtext("{*}IsTruncated") != "true":
                return
            if not token:
                raise ConnectorError("The object store cut a listing short without saying how to go on.")

    def download(self, key: str, path: Path, *, known_etag: str | None, max_bytes: int) -> str | None:
        """Write an object to a file; its ETag, None where it is as it was at `known_etag`.

        Raises ItemGoneError, ItemError, and ConnectorError where the store cannot be reached.
        """
        condition = {"If-None-Match": f'"{known_etag}"'} if known_etag else {}
        try:
            with self._got(f"{self._base}/{quoted_path(key)}", {}, condition) as answer:
                if answer.status == 304:
                    return None
                if answer.status == 404:
                    raise ItemGoneError("The object is gone.")
                if answer.status != 200:
                    raise ItemError(_refusal(answer))
                answer.save(path, max_bytes=max_bytes)
                return str(answer.headers.get("etag", "")).strip('"')
        except FetchError as error:
            if error.code in _SOURCE_DOWN:
                raise ConnectorError(error.message) from error
            raise ItemError(error.message) from error

    def _listing(self, query: Mapping[str, str]) -> etree._Element:
        parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
        try:
            with self._got(self._base or "/", query, {}) as answer:
                if answer.status != 200:
                    raise ConnectorError(f"The bucket {self._options.bucket} cannot be listed: {_refusal(answer)}")
                root = etree.fromstring(answer.read(max_bytes=_MAX_LIST_BYTES), parser)
        except FetchError as error:
            raise ConnectorError(f"The bucket {self._options.bucket} cannot be listed: {error.message}") from error
        except (etree.XMLSyntaxError, ValueError) as error:
            raise ConnectorError("The object store's listing is not XML: is the endpoint right?") from error
        if not str(root.tag).endswith("ListBucketResult"):
            raise ConnectorError("The object store answers with something else than a listing: is the endpoint right?")
        return root

    @contextmanager
    def _got(self, path: str, query: Mapping[str, str], condition: Mapping[str, str]) -> Iterator[Answer]:
        """GET a path that is already quoted."""
        headers = dict(condition)
        if self._credentials is not None:
            headers |= signed_headers(
                self._credentials,
                host=self._host,
                path=path,
                query=query,
                region=self._options.region,
                at=self._now(),
            )
        url = f"{self._origin}{path}" + (f"?{quoted_query(query)}" if query else "")
        with self._fetcher.get(url, headers=headers, follow=False) as answer:
            yield answer


def _credentials(options: S3Options) -> S3Credentials | None:
    if options.access_key is None or options.secret_key is None:
        return None
    token = options.session_token
    return S3Credentials(
        options.access_key.get_secret_value(),
        options.secret_key.get_secret_value(),
        None if token is None else token.get_secret_value(),
    )


def _object(element: etree._Element) -> S3Object:
    size = element.findtext("{*}Size") or "0"
    try:
        modified_at = datetime.fromisoformat(element.findtext("{*}LastModified") or "")
    except ValueError:
        modified_at = None
    return S3Object(
        key=unquote_plus(element.findtext("{*}Key") or ""),
        etag=(element.findtext("{*}ETag") or "").strip('"'),
        size=int(size) if size.isdecimal() else 0,
        modified_at=modified_at,
    )


def _refusal(answer: Answer) -> str:
    """The store's own code for what it refuses, such as AccessDenied or NoSuchBucket."""
    try:
        code = _CODE.search(answer.read(max_bytes=_MAX_ERROR_BYTES))
    except FetchError:
        code = None
    return f"it answers {answer.status}{f' ({code[1].decode()})' if code else ''}."
