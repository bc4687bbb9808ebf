"""`footnote users`: accounts, and the links that sign people in.

Knows nothing of passwords or sessions.
"""

from typing import Annotated

import typer

from ingest.client import Client
from ingest.commands.output import Output, cells, moment, table
from ingest.commands.verb import Verb, VerbGroup, client_for, output_for
from ingest.resources import User
from retrieval.errors import NotFoundError

users = typer.Typer(cls=VerbGroup, no_args_is_help=True, help="Create, list, disable and enable accounts.")

_Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The account's address.")]


@users.command(cls=Verb, epilog="Example: footnote users create ada@example.com --name 'Ada Byron' --group hr")
def create(
    ctx: typer.Context,
    *,
    email: _Email,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The person's name.")] = None,
    group: Annotated[list[str] | None, typer.Option(metavar="GROUP", help="A group. Repeat for more.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May manage accounts and see all documents' state.")] = False,
) -> None:
    """Create an account and print the link that signs its owner in."""
    output = output_for(ctx)
    with client_for(ctx) as client:
        user = client.create_user(email, name=name, groups=group or (), is_admin=admin)
    if output.as_json:
        output.json(user)
        return
    output.notice(f"{user.email} may now sign in with this link. It works once: hand it over safely.")
    _print_link(user.sign_in_url, output)


@users.command("list", cls=Verb, epilog="Example: footnote users list --json")
def list_users(ctx: typer.Context) -> None:
    """List the accounts.

    With --json one account a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        if output.as_json:
            output.json_lines(client.users())
            return
        rows = table(("E-mail", {"overflow": "fold"}), "Name", ("Groups", {"overflow": "fold"}), "Admin", "Disabled")
        for user in client.users():
            rows.add_row(*cells(user.email, user.name, user.groups, user.is_admin, user.disabled))
    output.print(rows)


@users.command(cls=Verb, epilog="Example: footnote users disable ada@example.com")
def disable(ctx: typer.Context, email: _Email) -> None:
    """Lock an account out: its sessions, keys and open answers end."""
    _switch(ctx, email, disabled=True)


@users.command(cls=Verb, epilog="Example: footnote users enable ada@example.com")
def enable(ctx: typer.Context, email: _Email) -> None:
    """Let a disabled account in again."""
    _switch(ctx, email, disabled=False)


@users.command(cls=Verb, epilog="Example: footnote users link ada@example.com")
def link(ctx: typer.Context, email: _Email) -> None:
    """Print a new link that signs an account's owner in once."""
    output = output_for(ctx)
    with client_for(ctx) as client:
        made = client.create_sign_in_link(_account(client, email).id)
    if output.as_json:
        output.json(made)
        return
    until = f" until {moment(made.expires_at)} UTC" if made.expires_at else ""
    output.notice(f"The link works once{until}: hand it over safely.")
    _print_link(made.url, output)


def _switch(ctx: typer.Context, email: str, *, disabled: bool) -> None:
    output = output_for(ctx)
    with client_for(ctx) as client:
        user = client.disable_user(_account(client, email).id, disabled=disabled)
    if output.as_json:
        output.json(user)
    else:
        output.print(f"{user.email} is {'disabled' if user.disabled else 'enabled'}.")


def _account(client: Client, email: str) -> User:
    for user in client.users(email=email):
        if user.email.casefold() == email.casefold():
            return user
    raise NotFoundError(f"There is no account with the address {email}.")


def _print_link(url: str | None, output: Output) -> None:
    """The link in one piece: broken into lines it could not be clicked or copied."""
    output.out.print(url or "", soft_wrap=True)


def register(app: typer.Typer) -> None:
    app.add_typer(users, name="users")
