"""Prints what `footnote eval` measured. Knows nothing of how."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from retrieval.evaluation import Scores


def show(scores: Scores, failures: Sequence[str], *, as_json: bool) -> None:
    """The scores on standard output, what could not be ingested on standard error."""
    for failure in failures:
        sys.stderr.write(f"Not ingested: {failure}\n")
    if as_json:
        sys.stdout.write(json.dumps(scores.as_json()) + "\n")
        return
    table = Table("Measure", "Score", box=None, header_style="bold")
    for name, value in flat(scores.as_json()):
        table.add_row(name, "not measured" if value is None else f"{value:g}")
    Console(highlight=False).print(table)


def progress_to(progress: Progress) -> Callable[[str, int, int], None]:
    """A function that moves one bar for each kind of work."""
    bars: dict[str, Any] = {}

    def told(kind: str, done: int, total: int) -> None:
        if kind not in bars:
            bars[kind] = progress.add_task(kind, total=total)
        progress.update(bars[kind], completed=done, total=total)

    return told


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, float | None]]:
    """Nested figures as (dotted name, value)."""
    rows: list[tuple[str, float | None]] = []
    for name, value in values.items():
        rows += flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return rows
