"""`footnote groups`: who belongs to which group, and so may read what is granted to it.

Knows nothing of documents.
"""

from typing import Annotated

import typer

from ingest.commands.output import cells, table
from ingest.commands.verb import Verb, VerbGroup, client_for, output_for

groups = typer.Typer(cls=VerbGroup, no_args_is_help=True, help="List groups, add and remove their members.")

_Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group's name.")]
_Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The member's address.")]


@groups.command(cls=Verb, epilog="Example: footnote groups add hr ada@example.com")
def add(ctx: typer.Context, group: _Group, email: _Email) -> None:
    """Make somebody a member. A group that does not exist is made."""
    output = output_for(ctx)
    with client_for(ctx) as client:
        client.add_group_member(group, email)
    if output.as_json:
        output.json({"group": group, "email": email, "member": True})
    else:
        output.print(f"{email} belongs to {group}.")


@groups.command(cls=Verb, epilog="Example: footnote groups remove hr ada@example.com")
def remove(ctx: typer.Context, group: _Group, email: _Email) -> None:
    """End a membership. What was granted to the group can no longer be read from the next request on."""
    output = output_for(ctx)
    with client_for(ctx) as client:
        client.remove_group_member(group, email)
    if output.as_json:
        output.json({"group": group, "email": email, "member": False})
    else:
        output.print(f"{email} no longer belongs to {group}.")


@groups.command("list", cls=Verb, epilog="Example: footnote groups list")
def list_groups(ctx: typer.Context) -> None:
    """List the groups, with how many people belong to each.

    With --json one group a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        if output.as_json:
            output.json_lines(client.groups())
            return
        rows = table("Group", ("Members", {"justify": "right"}))
        for group in client.groups():
            rows.add_row(*cells(group.name, group.members))
    output.print(rows)


def register(app: typer.Typer) -> None:
    app.add_typer(groups, name="groups")
