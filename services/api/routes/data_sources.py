"""Data sources: everybody sees where the documents that they may read come from, administrators set them up."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from ingest.connectors.kinds import KINDS
from retrieval.access import checked_grants
from retrieval.errors import NotFoundError
from services.api import cursors, queries, schemas
from services.api import data_source_schemas as shapes
from services.api.data_source_presenting import connector, item, source
from services.api.dependencies import Admin, Parts, PartsOf, Reader
from services.db.data_sources import NewDataSource, SourceChange

router = APIRouter(tags=["data sources"])
# Of 200 documents each.
PORTIONS = 25


@router.get("/v1/data-sources")
def page(
    parts: PartsOf, principal: Reader, limit: queries.LongLimit = queries.MOST, cursor: cursors.Cursor = None
) -> schemas.Page[shapes.DataSource]:
    """Where the documents that one may read or edit come from, by name; for administrators every data source with its
    setup."""
    after = cursors.decode(cursor, 1)
    counts = dict(parts.documents.data_sources(principal))
    if principal.is_admin:
        rows = {row.source.name: source(row, counts.get(row.source.name, 0)) for row in parts.data_sources.listing()}
        found = [rows.get(name) or _upload(name, counts[name]) for name in counts.keys() | rows.keys()]
    else:
        synced = parts.data_sources.names()
        found = [
            shapes.DataSource(name=name, connector=None if name in synced else "upload", documents=count)
            for name, count in counts.items()
        ]
    left = sorted((one for one in found if after is None or one.name > after[0]), key=lambda one: one.name)
    more = cursors.encode(left[limit - 1].name) if len(left) > limit else None
    return schemas.Page(items=left[:limit], next_cursor=more)


@router.post("/v1/data-sources", status_code=201)
def add(body: shapes.NewDataSource, parts: PartsOf, admin: Admin) -> shapes.DataSource:
    """Set up a data source. Its options are checked; whether it can be reached its first sync will tell."""
    parts.check_connector(body.connector, body.options, body.secrets)
    new = NewDataSource(
        name=body.name,
        connector=body.connector,
        options=body.options,
        secrets=body.secrets,
        grants=checked_grants(body.grants),
        every_s=body.every_s,
    )
    return source(parts.data_sources.add(new, admin, sync=body.sync), 0)


@router.get("/v1/connectors")
def connectors(_admin: Admin) -> schemas.Page[shapes.Connector]:
    """The kinds of data sources that there are, with their options."""
    return schemas.Page(items=[connector(kind) for kind in KINDS.values()])


@router.patch("/v1/data-sources/{name}")
def change(name: str, body: shapes.DataSourceChange, parts: PartsOf, _admin: Admin) -> shapes.DataSource:
    """Change options, default grants or schedule; pause or resume."""
    if body.options is not None or body.secrets is not None:
        now = parts.data_sources.get(name).source
        options = body.options if body.options is not None else now.options
        secrets = body.secrets if body.secrets is not None else now.secrets
        parts.check_connector(now.connector, options, secrets)
    wanted = SourceChange(
        options=body.options,
        secrets=body.secrets,
        grants=checked_grants(body.grants) if body.grants is not None else None,
        every_s=(body.every_s or 0) if "every_s" in body.model_fields_set else None,
        paused=body.paused,
    )
    row = parts.data_sources.change(name, wanted)
    if wanted.grants is not None:
        _apply(parts)
    return source(row, row.documents)


@router.delete("/v1/data-sources/{name}")
def remove(
    name: str,
    parts: PartsOf,
    _admin: Admin,
    keep_documents: Annotated[bool, Query(), queries.Given] = False,
    confirm: Annotated[bool, Query()] = False,
) -> shapes.RemovedDataSource:
    """Remove a data source. Its documents are deleted, which needs `confirm`, or kept as if they had been uploaded."""
    count = parts.data_sources.remove(name, keep_documents=keep_documents, confirmed=confirm)
    return shapes.RemovedDataSource(deleted=0 if keep_documents else count, kept=count if keep_documents else 0)


@router.post("/v1/data-sources/{name}/sync", status_code=202)
def sync(
    name: str,
    body: Annotated[shapes.SyncRequest, Body(default_factory=shapes.SyncRequest)],
    parts: PartsOf,
    _admin: Admin,
) -> shapes.RequestedSync:
    """Sync it now, or once more after the sync that is going on."""
    number = parts.data_sources.request_sync(name, confirm=body.confirm)
    return shapes.RequestedSync(name=name, number=number)


@router.get("/v1/data-sources/{name}/items")
def items(
    *,
    name: str,
    parts: PartsOf,
    _admin: Admin,
    state: Annotated[str | None, Query(pattern="^failed$"), queries.Given] = None,
    limit: queries.Limit = 50,
    cursor: cursors.Cursor = None,
) -> schemas.Page[shapes.DataSourceItem]:
    """Its items by external id; `state=failed`: those that could not be fetched or ingested, and why."""
    after = cursors.decode(cursor, 1)
    rows = parts.data_sources.items(name, failed=state == "failed", after=after[0] if after else None, limit=limit + 1)
    more = len(rows) > limit
    return schemas.Page(
        items=[item(row) for row in rows[:limit]],
        next_cursor=cursors.encode(rows[limit - 1].item.external_id) if more else None,
    )


# Behind `items`, whose addresses it fits too: a sender may name a data source with slashes.
@router.get("/v1/data-sources/{name:path}")
def show(name: str, parts: PartsOf, admin: Admin) -> shapes.DataSource:
    """One data source as the list shows it: with a connector, or of uploads."""
    try:
        row = parts.data_sources.get(name)
    except NotFoundError:
        counts = dict(parts.documents.data_sources(admin))
        if name not in counts:
            raise
        return _upload(name, counts[name])
    return source(row, row.documents)


def _apply(parts: Parts) -> None:
    """Changed default grants count from the next request on; of very many documents the scheduler does the rest."""
    for _ in range(PORTIONS):
        ring = parts.source_items.apply_defaults()
        if ring is None:
            return
        parts.doorbell.ring(ring)


def _upload(name: str, documents: int) -> shapes.DataSource:
    return shapes.DataSource(name=name, connector="upload", documents=documents)
