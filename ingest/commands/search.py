"""`footnote search`: the passages nearest to a query.

Knows nothing of answers.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from ingest.commands import explaining, narrowing, passages
from ingest.commands.output import Output
from ingest.commands.usage import WrongUsageError
from ingest.commands.verb import Verb, client_for, output_for
from ingest.resources import SearchHit


def search(
    ctx: typer.Context,
    *,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, metavar="K", help="How many hits.")] = 8,
    data_source: narrowing.DataSources = None,
    as_of: narrowing.AsOf = None,
    modified_after: narrowing.ModifiedAfter = None,
    modified_before: narrowing.ModifiedBefore = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how each hit was found: its place in every step, scores, timings.")
    ] = False,
) -> None:
    """Find passages: hits with document, page, score and text, best first.

    With --json one hit a line, and with --explain all of it as one document.
    """
    if not query.strip():
        raise WrongUsageError("The query is empty.")
    output = output_for(ctx)
    filters = narrowing.filters(data_source, as_of, modified_after, modified_before)
    with client_for(ctx) as client:
        result = client.search(query, top_k=top_k, filters=filters, explain=explain)
        shown = () if output.as_json or explain else result.hits
        newer = passages.newer_titles(client, [hit.superseded_by for hit in shown])
    if output.as_json:
        output.json_lines([result] if explain else result.hits)
        return
    if result.explain is not None:
        explaining.show(output, result.explain)
    else:
        _print_hits(result.hits, newer, output)
    if not result.hits:
        output.notice("Nothing that you may read is near to this query.")


def _print_hits(hits: Iterable[SearchHit], newer: Mapping[str, str], output: Output) -> None:
    for number, hit in enumerate(hits, start=1):
        remark = ", ".join(filter(None, (f"{hit.score:.3f}", passages.superseded(hit.superseded_by, newer))))
        line = passages.heading(number, hit.title or hit.external_id, page=hit.page, remark=remark)
        passages.show(output, line, passages.shortened(hit.text))


def register(app: typer.Typer) -> None:
    app.command(cls=Verb, epilog="Example: footnote search 'parental leave' --top-k 3")(search)
