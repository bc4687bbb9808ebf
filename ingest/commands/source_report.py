"""Data sources on a terminal: in a list, one in full, and how a sync ended. Knows nothing of servers."""

import shlex
from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ingest.commands.output import Output, cells, plain, state_text, table
from ingest.commands.source_options import span
from ingest.source_resources import DataSource, SourceItem, Sync, SyncCounters

SHOWN = 20
_STYLES = {"failed": "red", "needs_confirmation": "yellow", "syncing": "cyan", "waiting": "yellow", "paused": "dim"}
_WORDS = {"needs_confirmation": "needs confirmation"}


def listed(sources: Sequence[DataSource]) -> RenderableType:
    """A table; administrators see how each does."""
    managed = any(source.setup for source in sources)
    name = ("Data source", {"overflow": "fold"})
    documents = ("Documents", {"justify": "right"})
    if not managed:
        rows = table(name, documents)
        for source in sources:
            rows.add_row(*cells(source.name, source.documents))
        return rows
    rows = table(name, "Connector", documents, "State", ("Failed", {"justify": "right"}), "Every", "Last sync (UTC)")
    for source in sources:
        setup = source.setup
        if setup is None:
            rows.add_row(*cells(source.name, source.connector, source.documents))
            continue
        failed = setup.failed_items + setup.failed_documents
        last = setup.sync.finished_at or setup.sync.started_at if setup.sync else None
        state = _state(setup.state)
        rows.add_row(*cells(source.name, source.connector, source.documents, state, failed, span(setup.every_s), last))
    return rows


def attention(sources: Sequence[DataSource]) -> list[str]:
    """A line for each data source that somebody should look at."""
    return [line for source in sources if (line := _attention(source))]


def shown(source: DataSource) -> RenderableType:
    """One data source in full."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(min_width=11)
    rows.add_column(overflow="fold")
    setup = source.setup
    facts: list[tuple[str, object]] = [("Name", source.name), ("Connector", source.connector)]
    if setup is not None:
        facts += [(key, _value(value)) for key, value in setup.options.items()]
        facts += [(f"{key} (secret)", name) for key, name in setup.secrets.items()]
        facts += [
            ("State", _state(setup.state)),
            ("Documents", source.documents),
            ("Failed", f"{setup.failed_items} not fetched, {setup.failed_documents} not ingested"),
            ("Grants", setup.grants or f"only {setup.owner}"),
            ("Owner", setup.owner),
            ("Every", span(setup.every_s)),
            ("Next sync", setup.next_sync_at),
        ]
        if setup.sync is not None:
            facts += _sync(setup.sync)
    for key, value in facts:
        rows.add_row(*cells(key, value))
    return rows


def progress(counters: SyncCounters) -> str:
    """How far a sync is, in a line."""
    counts = counters.model_dump()
    said = [f"{counts['listed']} listed", f"{counts['fetched']} fetched", f"{counts['unchanged']} unchanged"]
    said += [f"{counts[name]} {name}" for name in ("moved", "deleted", "failed") if counts[name]]
    return " · ".join(said)


def report(source: DataSource, failures: Sequence[SourceItem], output: Output) -> None:
    """How a sync ended."""
    setup = source.setup
    sync = setup.sync if setup else None
    if setup is None or sync is None:
        return
    if failures:
        rows = table("Item", "State", ("Why", {"ratio": 1, "overflow": "fold"}))
        for item in failures[:SHOWN]:
            rows.add_row(*cells(item.external_id, state_text(item.state or "-"), item.reason))
        output.print(rows, "")
        total = setup.failed_items + setup.failed_documents
        if total > SHOWN:
            output.notice(f"… and {total - SHOWN} more.")
    if line := _attention(source):
        output.notice(line, style="yellow")
    counts = sync.counters.model_dump()
    said = [f"{counts[name]} {name}" for name in ("new", "changed", "moved", "deleted", "unchanged") if counts[name]]
    said.append(f"{setup.failed_items + setup.failed_documents} failed")
    documents = "1 document" if source.documents == 1 else f"{source.documents} documents"
    output.print(f"{documents} in {plain(source.name)}: {', '.join(said)}.")


def _attention(source: DataSource) -> str | None:
    sync = source.setup.sync if source.setup else None
    if sync is None:
        return None
    if sync.outcome == "failed":
        return f"{source.name}: {sync.reason}"
    if sync.unconfirmed and sync.outcome == "needs_confirmation":
        return (
            f"{source.name}: {sync.unconfirmed} of its {source.documents} documents are no longer there. Nothing was"
            f" deleted. If that is meant: footnote sources sync {shlex.quote(source.name)} --confirm"
        )
    return None


def _sync(sync: Sync) -> list[tuple[str, object]]:
    outcome = _state(sync.outcome) if sync.outcome else Text("going on", style="cyan")
    facts: list[tuple[str, object]] = [
        ("Last sync", sync.started_at),
        ("Outcome", outcome),
        ("Items", progress(sync.counters)),
    ]
    if sync.reason:
        facts.append(("Why", sync.reason))
    if sync.unconfirmed:
        facts.append(("Unconfirmed", f"{sync.unconfirmed} deletions"))
    return facts


def _state(state: str) -> Text:
    return Text(_WORDS.get(state, plain(state)), style=_STYLES.get(state, ""))


def _value(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
