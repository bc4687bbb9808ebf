"""Data sources as the wire's shapes. Knows nothing of where they come from."""

from ingest.connectors.kinds import Kind
from services.api import data_source_schemas as shapes
from services.db.data_sources import ItemRow, SourceRow


def source(row: SourceRow, documents: int) -> shapes.DataSource:
    """A data source for administrators."""
    one = row.source
    setup = shapes.DataSourceSetup(
        owner=row.owner,
        options=one.options,
        secrets=one.secrets,
        grants=one.grants,
        every_s=one.every_s,
        state=row.state,
        paused=one.paused,
        next_sync_at=None if one.paused else one.next_sync_at,
        sync=_sync(row),
        failed_items=row.failed_items,
        failed_documents=row.failed_documents,
        created_at=one.created_at,
    )
    return shapes.DataSource(name=one.name, connector=one.connector, documents=documents, setup=setup)


def item(row: ItemRow) -> shapes.DataSourceItem:
    """One item: its own fault before its document's."""
    one, job = row.item, row.job
    state = "failed" if one.reason else job.state if job else "waiting" if one.waiting else None
    return shapes.DataSourceItem(
        external_id=one.external_id,
        state=state,
        code=one.code or (job.code if job else None),
        reason=one.reason or (job.reason if job else None),
        document_id=row.document.id if row.document else None,
    )


def connector(kind: Kind) -> shapes.Connector:
    """A kind of data source with its options."""
    return shapes.Connector(
        name=kind.name,
        description=kind.description,
        options=[shapes.ConnectorOption.model_validate(field) for field in kind.fields],
    )


def _sync(row: SourceRow) -> shapes.Sync | None:
    one = row.source
    if one.sync_number == 0:
        return None
    over = one.ended_number == one.sync_number
    return shapes.Sync(
        number=one.sync_number,
        started_at=one.started_at,
        finished_at=one.finished_at if over else None,
        outcome=one.outcome if over else None,  # type: ignore[arg-type]  # the registry writes these words only
        code=one.code if over else None,
        reason=one.reason if over else None,
        unconfirmed=one.unconfirmed,
        counters=shapes.SyncCounters.model_validate(one.counters),
    )
