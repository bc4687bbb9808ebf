"""`footnote keys`: API keys for programs and for the command line.

Knows nothing of how keys are kept.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from ingest.commands.output import ID, cells, table
from ingest.commands.verb import Verb, VerbGroup, client_for, output_for

keys = typer.Typer(cls=VerbGroup, no_args_is_help=True, help="Create, list and revoke API keys.")

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LONGEST_DAYS = 3650


class Scope(StrEnum):
    """What a key may be used for, as `--scope` takes it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


def _lifetime(value: str) -> timedelta:
    """`90d`, `12h` or `2w` as a span of time."""
    found = re.fullmatch(r"([1-9]\d{0,5})([hdw])", value.strip())
    if found is None:
        raise typer.BadParameter("write a number of hours, days or weeks: 12h, 90d or 2w.")
    span = int(found[1]) * _UNITS[found[2]]
    if span > timedelta(days=_LONGEST_DAYS):
        raise typer.BadParameter("ten years are the most.")
    return span


@keys.command(
    cls=Verb, epilog="Example: footnote keys create --user ada@example.com --name backup --scope read --expires 90d"
)
def create(
    ctx: typer.Context,
    *,
    user: Annotated[str, typer.Option("--user", metavar="EMAIL", help="Whose key it is.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What it is for.")] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do; without it all that its owner may. Repeat for more.")
    ] = None,
    expires: Annotated[
        timedelta | None, typer.Option(parser=_lifetime, metavar="SPAN", help="How long it works, such as 90d.")
    ] = None,
) -> None:
    """Create a key and print it, this once.

    With --json prints {"id", "key"}.
    """
    output = output_for(ctx)
    expires_at = datetime.now(UTC) + expires if expires is not None else None
    with client_for(ctx) as client:
        made = client.create_api_key(user=user, name=name, scopes=scope or (), expires_at=expires_at)
    if output.as_json:
        output.json({"id": made.id, "key": made.key})
        return
    output.notice(f"Key {made.id}. It is shown this once: keep it safe. Programs take it from FOOTNOTE_API_KEY.")
    output.out.print(made.key, soft_wrap=True)


@keys.command("list", cls=Verb, epilog="Example: footnote keys list --user ada@example.com")
def list_keys(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option("--user", metavar="EMAIL", help="Only this account's.")] = None,
) -> None:
    """List keys: whose they are, what they may do, until when. Never the keys themselves.

    With --json one key a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        if output.as_json:
            output.json_lines(client.api_keys(user=user))
            return
        rows = table(
            ID,
            ("Name", {"overflow": "fold"}),
            ("User", {"overflow": "fold"}),
            ("Scopes", {"overflow": "fold"}),
            ("Ends", {"overflow": "fold"}),
        )
        for key in client.api_keys(user=user):
            ends = "revoked" if key.revoked else key.expires_at
            rows.add_row(*cells(key.id, key.name, key.user, key.scopes, ends))
    output.print(rows)


@keys.command(cls=Verb, epilog="Example: footnote keys revoke 5f0c2a7e-9d41-4b3c-8f6a-7e1d0c9b8a76")
def revoke(ctx: typer.Context, key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")]) -> None:
    """Revoke a key, and every key that was made with it. They stop working at once."""
    output = output_for(ctx)
    with client_for(ctx) as client:
        client.revoke_api_key(key_id)
    if output.as_json:
        output.json({"id": key_id, "revoked": True})
    else:
        output.print(f"{key_id} is revoked.")


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")
