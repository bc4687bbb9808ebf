"""`footnote sources`: where documents come from, kept up to date by connectors.

Knows nothing of what connectors can be told (`source_options.py`), nor of how data sources look (`source_report.py`).
"""

from itertools import islice
from typing import Annotated

import typer

from ingest.client import Client
from ingest.commands import source_report
from ingest.commands.grants import check_grants
from ingest.commands.output import Output
from ingest.commands.source_options import kind_named, kind_shown, kinds_shown, options_of, pairs, seconds, secrets_of
from ingest.commands.source_waiting import PATIENCE_S, each_count, each_look
from ingest.commands.usage import WrongUsageError
from ingest.commands.verb import FAILED, INTERRUPTED, PARTLY_DONE, Verb, VerbGroup, client_for, output_for
from ingest.source_resources import DataSource
from retrieval.errors import ConflictError

sources = typer.Typer(
    cls=VerbGroup, no_args_is_help=True, help="Data sources: folders, web sites, repositories … that stay up to date."
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The data source's name.")]
_NoWait = Annotated[bool, typer.Option("--no-wait", help="Return at once.")]
_Grants = Annotated[
    list[str] | None,
    typer.Option(
        "--grant",
        metavar="GRANT",
        help="Who may read what has no grants from the source: everyone, user:EMAIL or group:NAME. Repeat for more.",
        callback=check_grants,
    ),
]
_Every = Annotated[
    int | None, typer.Option(parser=seconds, metavar="SPAN", help="How often it is synced: 15m, 1h, 2d, or manual.")
]
_Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option. Repeat for more.")]
_Secret = Annotated[
    list[str] | None,
    typer.Option("--secret", metavar="KEY=NAME", help="A secret, by its name on the server. Repeat for more."),
]


@sources.command(
    cls=Verb,
    epilog="Example: footnote sources add handbook folder ./handbook --grant everyone",
)
def add(
    ctx: typer.Context,
    *,
    name: _Name,
    connector: Annotated[str, typer.Argument(metavar="CONNECTOR", help="folder, web, git, s3, imap …")],
    address: Annotated[str | None, typer.Argument(metavar="ADDRESS", help="Where it is: a path, a URL.")] = None,
    said: _Set = None,
    secret: _Secret = None,
    grant: _Grants = None,
    every: _Every = None,
    no_sync: Annotated[bool, typer.Option("--no-sync", help="Do not sync it yet.")] = False,
    no_wait: _NoWait = False,
) -> None:
    """Add a data source, sync it and wait until it can be searched.

    `footnote sources connectors` lists the connectors, and with a name its
    options. A secret's value stays on the server, in a file secrets/NAME of the
    data directory (mode 600), /run/secrets/footnote_source_NAME or the variable
    FOOTNOTE_SOURCE_NAME. Without --every it is synced each hour; folders also
    soon after a change.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        kind = kind_named(connector, client.sources.connectors())
        source = client.sources.add(
            name,
            connector,
            options=options_of(kind, address, pairs(said, of="set")),
            secrets=secrets_of(kind, pairs(secret, of="secret")),
            grants=grant or (),
            every_s=3600 if every is None else every or None,
            sync=not no_sync,
        )
        if not grant:
            output.notice("Without --grant only you may read what the source gives no grants for.")
        if no_sync or no_wait:
            _show(source, output)
            return
        raise typer.Exit(_follow(client, name, 1, output))


@sources.command("list", cls=Verb, epilog="Example: footnote sources list")
def list_sources(ctx: typer.Context) -> None:
    """List the data sources, with how many of their documents you may see, and for administrators how each does.

    With --json one data source a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        found = list(client.data_sources())
    if output.as_json:
        output.json_lines(found)
        return
    output.print(source_report.listed(found))
    for line in source_report.attention(found):
        output.notice(line, style="yellow")


@sources.command(cls=Verb, epilog="Example: footnote sources show handbook")
def show(ctx: typer.Context, name: _Name) -> None:
    """Show a data source: options, grants, schedule, how its last sync went."""
    with client_for(ctx) as client:
        _show(client.sources.get(name), output_for(ctx))


@sources.command(cls=Verb, epilog="Example: footnote sources sync handbook")
def sync(
    ctx: typer.Context,
    name: _Name,
    *,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Delete what has vanished, even if that is most of it.")
    ] = False,
    no_wait: _NoWait = False,
) -> None:
    """Sync a data source now, and wait until what is new can be searched.

    Where it lists nothing any more, or has lost more than half of 20 or more
    documents, nothing is deleted without --confirm.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        number = client.sources.sync(name, confirm=confirm)
        if no_wait:
            output.json({"name": name, "number": number}) if output.as_json else output.print(
                f"{name} is to be synced."
            )
            return
        raise typer.Exit(_follow(client, name, number, output))


@sources.command(cls=Verb, epilog="Example: footnote sources change handbook --grant group:staff --every 15m")
def change(
    ctx: typer.Context,
    *,
    name: _Name,
    said: _Set = None,
    secret: _Secret = None,
    grant: _Grants = None,
    every: _Every = None,
) -> None:
    """Change options, default grants or schedule.

    New grants reach the documents that have none from the source, and whose
    grants nobody changed by hand. --set replaces single options.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        changes: dict[str, object] = {}
        if said or secret:
            now = client.sources.get(name)
            kind = kind_named(str(now.connector), client.sources.connectors())
            held = now.setup.options if now.setup else {}
            changes["options"] = options_of(kind, None, pairs(said, of="set"), held=held)
            changes["secrets"] = dict(now.setup.secrets if now.setup else {}) | dict(pairs(secret, of="secret"))
        if grant:
            changes["grants"] = grant
        if every is not None:
            changes["every_s"] = every or None
        if not changes:
            raise WrongUsageError("Say what is to change: --set, --secret, --grant or --every.")
        _show(client.sources.change(name, **changes), output)


