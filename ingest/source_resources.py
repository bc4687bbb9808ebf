"""What a Footnote server says of its data sources, as typed values. Knows nothing of how they were asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from ingest.resources import Resource


class SyncCounters(Resource):
    """Items of one sync."""

    listed: int = 0
    unchanged: int = 0
    fetched: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    deleted: int = 0
    failed: int = 0


class Sync(Resource):
    """The newest sync. `outcome` is None while it goes on, then done, partly, failed, needs_confirmation or stopped."""

    number: int
    started_at: datetime | None = None
    finished_at: datetime | None = None
    outcome: str | None = None
    code: str | None = None
    reason: str | None = None
    unconfirmed: int = 0
    counters: SyncCounters = SyncCounters()


class SourceSetup(Resource):
    """How a data source is set up and does. `state` is idle, waiting, syncing, paused, failed or needs_confirmation."""

    owner: str
    options: Mapping[str, Any] = Field(default_factory=dict)
    secrets: Mapping[str, str] = Field(default_factory=dict)
    grants: tuple[str, ...] = ()
    every_s: int | None = None
    state: str = "idle"
    paused: bool = False
    next_sync_at: datetime | None = None
    sync: Sync | None = None
    failed_items: int = 0
    failed_documents: int = 0
    created_at: datetime | None = None


class DataSource(Resource):
    """Where documents come from, and how many of them the asker may see; `setup` for administrators alone."""

    name: str
    connector: str | None = None
    documents: int = 0
    setup: SourceSetup | None = None


class SourceItem(Resource):
    """One item of a data source; `reason` says why it failed."""

    external_id: str
    state: str | None = None
    code: str | None = None
    reason: str | None = None
    document_id: str | None = None


class ConnectorOption(Resource):
    """One thing that can be set; a secret is set by name."""

    name: str
    description: str = ""
    required: bool = False
    secret: bool = False
    default: Any = None


class Connector(Resource):
    """A kind of data source."""

    name: str
    description: str = ""
    options: tuple[ConnectorOption, ...] = ()

    @property
    def address(self) -> ConnectorOption | None:
        """The option that says where it is: what stands behind the kind's name on the command line."""
        required = [option for option in self.options if option.required and not option.secret]
        urls = [option for option in self.options if option.name == "url"]
        return next(iter([*required, *urls]), None)


class RemovedSource(Resource):
    """How many documents were deleted, or kept."""

    deleted: int = 0
    kept: int = 0
