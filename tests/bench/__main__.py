"""`python -m tests.bench`: every benchmark, one table each.

    --report docs/benchmarks.md [--only Ingestion Growth] [--documents N --rounds N --unchanged N --marks N N]
    [--only Search --chunks N N]

The sizes are those of `tests/bench/ingestion.py`, and `--chunks` those of `tests/bench/search.py`.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests import figures
from tests.bench import answers, assistant, events, formats, graph, ingestion, search, set_up, streams

COMMAND = "python -m tests.bench"


def main() -> None:
    """Print each figure as it is known; then write the report, if one was asked for."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--report", type=Path, help="write each table into its place in this Markdown file")
    ingestion.add_sizes(parser)
    parser.add_argument("--chunks", type=int, nargs="*", default=search.SIZES, help="chunks that are searched")
    benchmarks: dict[str, Callable[[], Iterable[tuple[str, str]]]] = {
        "Start": set_up.measure,
        "Questions": assistant.measure,
        "Answers": answers.measure,
        "Events": events.measure,
        "Ingestion": lambda: ingestion.measure(ingestion.sizes_of(asked)),
        "Growth": lambda: ingestion.growth(ingestion.sizes_of(asked)),
        "Embedding": streams.measure,
        "Formats": formats.measure,
        "Search": lambda: search.measure(asked.chunks),
        "Graph": lambda: graph.measure(max(asked.chunks)),
    }
    parser.add_argument("--only", nargs="*", choices=list(benchmarks), default=list(benchmarks))
    asked = parser.parse_args()
    print(f"{figures.machine()}\n")
    command = shlex.join([*COMMAND.split(), *sys.argv[1:]])
    for title in asked.only:
        table = _table(title, benchmarks[title]())
        if asked.report:
            figures.write(asked.report, command=f"{COMMAND}, {title}", parts=[f"`{command}`", table])


def _table(title: str, measured: Iterable[tuple[str, str]]) -> str:
    lines = [f"### {title}", "", "| | |", "|---|---|"]
    for what, figure in measured:
        print(f"{what:<66} {figure}", flush=True)
        lines.append(f"| {what} | {figure} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
