"""`footnote documents`: list, show, delete, retry, and who may read them.

Knows nothing of how documents come to the server.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer
from rich.table import Table

from ingest.commands.grants import check_grants
from ingest.commands.output import ID, Output, cells, state_text, table
from ingest.commands.verb import FAILED, PARTLY_DONE, Verb, VerbGroup, client_for, output_for
from ingest.problems import ProblemError, ServerUnreachableError, UnauthenticatedProblemError
from ingest.resources import DocumentDetail

documents = typer.Typer(cls=VerbGroup, no_args_is_help=True, help="List, show, delete and retry documents.")

_Id = Annotated[str, typer.Argument(metavar="ID", help="The document's id.")]
_Ids = Annotated[list[str], typer.Argument(metavar="ID", help="The documents' ids.")]


class State(StrEnum):
    """Where a document stands, as `--state` takes it."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    QUARANTINED = "quarantined"


@documents.command("list", cls=Verb, epilog="Example: footnote documents list --state failed --data-source handbook")
def list_documents(
    ctx: typer.Context,
    *,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    data_source: Annotated[
        str | None, typer.Option("--data-source", metavar="NAME", help="Only those of this data source.")
    ] = None,
    query: Annotated[
        str | None, typer.Option("--query", "-q", metavar="TEXT", help="Only those with this in title or external id.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many.")] = None,
) -> None:
    """List the documents that you may read.

    With --json one document a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        found = islice(client.documents(state=state, data_source=data_source, query=query), limit)
        if output.as_json:
            output.json_lines(found)
            return
        rows = table(
            ID,
            ("State", {"min_width": 11}),
            ("Document", {"overflow": "ellipsis", "no_wrap": True}),
        )
        for document in found:
            rows.add_row(*cells(document.id, state_text(document.state), document.title or document.external_id))
    output.print(rows)
    output.notice(f"{rows.row_count} documents.")


@documents.command(cls=Verb, epilog="Example: footnote documents show 0b5e7c1a-3d2f-4c56-9a8e-1f2d3c4b5a69")
def show(ctx: typer.Context, document_id: _Id) -> None:
    """Show one document: its state, why it failed, who may read it, what was left out of its text."""
    output = output_for(ctx)
    with client_for(ctx) as client:
        _print_document(client.document(document_id), output)


@documents.command(cls=Verb, epilog="Example: footnote documents delete 0b5e7c1a-3d2f-4c56-9a8e-1f2d3c4b5a69")
def delete(ctx: typer.Context, document_ids: _Ids) -> None:
    """Delete documents. Nobody can find them from that moment on."""
    with client_for(ctx) as client:
        _for_each(document_ids, client.delete_document, output_for(ctx), done="deleted")


@documents.command(cls=Verb, epilog="Example: footnote documents retry 0b5e7c1a-3d2f-4c56-9a8e-1f2d3c4b5a69")
def retry(ctx: typer.Context, document_ids: _Ids) -> None:
    """Queue failed or quarantined documents again."""
    with client_for(ctx) as client:
        _for_each(document_ids, client.retry_document, output_for(ctx), done="queued")


@documents.command(
    cls=Verb, epilog="Example: footnote documents grants 0b5e7c1a-3d2f-4c56-9a8e-1f2d3c4b5a69 --set group:hr"
)
def grants(
    ctx: typer.Context,
    document_id: _Id,
    new: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="GRANT",
            help="Replace them: everyone, user:EMAIL or group:NAME. Repeat for more.",
            callback=check_grants,
        ),
    ] = None,
) -> None:
    """Show who may read a document, or say who may."""
    output = output_for(ctx)
    with client_for(ctx) as client:
        document = client.set_grants(document_id, new) if new else client.document(document_id)
    if output.as_json:
        output.json({"id": document.id, "grants": document.grants})
    elif document.grants is None:
        output.notice("Only those who may edit this document see who may read it.")
    else:
        output.out.print("\n".join(document.grants), soft_wrap=True)


def _print_document(document: DocumentDetail, output: Output) -> None:
    if output.as_json:
        output.json(document)
        return
    rows = Table.grid(padding=(0, 2))
    for name, value in document.model_dump(exclude={"left_out", "hidden_chars", "supersedes"}).items():
        if value not in (None, (), ""):
            shown = state_text(document.state) if name == "state" else value
            rows.add_row(*cells(name.replace("_", " ").capitalize(), shown))
    for number, named in enumerate(document.supersedes or ()):
        where = "" if named.data_source == document.data_source else f" in {named.data_source}"
        rows.add_row(*cells(" " if number else "Supersedes", f"{named.external_id}{where}"))
    for label, lacking in _lacking(document):
        rows.add_row(*cells(label, lacking))
    output.print(rows)


def _lacking(document: DocumentDetail) -> Iterator[tuple[str, str]]:
    """What the text does not hold of the file, a line for each part."""
    if document.hidden_chars:
        yield "Hidden", f"{document.hidden_chars:,} characters that nobody would see"
    for number, part in enumerate(document.left_out):
        yield "Left out" if number == 0 else " ", f"{part.part}: {part.reason}" if part.part else part.reason


def _for_each(document_ids: Sequence[str], change: Callable[[str], None], output: Output, *, done: str) -> None:
    """Change one document after another. Exit code 4 where only some could be changed, 1 where none could."""
    failures = 0
    for document_id in document_ids:
        fault = None
        try:
            change(document_id)
        except (UnauthenticatedProblemError, ServerUnreachableError):
            raise
        except ProblemError as error:
            fault = error.message
            failures += 1
        if output.as_json:
            output.json({"id": document_id, done: fault is None, "reason": fault})
        elif fault is None:
            output.print(f"{document_id} {done}")
        else:
            output.error(f"{document_id}: {fault}")
    if failures:
        raise typer.Exit(FAILED if failures == len(document_ids) else PARTLY_DONE)


def register(app: typer.Typer) -> None:
    app.add_typer(documents, name="documents")
