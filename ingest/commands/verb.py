"""What every verb has in common: the connection's options, `--json`, and exit codes.

Knows nothing of what a verb does. `Verb` and `VerbGroup` are the classes that Typer builds commands from; both take the
common options, so these may stand before the verb as well as after it. What stands nearest to the verb wins, and what
was typed wins over the environment.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ingest.client import Client
from ingest.commands.connection import ConnectionOptions, open_client
from ingest.commands.output import Output
from ingest.commands.usage import WrongUsageError
from ingest.problems import ServerUnreachableError, UnauthenticatedProblemError
from retrieval.errors import FootnoteError

FAILED = 1
USAGE = 2
UNREACHABLE = 3
PARTLY_DONE = 4
INTERRUPTED = 128 + signal.SIGINT

_SAID = "ingest.commands.verb.said"
_PANEL = "Connection and output"


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Keep a common option's value for the verb. The context's `meta` is shared from the first group to the verb."""
    said: dict[str, Any] = ctx.meta.setdefault(_SAID, {})
    if value is not None and (_is_typed(ctx, param) or param.name not in said):
        said[str(param.name)] = value
    return value


def _is_typed(ctx: typer.Context, param: typer.CallbackParam) -> bool:
    source = ctx.get_parameter_source(str(param.name))
    return source is not None and source.name == "COMMANDLINE"


def _common_options(
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="FOOTNOTE_URL",
            metavar="URL",
            help="The server's address.",
            callback=_remember,
            expose_value=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            envvar="FOOTNOTE_API_KEY",
            metavar="KEY",
            help="Your key. Better in the environment, where other users cannot see it.",
            callback=_remember,
            expose_value=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            envvar="FOOTNOTE_DATA_DIR",
            metavar="DIR",
            help="Where `footnote up` keeps its data, address and key among it. (default: ./.footnote)",
            callback=_remember,
            expose_value=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
    as_json: Annotated[
        bool | None,
        typer.Option(
            "--json",
            help="Print JSON and nothing else.",
            callback=_remember,
            expose_value=False,
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> None:
    """Read by Typer for its parameters only."""


def _common_params() -> list[Any]:
    template = typer.Typer(add_completion=False)
    template.command()(_common_options)
    return list(get_command(template).params)


class Verb(TyperCommand):
    """A command with the common options, whose errors become one line on standard error and an exit code."""

    def __init__(self, *, params: list[Any] | None = None, **attributes: Any) -> None:
        super().__init__(params=[*(params or []), *_common_params()], **attributes)

    def invoke(self, ctx: Any) -> Any:
        with _exit_codes():
            return super().invoke(ctx)


class VerbGroup(TyperGroup):
    """A group that takes the common options for the verbs below it.

    A command below it that is no Verb gets those that it has itself, as what holds where they do not stand behind it.
    """

    def __init__(self, *, params: list[Any] | None = None, **attributes: Any) -> None:
        super().__init__(params=[*(params or []), *_common_params()], **attributes)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not isinstance(command, Verb | VerbGroup):
            ctx.default_map = {name: _handed_on(ctx, command)}
        return name, command, rest


def _handed_on(ctx: Any, command: Any) -> dict[str, Any]:
    """What was typed before a command that is no Verb, by the names of its own options. BadParameter where it has none:
    an option that is ignored without a word, such as the folder that a backup is put back into, does harm."""
    own = {option: param.name for param in command.params for option in param.opts}
    handed_on = {}
    for param in ctx.command.params:
        if not _is_typed(ctx, param):
            continue
        if param.opts[0] not in own:
            raise typer.BadParameter(f"{ctx.command_path} {command.name} does not take it.", ctx=ctx, param=param)
        handed_on[own[param.opts[0]]] = ctx.meta[_SAID][param.name]
    return handed_on


def client_for(ctx: typer.Context) -> Client:
    """A client for the server that this call of the command line speaks to. The caller closes it."""
    said = ctx.meta.get(_SAID, {})
    return open_client(ConnectionOptions(said.get("url"), said.get("api_key"), said.get("data_dir")))


def output_for(ctx: typer.Context) -> Output:
    """Where this call of the command line prints, and in which form."""
    return Output(as_json=bool(ctx.meta.get(_SAID, {}).get("as_json")))


@contextmanager
def _exit_codes() -> Iterator[None]:
    try:
        yield
    except WrongUsageError as error:
        Output().error(error.message)
        raise typer.Exit(USAGE) from error
    except ServerUnreachableError as error:
        Output().error(f"{error.message} Is it running?")
        raise typer.Exit(UNREACHABLE) from error
    except UnauthenticatedProblemError as error:
        Output().error(f"{error.message} Is the API key right, and neither expired nor revoked?")
        raise typer.Exit(FAILED) from error
    except FootnoteError as error:
        Output().error(error.message)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        Output().error("Interrupted.")
        raise typer.Exit(INTERRUPTED) from error
