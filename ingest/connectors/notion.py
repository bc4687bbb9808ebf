"""The Notion pages that are shared with an integration as a data source, by LlamaIndex's Notion reader.

A search lists pages with the time of their last edit, so unchanged pages cost no download. Notion gives no
permissions, so pages have the data source's default grants. Knows nothing of how blocks become text.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from ingest.connectors.addresses import AddressGate
from ingest.connectors.contract import Batch, ConnectorError, Fetched, Item, ItemError, ItemGoneError
from ingest.connectors.gated_requests import fault_in_words, gated_session
from ingest.connectors.llama_index import imported, write_markdown
from ingest.connectors.names import file_name_of
from ingest.connectors.options import NotionOptions
from ingest.connectors.policy import ConnectorPolicy
from ingest.connectors.reader_documents import date_of

_READER = "llama_index.readers.notion.NotionPageReader"
_PACKAGE = "llama-index-readers-notion"
_READERS_BASE = "https://api.notion.com/v1"
_CHILDREN = re.compile(r"(?P<base>.*/blocks/)(?P<block>[^/?]+)/children")
_SETTLED = timedelta(minutes=2)
_MAX_TITLE_CHARS = 200


class NotionConnector:
    """External ids are page ids, so a page that moves or gets another title stays the same document."""

    def __init__(self, options: NotionOptions, policy: ConnectorPolicy) -> None:
        self.lists_everything = False
        self._token = options.token.get_secret_value()
        self._max_bytes = policy.max_item_bytes
        session = gated_session(AddressGate(policy.allowed_networks), user_agent=policy.user_agent)
        self._api = _NotionApi(session, options.url.rstrip("/"))
        self._made: Any = None

    def close(self) -> None:
        self._api.session.close()

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        reader, after = self._reader(), None
        while True:
            found = self._searched(reader, after)
            pages = [page for page in found.get("results", []) if not page.get("archived") and not page.get("in_trash")]
            yield Batch(tuple(_item(page) for page in pages))
            after = found.get("next_cursor")
            if not after or not found.get("has_more", True):
                break
        self.lists_everything = True

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        if item.revision == known_revision:
            return None
        try:
            text = self._reader().read_page(item.external_id)
        except requests.RequestException as error:
            if "object_not_found" in str(error):
                raise ItemGoneError("The page is gone, or no longer shared with the integration.") from error
            raise ItemError(f"The page cannot be read: {fault_in_words(error)}.") from error
        path = folder / item.file_name
        write_markdown(path, item, text, max_bytes=self._max_bytes)
        return Fetched(path, item)

    def _searched(self, reader: Any, after: str | None) -> Mapping[str, Any]:
        query: dict[str, Any] = {"filter": {"property": "object", "value": "page"}, "page_size": 100}
        if after:
            query["start_cursor"] = after
        try:
            found: Mapping[str, Any] = self._api.request(
                "POST", f"{_READERS_BASE}/search", headers=reader.headers, json=query
            ).json()
        except (requests.RequestException, ValueError) as error:
            raise ConnectorError(f"Notion cannot be read: {fault_in_words(error)}.") from error
        return found

    def _reader(self) -> Any:
        """The reader, its requests sent through our session."""
        if self._made is None:
            self._made = imported(_READER, package=_PACKAGE)(integration_token=self._token)
            object.__setattr__(self._made, "_request_with_retry", self._api.request)
        return self._made


class _NotionApi:
    """Stands in for the reader's own way of sending a request (release 0.6), with two repairs.

    The reader asks for the next hundred blocks of a page as if the page's cursor were a block; here the cursor goes
    where it belongs. And it waits for minutes on an answer of 429.
    """

    def __init__(self, session: requests.Session, url: str) -> None:
        self.session = session
        self._url = url
        self._page_of_cursor: dict[str, str] = {}

    def request(
        self, method: str, url: str, headers: dict[str, str], json: dict[str, Any] | None = None
    ) -> requests.Response:
        """Raises requests.RequestException."""
        url = self._url + url.removeprefix(_READERS_BASE)
        children = _CHILDREN.fullmatch(url)
        parameters: dict[str, str] = {}
        if children is not None and (block := self._page_of_cursor.pop(children["block"], None)) is not None:
            url = f"{children['base']}{block}/children"
            parameters = {"start_cursor": children["block"]}
        response = self.session.request(method, url, headers=headers, params=parameters, json=json)
        if response.status_code != 200:
            raise requests.HTTPError(response.text[:200], response=response)
        if children is not None and (after := response.json().get("next_cursor")):
            self._page_of_cursor[after] = block_of(url)
        return response


def block_of(url: str) -> str:
    """The block whose children an address asks for."""
    found = _CHILDREN.fullmatch(url)
    return found["block"] if found else ""


def _item(page: Mapping[str, Any]) -> Item:
    edited = str(page.get("last_edited_time", ""))
    modified_at = date_of(edited)
    title = _title(page) or "Untitled"
    return Item(
        external_id=str(page["id"]),
        revision=_revision(edited, modified_at),
        file_name=file_name_of(title, suffix=".md"),
        title=title,
        url=page.get("url") if str(page.get("url", "")).startswith("https://") else None,
        modified_at=modified_at,
    )


def _revision(edited: str, modified_at: datetime | None) -> str:
    """Times of edits have minutes only: a page that was edited just now may change again within the same one."""
    now = datetime.now(UTC)
    return edited if modified_at is None or modified_at < now - _SETTLED else f"{edited} seen {now.isoformat()}"


def _title(page: Mapping[str, Any]) -> str:
    for value in (page.get("properties") or {}).values():
        if isinstance(value, Mapping) and value.get("type") == "title":
            return "".join(part.get("plain_text", "") for part in value.get("title") or [])[:_MAX_TITLE_CHARS].strip()
    return ""
