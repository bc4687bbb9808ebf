"""The pages of a Confluence space as a data source, by LlamaIndex's Confluence reader.

The reader's own client lists pages with their versions, so unchanged pages cost no download. Who may read a page is
taken from its restrictions and those of the pages above it; an unrestricted page has the data source's default grants.
Attachments are left out. Knows nothing of HTTP beyond the gated session.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ingest.connectors.addresses import AddressGate
from ingest.connectors.contract import Batch, ConnectorError, Fetched, Item, ItemError, ItemGoneError
from ingest.connectors.gated_requests import fault_in_words, gated_session
from ingest.connectors.llama_index import imported, write_markdown
from ingest.connectors.names import file_name_of
from ingest.connectors.options import ConfluenceOptions
from ingest.connectors.policy import ConnectorPolicy
from ingest.connectors.reader_documents import date_of
from retrieval.access import GRANT

_READER = "llama_index.readers.confluence.ConfluenceReader"
_PACKAGE = "llama-index-readers-confluence"
_PAGE = 100
_READ = "restrictions.read.restrictions"
_ABOVE = f"ancestors.{_READ}"
_EXPAND = ",".join(("version", f"{_READ}.user", f"{_READ}.group", f"{_ABOVE}.user", f"{_ABOVE}.group"))


class ConfluenceConnector:
    """External ids are page ids, so a page that moves or gets another title stays the same document."""

    def __init__(self, options: ConfluenceOptions, policy: ConnectorPolicy) -> None:
        self.lists_everything = False
        self._options = options
        self._max_bytes = policy.max_item_bytes
        self._session = gated_session(AddressGate(policy.allowed_networks), user_agent=policy.user_agent)
        self._made: Any = None

    def close(self) -> None:
        self._session.close()

    def changes(self, cursor: str | None) -> Iterator[Batch]:
        self.lists_everything = False
        start = 0
        while True:
            pages = self._pages(start)
            yield Batch(tuple(self._item(page) for page in pages))
            start += len(pages)
            if len(pages) < 1:
                break
        self.lists_everything = True

    def fetch(self, item: Item, folder: Path, *, known_revision: str | None) -> Fetched | None:
        if item.revision == known_revision:
            return None
        try:
            documents = self._reader().load_data(page_ids=[item.external_id])
        except Exception as error:
            raise _item_error(error) from error
        text = "\n\n".join(document.text for document in documents)
        path = folder / item.file_name
        write_markdown(path, item, text, max_bytes=self._max_bytes)
        return Fetched(path, item)

    def _pages(self, start: int) -> list[dict[str, Any]]:
        try:
            answer = self._reader().confluence.get_all_pages_from_space_raw(
                self._options.space, start=start, limit=_PAGE, status="current", expand=_EXPAND
            )
            return list(answer["results"])
        except ConnectorError:
            raise
        except Exception as error:
            raise ConnectorError(
                f"The space {self._options.space} cannot be listed: {fault_in_words(error)}."
            ) from error

    def _item(self, page: Mapping[str, Any]) -> Item:
        title = str(page.get("title") or page["id"])
        version = page.get("version") or {}
        path = (page.get("_links") or {}).get("webui")
        return Item(
            external_id=str(page["id"]),
            revision=f"{version.get('number', 0)} {title}",
            file_name=file_name_of(title, suffix=".md"),
            title=title,
            url=f"{self._options.url.rstrip('/')}{path}" if path else None,
            modified_at=date_of(version.get("when")),
            grants=grants_of_page(page),
        )

    def _reader(self) -> Any:
        if self._made is None:
            options, token = self._options, self._options.token.get_secret_value()
            identity = {"user_name": options.username, "password": token} if options.username else {"api_token": token}
            self._made = imported(_READER, package=_PACKAGE)(
                base_url=options.url.rstrip("/"),
                cloud=options.cloud,
                client_args={"session": self._session, "retry_with_header": False},
                **identity,
            )
        return self._made


def grants_of_page(page: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Who may read a page by its restrictions and those of every page above it; None where nothing is restricted.

    A reader has to satisfy each restriction. That somebody is in two groups at once cannot be written as a grant, so
    where restrictions name different people only those named in all of them get it.
    """
    holders = [named for part in (*(page.get("ancestors") or ()), page) if (named := _restricted_to(part)) is not None]
    if not holders:
        return None
    return tuple(sorted(frozenset.intersection(*holders)))


def _restricted_to(part: Mapping[str, Any]) -> frozenset[str] | None:
    read = ((part.get("restrictions") or {}).get("read") or {}).get("restrictions") or {}
    users = (read.get("user") or {}).get("results") or []
    groups = (read.get("group") or {}).get("results") or []
    if not users and not groups:
        return None
    grants = {f"user:{user['email']}".casefold() for user in users if user.get("email")}
    grants |= {f"group:{group['name']}".casefold() for group in groups if group.get("name")}
    return frozenset(grant for grant in grants if GRANT.fullmatch(grant))


def _item_error(error: Exception) -> Exception:
    """What is gone the server answers with 404; the rest concerns this page too, which stays as it is."""
    if isinstance(error, ConnectorError):
        return error
    if _status_of(error) == 404:
        return ItemGoneError("The page is gone, or the account may not read it any more.")
    return ItemError(f"The page cannot be read: {fault_in_words(error)}.")


def _status_of(error: Exception) -> int | None:
    """The status that a request failed with; None where there was no answer. Never taken from a message, which may hold
    an address. atlassian-python-api keeps the failed request as the reason of its own ApiError."""
    failed = getattr(error, "reason", None) or error
    status: int | None = getattr(getattr(failed, "response", None), "status_code", None)
    return status
