"""Where a verb's words go: results to standard output, everything else to standard error.

Knows nothing of what is printed. With `--json`, standard output carries JSON only. Text of documents and names from
the server are data: control characters in them never reach the terminal, and brackets are no markup.
"""

import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import typer
from pydantic import BaseModel
from pydantic_core import to_json
from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

# Marks that turn the direction of the text around them: a name could show as another one.
_DIRECTION_MARKS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_NO_TERMINAL = (100_000, 24)
# A column of ids: they are copied, so none is ever folded, however narrow the terminal is.
ID = ("Id", {"min_width": 36, "no_wrap": True})


class Output:
    """One call's standard output and standard error."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, markup=False, emoji=False)
        if not self.out.is_terminal:  # a pipe or a file: nothing is cut or folded, unless COLUMNS says how wide it is
            self.out.width = shutil.get_terminal_size(_NO_TERMINAL).columns
        self.err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    def json(self, value: Any) -> None:
        """One JSON document on a line of its own, in UTF-8 whatever the terminal's encoding.

        Of what a server sent exactly that is printed: no field is made up.
        """
        stated = value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
        typer.echo(to_json(stated))

    def json_lines(self, values: Iterable[Any]) -> None:
        for value in values:
            self.json(value)

    def print(self, *parts: RenderableType, end: str = "\n") -> None:
        """Words for people on standard output; `str` parts are printed as they are."""
        self.out.print(*parts, end=end)

    def notice(self, message: str, *, style: str = "dim") -> None:
        """A remark on standard error: what was skipped, what to do next."""
        self.err.print(Text(plain(message), style=style), soft_wrap=not self.err.is_terminal)

    def error(self, message: str) -> None:
        line = Text("Error: ", style="bold red")
        line.append(plain(message), style="default")
        self.err.print(line, soft_wrap=not self.err.is_terminal)

    @contextmanager
    def status(self, message: str) -> Iterator[Callable[[str], None]]:
        """One line that changes, on standard error, shown on a terminal only; yields what sets its words."""
        if not self.err.is_terminal:
            yield lambda _: None
            return
        with self.err.status(Text(message)) as shown:
            yield lambda words: shown.update(Text(plain(words)))

    def progress(self) -> Progress:
        """A bar on standard error, shown on a terminal only."""
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.err,
            transient=True,
            expand=True,
            disable=not self.err.is_terminal,
        )


def plain(text: str | None) -> str:
    """Text from a server or a file as it may be printed: line feeds stay, other control characters become spaces."""
    if not text:
        return ""
    return "".join(_plain(character) for character in text)


def _plain(character: str) -> str:
    if character in _DIRECTION_MARKS:
        return ""
    # Cc: control characters, escape among them; Cs: halves of characters, which cannot be encoded.
    return " " if character != "\n" and unicodedata.category(character) in {"Cc", "Cs"} else character


def one_line(text: str | None) -> str:
    """Text with every run of white space made one space."""
    return " ".join(plain(text).split())


def table(*columns: str | tuple[str, dict[str, Any]]) -> Table:
    """A table without frame, its header underlined; columns may carry Rich's column settings."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", expand=False)
    for column in columns:
        name, settings = column if isinstance(column, tuple) else (column, {})
        made.add_column(name, **settings)
    return made


def cells(*values: object) -> Sequence[Text]:
    """A row of a table: None is a dash, times are local to the reader, everything else its plain words."""
    return [value if isinstance(value, Text) else Text(_words(value)) for value in values]


def _words(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, tuple | list):
        return one_line(", ".join(str(item) for item in value)) or "-"
    return one_line(str(value))


def moment(time: datetime) -> str:
    """A time to the minute, in UTC, as the server keeps it."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


_STATE_STYLES = {"ready": "green", "failed": "red", "quarantined": "red", "queued": "yellow", "running": "cyan"}


def state_text(state: str) -> Text:
    return Text(one_line(state), style=_STATE_STYLES.get(state, ""))
