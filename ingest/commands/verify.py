"""`footnote verify`: registry against index against originals.

Knows nothing of how the server looks.
"""

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ingest.audit_stream import CLASSES, AuditExample, AuditProgress, AuditReport
from ingest.client import Client
from ingest.commands.output import ID, Output, cells, one_line, table
from ingest.commands.verb import FAILED, Verb, client_for, output_for

_STAGES = {
    "documents": "Documents and their chunks",
    "index": "Chunks of no document",
    "originals": "Originals",
    "repair": "Repairing",
}
_WORDS = {
    "chunk": "chunks not in the index",
    "original": "originals gone or damaged",
    "parsed_text": "parsed texts gone or damaged",
    "job": "accepted, but nothing makes it ready",
    "point_of_deleted_document": "chunks of deleted documents",
    "point_of_other_version": "chunks of versions that nobody reads",
    "point_of_no_document": "chunks of no document at all",
    "point_beyond_manifest": "chunks beyond the document's end",
    "blob": "stored files that nothing refers to",
    "unfinished_upload": "uploads that never ended",
    "point": "chunks that are there twice",
    "document": "documents of the same name and owner",
    "payload": "chunks with fields missing",
    "point_id": "chunks under a wrong id",
    "text": "chunks that do not quote their document",
    "labels": "chunks of a wrong source or type",
    "metadata": "chunks with grants or times of before",
}
_DONE = {
    "points_deleted": "chunks deleted",
    "documents_ingested": "documents ingested again",
    "metadata_written": "documents' grants and times written again",
    "blobs_deleted": "stored files deleted",
}
_SHOWN = 5


def verify(
    ctx: typer.Context,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what is found, then audit again.")] = False,
) -> None:
    """Audit: is everything that was accepted in the index and in the store, once and right, and nothing else?

    Exit code 0: all is well; 1: something is not. With --repair what is missing is ingested again from its original and
    what nothing accounts for is deleted; it may take as long as ingesting these documents did.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        report = _followed(client, output, repair=repair)
    if output.as_json:
        output.json(report)
    else:
        output.print(shown(report))
    if not report.clean:
        raise typer.Exit(FAILED)


def _followed(client: Client, output: Output, *, repair: bool) -> AuditReport:
    """The report, with a bar for what is being looked at until it comes."""
    report = AuditReport(clean=False)
    with output.progress() as bar:
        for event in client.verify(repair=repair):
            if isinstance(event, AuditProgress):
                _moved(bar, event)
            else:
                report = event
    return report


def _moved(bar: Progress, event: AuditProgress) -> None:
    words = _STAGES.get(event.stage, one_line(event.stage))
    current = bar.tasks[-1] if bar.tasks else None
    if current is None or current.description != words:
        if current is not None:
            bar.remove_task(current.id)
        bar.add_task(words, total=event.total, completed=event.done)
    else:
        bar.update(current.id, total=event.total, completed=event.done)


def shown(report: AuditReport) -> RenderableType:
    """A report as people read it."""
    looked = (
        f"{report.documents:,} documents, {report.chunks:,} chunks and {report.originals:,} stored files looked at "
        f"in {report.seconds:,.0f} s"
    )
    parts: list[RenderableType] = [
        Text("Clean", style="bold green") if report.clean else Text("Not clean", style="bold red"),
        Text(looked),
    ]
    if report.in_flight:
        parts.append(Text(f"{report.in_flight:,} documents are being worked on and were not judged"))
    if not report.clean:
        parts += [Text(), _findings(report)]
    if report.repaired is not None:
        done = ", ".join(f"{_DONE.get(what, one_line(what))}: {count:,}" for what, count in report.repaired.items())
        parts += [Text(), Text(f"Repaired ({done})" if done else "There was nothing to repair")]
    if report.lost:
        parts += [Text(), Text("The originals of these are lost. Send the files again:", style="red"), _lost(report)]
    elif not report.clean and report.repaired is None:
        parts += [Text(), Text("footnote verify --repair mends what can be mended.", style="dim")]
    return Group(*parts)


def _findings(report: AuditReport) -> Table:
    rows = table("Class", ("Count", {"justify": "right"}), ("For example", {"overflow": "fold"}))
    for kind in CLASSES:
        tally = report.tally(kind)
        rows.add_row(*cells(kind, f"{tally.count:,}", _example(tally.examples[0]) if tally.examples else None))
        for example in tally.examples[1:_SHOWN]:
            rows.add_row(*cells(Text(), Text(), _example(example)))
    return rows


def _example(example: AuditExample) -> str:
    where = example.document_id or example.blob or ", ".join(map(str, example.points))
    version = f" version {example.version}" if example.version else ""
    return f"{_WORDS.get(example.what, one_line(example.what))}: {example.count:,}, {where}{version}"


def _lost(report: AuditReport) -> Table:
    rows = table(("Document", {"ratio": 1, "overflow": "fold"}), "Version", ID)
    for one in report.lost:
        rows.add_row(*cells(one.title, one.version, one.document_id))
    return rows


def register(app: typer.Typer) -> None:
    app.command(cls=Verb, epilog="Example: footnote verify --repair")(verify)
