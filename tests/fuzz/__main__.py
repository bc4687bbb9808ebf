"""`python -m tests.fuzz`: one target in this process, under limits of memory and time.

    python -m tests.fuzz TABLE TARGET --input HEX      what it makes of one input; or --input-file FILE
    python -m tests.fuzz TABLE TARGET --seeds DIR --artifacts DIR --report FILE --runs N [--seconds S] [--seed N]

The second form is what `tests/fuzz/running.py` starts. It ends at the first finding, whose input is then in the folder
of artifacts. REPORT counts what became of the inputs.
"""

import argparse
import collections
import json
import resource
import sys
from importlib import import_module
from pathlib import Path

import atheris

from tests.fuzz.target import Target

MEMORY_MIB = 2048
INPUT_SECONDS = 10
_REPORT_EVERY = 64
# Where what runs steers which inputs are kept. Instrumenting takes its time, so not all that is loaded.
_STEERING = (
    "ingest.parsing ingest.answer_stream ingest.problems retrieval.access retrieval.citations retrieval.sentences "
    "services.api.schemas services.api.cursors services.api.openai_requests services.api.openai_schemas"
).split()


def main() -> None:
    """Runs one target; does not return where it fuzzes."""
    asked = _arguments()
    limit = 2 * MEMORY_MIB * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with atheris.instrument_imports(include=_STEERING):
        target: Target = import_module(f"tests.fuzz.{asked.table}").TARGETS[asked.target]
    # Text recognition is another's program, and takes seconds a picture.
    vars(import_module("ingest.parsing.ocr"))["SEARCH_PATH"] = ""
    given = asked.input_file.read_bytes() if asked.input_file else asked.input
    if given is not None:
        print(target.check(given))
        return
    counts: collections.Counter[str] = collections.Counter()

    def one(content: bytes) -> None:
        counts[target.check(content)] += 1
        done = counts.total()
        if done == asked.runs or done % _REPORT_EVERY == 0:
            asked.report.write_text(json.dumps(counts))

    atheris.Setup([sys.argv[0], *_options(asked, target.most_bytes), str(asked.seeds)], one)
    atheris.Fuzz()


def _options(asked: argparse.Namespace, most_bytes: int) -> list[str]:
    clock = [f"-max_total_time={asked.seconds}"] if asked.seconds else [f"-runs={asked.runs}"]
    limits = [f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}", f"-max_len={most_bytes}"]
    return [*clock, *limits, f"-seed={asked.seed}", f"-artifact_prefix={asked.artifacts}/", "-print_final_stats=1"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("table", choices=["parsers", "readers"])
    parser.add_argument("target")
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--input", type=bytes.fromhex)
    given.add_argument("--input-file", type=Path)
    parser.add_argument("--seeds", type=Path)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--artifacts", type=Path, default=Path())
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
