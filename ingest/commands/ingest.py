"""`footnote ingest`: files and folders in, a table of what failed out.

Knows nothing of how files are listed, sent or waited for.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from ingest.client import Client
from ingest.commands.grants import check_grants
from ingest.commands.local_files import Listing, list_files
from ingest.commands.narrowing import day_after, first_moment, moment_option
from ingest.commands.output import Output, cells, state_text, table
from ingest.commands.sending import FINISHED_STATES, Outcome, Said, Sender
from ingest.commands.usage import WrongUsageError
from ingest.commands.verb import FAILED, INTERRUPTED, PARTLY_DONE, Verb, client_for, output_for
from ingest.commands.waiting import wait_for
from ingest.resources import Document
from retrieval.errors import FootnoteError, NotFoundError

DEFAULT_DATA_SOURCE = "uploads"


@dataclass
class _Run:
    """What one call has done so far; also what is left to say when it is interrupted."""

    listing: Listing
    data_source: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    deleted: int = 0
    undeleted: list[str] = field(default_factory=list)

    def failures(self) -> list[Outcome]:
        return [outcome for _, outcome in sorted(self.outcomes.items()) if outcome.is_failure]

    def exit_code(self) -> int:
        failures = self.failures()
        if failures and len(failures) == len(self.outcomes):
            return FAILED
        return PARTLY_DONE if failures or self.undeleted or self.listing.unreadable else 0


def ingest(
    ctx: typer.Context,
    *,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", exists=True, help="Files and folders.")],
    data_source: Annotated[
        str, typer.Option("--data-source", metavar="NAME", help="The data source they belong to.")
    ] = DEFAULT_DATA_SOURCE,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GRANT",
            help="Who may read them: everyone, user:EMAIL or group:NAME. Repeat for more; without it only you.",
            callback=check_grants,
        ),
    ] = None,
    supersedes: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="With one file: the external id of a document it replaces. Repeat for more."),
    ] = None,
    effective_from: Annotated[
        datetime | None, moment_option("--effective-from", first_moment, "Since when it holds: a day, or a moment.")
    ] = None,
    effective_until: Annotated[
        datetime | None,
        moment_option("--effective-until", day_after, "Until when it holds: the last day, or a moment."),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete your documents of this data source that are not in the given folders."),
    ] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="With --prune: go on even if the folders are empty.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return once everything is sent.")] = False,
) -> None:
    """Send files and folders, and wait until they can be searched.

    What the server already holds is not sent again. A document is known by its
    path within the given folder. Hidden files, programs, archives and links
    that lead out of the folder are left out.
    """
    output = output_for(ctx)
    if prune and not all(path.is_dir() for path in paths):
        raise WrongUsageError("--prune deletes what has vanished from a folder: give folders only.")
    listing = list_files(paths)
    for reason in [*listing.skipped, *listing.unreadable]:
        output.notice(f"Left out: {reason}")
    if supersedes and len(listing.files) != 1:
        raise WrongUsageError("--supersedes says what one file replaces: give one file.")
    said = Said(supersedes or None, effective_from, effective_until)
    run = _Run(listing, data_source)
    with client_for(ctx) as client:
        held = _editable_documents(client, data_source)
        vanished = _vanished(client, held, listing, output, confirm=confirm) if prune else []
        try:
            sender = Sender(client, data_source, grant, _by_external_id(held), said=said)
            _send_and_wait(client, run, output, sender, vanished, wait=not no_wait)
        except KeyboardInterrupt as error:
            output.notice(_interrupted(run), style="")
            raise typer.Exit(INTERRUPTED) from error
    _report(run, output)
    if grant is None and any(outcome.sent and outcome.version == 1 for outcome in run.outcomes.values()):
        output.notice("Without --grant only you may read the new documents.")
    raise typer.Exit(run.exit_code())


def _editable_documents(client: Client, data_source: str) -> list[Document]:
    """The data source's documents that this key may change. Only of those the server tells the grants."""
    return [document for document in client.documents(data_source=data_source) if document.grants is not None]


def _by_external_id(documents: Sequence[Document]) -> dict[str, Document]:
    """Without those whose external id several people use: which of them is meant the server knows when it is sent."""
    counts = Counter(document.external_id for document in documents)
    return {document.external_id: document for document in documents if counts[document.external_id] == 1}