@sources.command(cls=Verb, epilog="Example: footnote sources pause handbook")
def pause(ctx: typer.Context, name: _Name) -> None:
    """Pause a data source: a sync that runs is stopped, and none begins. Its documents stay."""
    with client_for(ctx) as client:
        _show(client.sources.change(name, paused=True), output_for(ctx))


@sources.command(cls=Verb, epilog="Example: footnote sources resume handbook")
def resume(ctx: typer.Context, name: _Name) -> None:
    """Resume a paused data source; what became due meanwhile is synced at once."""
    with client_for(ctx) as client:
        _show(client.sources.change(name, paused=False), output_for(ctx))


@sources.command(cls=Verb, epilog="Example: footnote sources remove handbook --keep-documents")
def remove(
    ctx: typer.Context,
    name: _Name,
    *,
    keep_documents: Annotated[
        bool, typer.Option("--keep-documents", help="Keep its documents, as if they had been uploaded.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete its documents without asking.")] = False,
) -> None:
    """Remove a data source and its documents. Asks before it deletes any."""
    output = output_for(ctx)
    with client_for(ctx) as client:
        try:
            removed = client.sources.remove(name, keep_documents=keep_documents, confirm=yes)
        except ConflictError as error:
            if error.code != "confirmation_required":
                raise
            if not output.err.is_terminal:
                raise WrongUsageError(f"{error.message} Pass --yes or --keep-documents.") from error
            typer.confirm(
                f"{name} has {client.sources.get(name).documents} document(s). Delete them?", abort=True, err=True
            )
            removed = client.sources.remove(name, confirm=True)
    if output.as_json:
        output.json({"name": name, "deleted": removed.deleted, "kept": removed.kept})
    else:
        fate = f"documents kept: {removed.kept}" if keep_documents else f"documents deleted: {removed.deleted}"
        output.print(f"{name} is removed ({fate}).")


@sources.command(cls=Verb, epilog="Example: footnote sources connectors git")
def connectors(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="CONNECTOR", help="Only this one, with its options.")] = None,
) -> None:
    """List the connectors, or the options of one.

    With --json one connector a line.
    """
    output = output_for(ctx)
    with client_for(ctx) as client:
        kinds = client.sources.connectors()
    if name is not None:
        kinds = [kind_named(name, kinds)]
    if output.as_json:
        output.json_lines(kinds)
        return
    output.print(kind_shown(kinds[0]) if name is not None else kinds_shown(kinds))


def _show(source: DataSource, output: Output) -> None:
    output.json(source) if output.as_json else output.print(source_report.shown(source))


def _follow(client: Client, name: str, number: int, output: Output) -> int:
    """Wait for a sync and its documents, report, and say the exit code."""
    try:
        source = _wait(client, name, number, output)
    except KeyboardInterrupt as error:
        output.notice(f"The sync goes on. To see how it ends: footnote sources show {name}", style="")
        raise typer.Exit(INTERRUPTED) from error
    setup = source.setup
    sync = setup.sync if setup else None
    failures = list(islice(client.sources.items(name, failed=True), source_report.SHOWN))
    if output.as_json:
        output.json({**source.model_dump(exclude_unset=True), "failures": [f.model_dump() for f in failures]})
    else:
        source_report.report(source, failures, output)
    if sync is None or sync.outcome in (None, "failed", "stopped"):
        return FAILED
    return PARTLY_DONE if failures or sync.outcome == "needs_confirmation" else 0


def _wait(client: Client, name: str, number: int, output: Output) -> DataSource:
    begun = warned = False
    with output.status("Waiting for the scheduler …") as status:
        for looks, source in enumerate(each_look(client, name, number)):
            sync = source.setup.sync if source.setup else None
            begun = begun or (sync is not None and sync.number >= number)
            if begun and sync is not None:
                status(f"Syncing: {source_report.progress(sync.counters)}")
            elif not warned and looks * 0.7 > PATIENCE_S:
                warned = True
                output.notice("It has not begun yet. Is `footnote scheduler` running, and not busy with two others?")
        for left in each_count(client, name):
            status(f"Getting ready: {left} to go")
    return client.sources.get(name)


def register(app: typer.Typer) -> None:
    app.add_typer(sources, name="sources")
