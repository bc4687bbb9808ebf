"""`footnote status`: asks for the server's state, once or again and again.

Knows nothing of how the server counts, or of how a state looks on a terminal.
"""

import time
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ingest.client import Client
from ingest.commands.output import Output
from ingest.commands.status_report import report
from ingest.commands.verb import Verb, client_for, output_for
from ingest.problems import ServerUnreachableError

INTERVAL_S = 2.0


def status(
    ctx: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Keep it up to date until Ctrl-C.")] = False,
) -> None:
    """Show the server's state: documents, queue, pace and remaining time, workers, what is stuck, failures.

    With --json --watch one JSON document a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        if watch:
            _watch(client, output)
        elif output.as_json:
            output.json(client.status())
        else:
            output.print(report(client.status()))


def _watch(client: Client, output: Output) -> None:
    """Show the state again and again. Ctrl-C is the way out, so it is no failure."""
    try:
        if output.as_json or not output.out.is_terminal:
            while True:
                state = client.status()
                output.json(state) if output.as_json else output.print(report(state), "")
                time.sleep(INTERVAL_S)
        shown = report(client.status())
        with Live(shown, console=output.out, auto_refresh=False) as live:
            while True:
                live.update(shown, refresh=True)
                time.sleep(INTERVAL_S)
                shown = _next_report(client, shown)
    except KeyboardInterrupt:
        return


def _next_report(client: Client, last: RenderableType) -> RenderableType:
    """The state now; while the server is away, the last known one with a line that says so."""
    try:
        return report(client.status())
    except ServerUnreachableError as error:
        kept = last.renderables[0] if isinstance(last, Group) else last
        return Group(kept, Text(f"{error.message} Trying again.", style="red"))


def register(app: typer.Typer) -> None:
    app.command(cls=Verb, epilog="Example: footnote status --watch")(status)
