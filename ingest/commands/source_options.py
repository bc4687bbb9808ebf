"""What is said of a data source on the command line: its address, options, secrets and schedule.

Knows nothing of what the options mean: which there are, the server says.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ingest.commands.output import cells, plain, table
from ingest.commands.usage import WrongUsageError
from ingest.source_resources import Connector, ConnectorOption

MANUAL = "manual"
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_NAMES = {86400: "d", 3600: "h", 60: "m"}
_LEAST_S, _MOST_S = 60, 366 * 86400


def seconds(value: str) -> int:
    """`15m`, `1h`, `2d` as seconds; 0 for `manual`."""
    if value.strip() == MANUAL:
        return 0
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", value.strip())
    if found is None:
        raise typer.BadParameter("write a number of minutes, hours or days (15m, 1h, 2d), or manual.")
    span = int(found[1]) * _UNITS[found[2]]
    if not _LEAST_S <= span <= _MOST_S:
        raise typer.BadParameter("a minute is the least, a year the most.")
    return span


def span(every_s: int | None) -> str:
    """The reverse, as it is shown."""
    if not every_s:
        return MANUAL
    size, unit = next(((size, unit) for size, unit in _NAMES.items() if every_s % size == 0), (1, "s"))
    return f"{every_s // size}{unit}"


def pairs(values: Sequence[str] | None, *, of: str) -> list[tuple[str, str]]:
    """`key=value` in two. WrongUsageError for what has no equals sign."""
    split = [value.partition("=") for value in values or ()]
    for key, sign, _ in split:
        if not sign or not key:
            raise WrongUsageError(f"--{of} takes key=value, not {key!r}.")
    return [(key.strip(), value) for key, _, value in split]


def kind_named(name: str, kinds: Sequence[Connector]) -> Connector:
    """WrongUsageError, with what there is, for a kind that the server does not know."""
    for kind in kinds:
        if kind.name == name:
            return kind
    raise WrongUsageError(f"There is no connector {name!r}; there are {', '.join(kind.name for kind in kinds)}.")


def options_of(
    kind: Connector, address: str | None, said: Sequence[tuple[str, str]], *, held: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The options as the server takes them, on top of those `held`. WrongUsageError for what is unknown or missing."""
    known = {option.name: option for option in kind.options}
    options: dict[str, Any] = {}
    if address is not None:
        if kind.address is None:
            raise WrongUsageError(f"A data source of kind {kind.name} has no address. {_hint(kind)}")
        options[kind.address.name] = _local(address) if kind.address.name == "path" else address
    for key, value in said:
        option = known.get(key)
        if option is None:
            raise WrongUsageError(f"A data source of kind {kind.name} has no option {key!r}. {_hint(kind)}")
        if option.secret:
            raise WrongUsageError(f"{key} is a secret: pass --secret {key}=NAME, where NAME is its name on the server.")
        _set(options, option, value)
    options = {**(held or {}), **options}
    needed = (option.name for option in kind.options if option.required and not option.secret)
    missing = [name for name in needed if name not in options]
    if missing:
        raise WrongUsageError(f"A data source of kind {kind.name} needs {', '.join(missing)}. {_hint(kind)}")
    return options


def secrets_of(kind: Connector, said: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The secrets' names by option. WrongUsageError for what is no secret, and for one that is needed."""
    secret = {option.name for option in kind.options if option.secret}
    for key, _ in said:
        if key not in secret:
            raise WrongUsageError(f"A data source of kind {kind.name} has no secret {key!r}. {_hint(kind)}")
    given = dict(said)
    missing = [option.name for option in kind.options if option.secret and option.required and option.name not in given]
    if missing:
        needed = " ".join(f"--secret {name}=NAME" for name in missing)
        raise WrongUsageError(f"A data source of kind {kind.name} needs {needed}. The server reads the value itself.")
    return given


def kinds_shown(kinds: Sequence[Connector]) -> RenderableType:
    """Each kind with how it is added."""
    rows = table("Connector", ("What it reads", {"ratio": 1, "overflow": "fold"}), "Address")
    for kind in kinds:
        rows.add_row(*cells(kind.name, kind.description, kind.address.name if kind.address else None))
    return rows


def kind_shown(kind: Connector) -> RenderableType:
    """One kind with its options."""
    address = kind.address
    usage = f"footnote sources add NAME {kind.name}" + (f" {address.name.upper()}" if address else "")
    parts: list[RenderableType] = [Text(plain(kind.description)), Text(f"  {usage} [OPTIONS]\n", style="bold")]
    for option in sorted(kind.options, key=lambda option: option is not address):
        if option is not address:
            how = f"--secret {option.name}=NAME" if option.secret else f"--set {option.name}=…"
            note = "needed" if option.required else f"default: {_default(option)}" if _default(option) else ""
            parts.append(Text.assemble(f"  {how}", (f"  {note}" if note else "", "dim")))
        else:
            parts.append(Text(f"  {option.name.upper()}"))
        if option.description:
            parts.append(Padding(Text(plain(option.description)), (0, 0, 0, 6), expand=False))
    return Group(*parts)


def _default(option: ConnectorOption) -> str:
    value = option.default
    return "" if value in (None, "", [], {}) else str(value).lower() if isinstance(value, bool) else str(value)


def _set(options: dict[str, Any], option: ConnectorOption, value: str) -> None:
    if isinstance(option.default, list):
        options.setdefault(option.name, []).append(value)
    elif isinstance(option.default, dict):
        try:
            options[option.name] = json.loads(value)
        except ValueError:
            raise WrongUsageError(
                f"{option.name} takes a JSON object, such as {{'key': 'value'}} with double quotes."
            ) from None
    else:
        options[option.name] = value


def _local(path: str) -> str:
    """A path on this machine in full; the server must see the same one."""
    return str(Path(path).expanduser().absolute())


def _hint(kind: Connector) -> str:
    return f"`footnote sources connectors {kind.name}` lists its options."
