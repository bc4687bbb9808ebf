"""Measure sets and keep their scores: `python -m tests.evaluation.keep_scores [SET…] [--data FOLDER]`.

Without a name, every set that is there. Writes expected_scores.toml, baselines/ and the table of docs/evaluation.md;
with `--only-table` just that. Prints what changed, and says so where it is a drop that `make eval` would have refused.
"""

import argparse
import time
from pathlib import Path

from tests.evaluation import score_report
from tests.evaluation.gate import difference, told
from tests.evaluation.kept import BASELINES, baseline, keep
from tests.evaluation.measured_sets import DATA, SETS, Measured, MeasuredSet, measure


def changed(one: MeasuredSet, found: Measured) -> str:
    """What `make eval` would have said."""
    if not (BASELINES / f"{one.name}.json").is_file():
        return f"{one.name}: kept for the first time"
    try:
        by_question = difference(baseline(one.name), found.by_question(one.metric))
    except ValueError as error:
        return f"{one.name}: {error}"
    said = told(one.name, one.metric, by_question, found.texts() if one.ours else {})
    return f"{said}\n  a drop beyond noise" if by_question.fell else said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public data sets")
    parser.add_argument("--only-table", action="store_true", help="measure nothing")
    asked = parser.parse_args()
    if unknown := set(asked.sets) - set(SETS):
        parser.error(f"there is no set {', '.join(sorted(unknown))}")
    for one in [] if asked.only_table else [SETS[name] for name in asked.sets or SETS]:
        if reason := one.missing(asked.data):
            print(reason)
            continue
        began = time.monotonic()
        found = measure(one, asked.data)
        print(f"{changed(one, found)} ({time.monotonic() - began:.0f} s)", flush=True)
        keep(one, found)
    score_report.write()


if __name__ == "__main__":
    main()
