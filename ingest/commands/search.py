"""`footnote search`: the passages nearest to a query.

Knows nothing of answers.
"""

from typing import Annotated

import typer

from ingest.commands import passages
from ingest.commands.verb import Verb, client_for, output_for
from retrieval.types import SearchFilters


def search(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, metavar="K", help="How many hits.")] = 8,
    data_source: Annotated[
        list[str] | None,
        typer.Option("--data-source", metavar="NAME", help="Only in this data source. Repeat for more."),
    ] = None,
) -> None:
    """Find passages: hits with document, page, score and text, best first.

    With --json one hit a line.
    """
    output = output_for(ctx)
    filters = SearchFilters(data_sources=tuple(data_source or ()))
    with client_for(ctx) as client:
        result = client.search(query, top_k=top_k, filters=filters)
    if output.as_json:
        output.json_lines(result.hits)
        return
    for number, hit in enumerate(result.hits, start=1):
        line = passages.heading(number, hit.title or hit.external_id, page=hit.page, remark=f"{hit.score:.3f}")
        passages.show(output, line, passages.shortened(hit.text))
    if not result.hits:
        output.notice("Nothing that you may read is near to this query.")


def register(app: typer.Typer) -> None:
    app.command(cls=Verb, epilog="Example: footnote search 'parental leave' --top-k 3")(search)
