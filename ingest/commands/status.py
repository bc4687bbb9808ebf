"""`footnote status`: queue, states, throughput, failures, index size.

Knows nothing of how the server counts.
"""

import time
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ingest.client import Client
from ingest.commands.output import Output, cells, one_line, state_text, table
from ingest.commands.verb import Verb, client_for, output_for
from ingest.problems import ServerUnreachableError
from ingest.resources import Status

INTERVAL_S = 2.0
_STATES = ("queued", "running", "ready", "failed", "quarantined")
_SHOWN_FAILURES = 10


def status(
    ctx: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Keep it up to date until Ctrl-C.")] = False,
) -> None:
    """Show the server's state: documents, queue, throughput, failures, index size.

    With --json --watch one JSON document a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        if watch:
            _watch(client, output)
        elif output.as_json:
            output.json(client.status())
        else:
            output.print(_report(client.status()))


def _watch(client: Client, output: Output) -> None:
    """Show the state again and again. Ctrl-C is the way out, so it is no failure."""
    try:
        if output.as_json or not output.out.is_terminal:
            while True:
                state = client.status()
                output.json(state) if output.as_json else output.print(_report(state), "")
                time.sleep(INTERVAL_S)
        report = _report(client.status())
        with Live(report, console=output.out, auto_refresh=False) as live:
            while True:
                live.update(report, refresh=True)
                time.sleep(INTERVAL_S)
                report = _next_report(client, report)
    except KeyboardInterrupt:
        return


def _next_report(client: Client, last: RenderableType) -> RenderableType:
    """The state now; while the server is away, the last known one with a line that says so."""
    try:
        return _report(client.status())
    except ServerUnreachableError as error:
        kept = last.renderables[0] if isinstance(last, Group) else last
        return Group(kept, Text(f"{error.message} Trying again.", style="red"))


def _report(state: Status) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_row("Documents", _counts(state))
    rows.add_row("Queue", _queue(state))
    rows.add_row("Throughput", _throughput(state))
    rows.add_row("Index", Text(f"{_number(state.index.chunks)} chunks"))
    if state.parts:
        rows.add_row("Parts", Text(", ".join(f"{name} {_part(part)}" for name, part in state.parts.items())))
    if state.version:
        rows.add_row("Version", Text(one_line(state.version)))
    if not state.failures:
        return Group(rows)
    failures = table(
        ("Failure", {"ratio": 2, "overflow": "fold"}), "State", ("Why", {"ratio": 3, "overflow": "fold"}), "Tries"
    )
    for failure in state.failures[:_SHOWN_FAILURES]:
        name = failure.title or failure.external_id or failure.id
        failures.add_row(*cells(name, state_text(failure.state), failure.reason, failure.attempts))
    return Group(Group(rows, Text(), failures))


def _counts(state: Status) -> Text:
    names = [*_STATES, *(name for name in state.documents if name not in _STATES)]
    line = Text()
    for name in names:
        if name in state.documents:
            line.append(", " if line else "")
            line.append_text(Text(f"{state.documents[name]:,} "))
            line.append_text(state_text(name))
    return line or Text("none")


def _queue(state: Status) -> Text:
    words = f"{state.queue.waiting:,} waiting, {state.queue.running:,} running"
    if state.queue.oldest_waiting_s:
        words += f", the oldest for {_duration(state.queue.oldest_waiting_s)}"
    return Text(words)


def _throughput(state: Status) -> Text:
    speed = state.throughput
    return Text(f"{_number(speed.documents_per_minute)} documents, {_number(speed.chunks_per_minute)} chunks a minute")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _part(part: Any) -> str:
    """A part's state in a word or two, whether the server gives a word, a truth value or an object with a state."""
    if isinstance(part, dict):
        part = part.get("state", part.get("status", part.get("ok")))
    if isinstance(part, bool):
        return "ok" if part else "down"
    return one_line(str(part))


def register(app: typer.Typer) -> None:
    app.command(cls=Verb, epilog="Example: footnote status --watch")(status)
