"""`python -m tests.bench`: every benchmark, one table each.

    --report docs/benchmarks.md [--documents N --rounds N --unchanged N --waves N --chunks N]

The sizes are those of `tests/bench/ingestion.py`.
"""

import argparse
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

from tests import figures
from tests.bench import assistant, ingestion, set_up, streams

COMMAND = "python -m tests.bench"


def main() -> None:
    """Print each figure as it is known; then write the report, if one was asked for."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--report", type=Path, help="write the figures into this Markdown file")
    for name, value in asdict(ingestion.Sizes()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    sizes = {field.name: getattr(asked, field.name) for field in fields(ingestion.Sizes)}
    benchmarks: dict[str, Callable[[], Iterable[tuple[str, str]]]] = {
        "Start": set_up.measure,
        "Questions": assistant.measure,
        "Ingestion": partial(ingestion.measure, ingestion.Sizes(**sizes)),
        "Embedding": streams.measure,
    }
    print(f"{figures.machine()}\n")
    tables = [_table(title, measure()) for title, measure in benchmarks.items()]
    if asked.report:
        words = " ".join(f"--{name} {value}" for name, value in sizes.items())
        figures.write(asked.report, command=COMMAND, parts=[f"`{COMMAND} {words}`", *tables])


def _table(title: str, measured: Iterable[tuple[str, str]]) -> str:
    lines = [f"### {title}", "", "| | |", "|---|---|"]
    for what, figure in measured:
        print(f"{what:<66} {figure}", flush=True)
        lines.append(f"| {what} | {figure} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
