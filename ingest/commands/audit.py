"""`footnote audit`: who did what, and whether the log of it is whole.

Knows nothing of how the server keeps it: the chain is checked here, from what the server says.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic_core import to_json

from ingest.audit_chain import BrokenChainError, ChainCheck, Link
from ingest.audit_client import AuditEvent
from ingest.client import Client
from ingest.commands.output import Output, cells, table
from ingest.commands.usage import WrongUsageError
from ingest.commands.verb import FAILED, Verb, VerbGroup, client_for, output_for

audit = typer.Typer(cls=VerbGroup, no_args_is_help=True, help="List who did what; verify that nobody changed the list.")
_SHOWN = 110
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@audit.command("list", cls=Verb, epilog="Example: footnote audit list --event authz_fail --after 2026-11-01")
def list_events(
    ctx: typer.Context,
    *,
    after: Annotated[datetime | None, typer.Option(formats=_TIMES, help="From this time on, in UTC.")] = None,
    before: Annotated[datetime | None, typer.Option(formats=_TIMES, help="Up to this time, in UTC.")] = None,
    event: Annotated[
        str | None, typer.Option(metavar="EVENT", help="Only this kind, such as authn_login_fail.")
    ] = None,
    actor: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only what this e-mail address, person's id or key's id did.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="WHAT", help="Only what was done to this, such as document:ID.")
    ] = None,
) -> None:
    """List who did what, oldest first.

    With --json one event a line, with every field that is hashed.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        span = {"after": _utc(after), "before": _utc(before)}
        events = client.audit.events(**span, event=event, actor=actor, subject=subject)
        if output.as_json:
            output.json_lines(events)
            return
        fold = {"overflow": "fold"}
        rows = table("When", ("Event", fold), ("Who", fold), ("What", fold))
        for one in events:
            rows.add_row(*cells(_minute(one), one.event, one.actor or one.address, _what(one)))
    output.print(rows)


@audit.command(cls=Verb, epilog="Example: footnote audit verify --sequence 1042 --head 5f0c…")
def verify(
    ctx: typer.Context,
    *,
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="The head's hash that was printed last time.")
    ] = None,
    sequence: Annotated[int | None, typer.Option(metavar="N", min=1, help="The number of that event.")] = None,
) -> None:
    """Make every event's hash again: was one changed, taken out or moved?

    Keep the head that is printed in another place. Given with --head and
    --sequence the next time, it shows whether the log was cut off at its end or
    rewritten. Exit code 0: the log is whole; 1: it is not.
    """
    if (head is None) != (sequence is None):
        raise WrongUsageError("Give --head and --sequence together: they are of one event.")
    kept = Link(sequence, head.strip().lower()) if head is not None and sequence is not None else None
    output, check = output_for(ctx), ChainCheck(kept)
    with client_for(ctx) as client:
        try:
            _checked(client, check)
        except BrokenChainError as error:
            _say_broken(output, error)
            raise typer.Exit(FAILED) from error
    _say_whole(output, check)


def _checked(client: Client, check: ChainCheck) -> None:
    for event in client.audit.events():
        check.take(event.model_dump())
    check.end()


def _say_broken(output: Output, error: BrokenChainError) -> None:
    if output.as_json:
        output.json({"whole": False, "sequence": error.sequence, "reason": error.message})
    output.error(error.message)


def _say_whole(output: Output, check: ChainCheck) -> None:
    first, head = check.first, check.head
    if output.as_json:
        said = {"first": first["time"], "last": head["time"]} if first and head else {}
        link = {"sequence": head["sequence"], "head": head["hash"]} if head else {}
        output.json({"whole": True, "events": check.events, **said, **link})
        return
    if first is None or head is None:
        output.print("The audit log is empty.")
        return
    output.print(f"Whole: {check.events:,} events, from {first['time']} to {head['time']}.")
    output.print("To see next time that nothing was cut off, keep this in another place:")
    output.out.print(f"  --sequence {head['sequence']} --head {head['hash']}", soft_wrap=True)


def _utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None else None


def _minute(event: AuditEvent) -> str:
    return event.time[:16].replace("T", " ")


def _what(event: AuditEvent) -> str:
    details = to_json(event.details).decode() if event.details else ""
    said = " ".join(part for part in (event.subject, details) if part)
    return said if len(said) <= _SHOWN else f"{said[: _SHOWN - 1]}…"


def register(app: typer.Typer) -> None:
    app.add_typer(audit, name="audit")
