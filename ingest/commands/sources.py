"""`footnote sources`: the data sources that documents belong to.

Knows nothing of connectors' settings.
"""

import typer

from ingest.commands.output import cells, table
from ingest.commands.verb import Verb, VerbGroup, client_for, output_for

sources = typer.Typer(cls=VerbGroup, no_args_is_help=True, help="List the data sources.")


@sources.command("list", cls=Verb, epilog="Example: footnote sources list")
def list_sources(ctx: typer.Context) -> None:
    """List the data sources, with how many of their documents you may read.

    With --json one data source a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        if output.as_json:
            output.json_lines(client.data_sources())
            return
        rows = table("Data source", "Connector", ("Documents", {"justify": "right"}))
        for source in client.data_sources():
            rows.add_row(*cells(source.name, source.connector, source.documents))
    output.print(rows)


def register(app: typer.Typer) -> None:
    app.add_typer(sources, name="sources")
