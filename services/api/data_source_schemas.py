"""The shapes of data sources on the wire. Knows nothing of how they come about."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from services.api.schemas import Grant, Request, Response, Whole

# A name is a segment of an address, so it has no slash.
SourceName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^/\\\x00-\x1f.][^/\\\x00-\x1f]*$"
    ),
]
# Between a minute and a year.
Every = Annotated[Whole, Field(ge=60, le=366 * 86400)]
State = Literal["idle", "waiting", "syncing", "paused", "failed", "needs_confirmation"]
Outcome = Literal["done", "partly", "failed", "needs_confirmation", "stopped"]


class SyncCounters(Response):
    """Items of one sync; `failed` at its end includes those of earlier syncs that still fail."""

    listed: int = 0
    unchanged: int = 0
    fetched: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    deleted: int = 0
    failed: int = 0


class Sync(Response):
    """The newest sync: `outcome` null while it goes on; `code` and `reason` say why it failed or was stopped.

    `unconfirmed` documents would be deleted by a sync that somebody confirms.
    """

    number: int
    started_at: datetime | None
    finished_at: datetime | None
    outcome: Outcome | None
    code: str | None
    reason: str | None
    unconfirmed: int
    counters: SyncCounters


class DataSourceSetup(Response):
    """How a data source is set up and how it does. `secrets` maps options to names of secrets, never to values.

    `failed_items` could not be fetched, `failed_documents` could not be ingested. `every_s` null: synced when asked.
    """

    owner: str
    options: dict[str, Any]
    secrets: dict[str, str]
    grants: list[str]
    every_s: int | None
    state: State
    paused: bool
    next_sync_at: datetime | None
    sync: Sync | None
    failed_items: int
    failed_documents: int
    created_at: datetime


class DataSource(Response):
    """Where documents come from, and how many of them one may read or edit.

    `connector` is "upload" where there is none; it and `setup` are null for those who are no administrators.
    """

    name: str
    connector: str | None
    documents: int
    setup: DataSourceSetup | None = None


class NewDataSource(Request):
    """A data source to be. Its documents are read by whom `grants` names, and belong to the caller.

    A secret is given by its name: the scheduler reads its value from /run/secrets/footnote_source_NAME, a file
    secrets/NAME in the data directory, or the environment variable FOOTNOTE_SOURCE_NAME. `sync`: begin at once.
    """

    name: SourceName
    connector: Annotated[str, StringConstraints(max_length=40)]
    options: dict[str, Any] = Field(default={})
    secrets: dict[str, Annotated[str, StringConstraints(max_length=60)]] = Field(default={})
    grants: list[Grant] = Field(default=[], max_length=200)
    every_s: Every | None = 3600
    sync: bool = True


class DataSourceChange(Request):
    """What is to change; what is left out stays. `every_s` null: no schedule. New options: all is listed anew."""

    options: dict[str, Any] | None = None
    secrets: dict[str, Annotated[str, StringConstraints(max_length=60)]] | None = None
    grants: list[Grant] | None = Field(default=None, max_length=200)
    every_s: Every | None = None
    paused: bool | None = None


class SyncRequest(Request):
    """`confirm`: delete what has vanished, however much it is."""

    confirm: bool = False


class RequestedSync(Response):
    """The number of the sync that will see everything that is there now."""

    name: str
    number: int


class RemovedDataSource(Response):
    """How many documents were deleted, or kept as if they had been uploaded."""

    deleted: int
    kept: int


class DataSourceItem(Response):
    """One item of a data source, and the document that it became.

    `state` is failed where it could not be fetched, waiting until it is fetched, or that of its document, null where
    somebody deleted that.
    """

    external_id: str
    state: str | None
    code: str | None
    reason: str | None
    document_id: str | None


class ConnectorOption(Response):
    """One thing that can be set; a secret is set by name."""

    name: str
    description: str
    required: bool
    secret: bool
    default: Any = None


class Connector(Response):
    """A kind of data source."""

    name: str
    description: str
    options: list[ConnectorOption]