def _vanished(
    client: Client, held: Sequence[Document], listing: Listing, output: Output, *, confirm: bool
) -> list[Document]:
    """The documents that `--prune` is to delete. Refused where an empty folder would delete them all.

    What others have put into the data source is left alone, even where this key might delete it.
    """
    present = {file.external_id for file in listing.files}
    missing = [document for document in held if document.external_id not in present]
    if not missing:
        return []
    me = client.me().email.casefold()
    vanished = [document for document in missing if document.owner is None or document.owner.casefold() == me]
    if len(vanished) < len(missing):
        output.notice(f"{len(missing) - len(vanished)} documents that others have put there are kept.")
    if listing.unreadable and vanished:
        raise WrongUsageError(
            "--prune is refused: a file or folder could not be read, so nobody knows what has vanished."
        )
    if vanished and not present and not confirm:
        raise WrongUsageError(
            f"There are no files in the given folders: --prune would delete all {len(vanished)} documents of"
            " the data source. Pass --confirm if that is meant."
        )
    return vanished


def _send_and_wait(
    client: Client,
    run: _Run,
    output: Output,
    sender: Sender,
    vanished: Sequence[Document],
    *,
    wait: bool,
) -> None:
    files = run.listing.files
    with output.progress() as progress:
        sending = progress.add_task("Sending", total=len(files))
        with closing(sender.send(files)) as outcomes:
            for outcome in outcomes:
                run.outcomes[outcome.external_id] = outcome
                progress.advance(sending)
        if vanished:
            _delete(client, run, vanished, progress)
        if wait:
            waiting = progress.add_task("Getting ready", total=len(files))
            for outcome in wait_for(client, list(run.outcomes.values())):
                run.outcomes[outcome.external_id] = outcome
                progress.advance(waiting)


def _delete(client: Client, run: _Run, documents: Sequence[Document], progress: Progress) -> None:
    deleting = progress.add_task("Deleting", total=len(documents))
    for document in documents:
        try:
            client.delete_document(document.id)
            run.deleted += 1
        except NotFoundError:
            run.deleted += 1
        except FootnoteError as error:
            run.undeleted.append(f"{document.external_id}: {error.message}")
        progress.advance(deleting)


def _interrupted(run: _Run) -> str:
    unfinished = sum(outcome.state not in FINISHED_STATES for outcome in run.outcomes.values())
    return (
        f"Interrupted: {len(run.outcomes)} of {len(run.listing.files)} files are with the server, which goes on with"
        f" {unfinished} of them. Run the same command again to send the rest and see how they ended."
    )


def _report(run: _Run, output: Output) -> None:
    outcomes = [run.outcomes[external_id] for external_id in sorted(run.outcomes)]
    failures = run.failures()
    counts = {
        "files": len(outcomes),
        "sent": sum(outcome.sent for outcome in outcomes),
        "unchanged": sum(not outcome.sent and outcome.id is not None for outcome in outcomes),
        "ready": sum(outcome.state == "ready" for outcome in outcomes),
        "failed": len(failures),
        "deleted": run.deleted,
    }
    for fault in run.undeleted:
        output.notice(f"Not deleted: {fault}", style="red")
    if output.as_json:
        skipped = [*run.listing.skipped, *run.listing.unreadable]
        output.json({"data_source": run.data_source, **counts, "skipped": skipped, "documents": outcomes})
        return
    if failures:
        rows = table("Document", "State", ("Why", {"ratio": 1, "overflow": "fold"}))
        for outcome in failures:
            rows.add_row(*cells(outcome.external_id, state_text(outcome.state), outcome.reason))
        output.print(rows, "")
    if any(outcome.id for outcome in failures):
        output.notice("To try again: footnote documents retry ID. Ids: footnote documents list --state failed")
    output.print(_summary(counts, pending=len(outcomes) - counts["ready"] - counts["failed"]))


def _summary(counts: dict[str, int], *, pending: int) -> str:
    if not counts["files"] and not counts["deleted"]:
        return "There is nothing to ingest."
    said = [f"{counts['ready']} ready", f"{counts['failed']} failed"]
    if pending:
        said.insert(1, f"{pending} on their way")
    if counts["deleted"]:
        said.append(f"{counts['deleted']} deleted")
    return f"{', '.join(said)} ({counts['sent']} sent, {counts['unchanged']} unchanged)."


def register(app: typer.Typer) -> None:
    app.command(
        cls=Verb,
        epilog="Example: footnote ingest handbook/ --data-source handbook --grant everyone --prune",
    )(ingest)
