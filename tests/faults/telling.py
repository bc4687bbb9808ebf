"""One run told to whoever waits for it: its command first, its figures last. Knows nothing of other runs beside it."""

import shlex
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests import system
from tests.faults import report
from tests.faults.run import Outcome, Plan, carried_out

SIZES = {"one-machine": system.ONE_MACHINE, "production": system.PRODUCTION}


def told(plan: Plan, cache: Path, logs: Path | None) -> Outcome:
    """Carry out the plan; with `logs`, keep what the processes wrote there."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through every `finally`, so that nothing is left running
    command = replay(plan)
    _say(f"{plan.size}, seed {plan.seed}: {command}")
    with tempfile.TemporaryDirectory(prefix="footnote-faults-") as folder:
        outcome = carried_out(plan, cache, Path(folder), lambda line: _say(f"{plan.size}: {line}"))
        if logs:
            shutil.copytree(Path(folder) / "logs", logs / plan.size.replace(" ", "-"), dirs_exist_ok=True)
    print(report.table(outcome), flush=True)
    if not outcome.held:
        print(f"To replay this: {command}", flush=True)
    return outcome


def replay(plan: Plan) -> str:
    """The command that repeats this run."""
    size = next(name for name, size in SIZES.items() if size == plan.size)
    words = ["python", "-m", "tests.faults", "--seed", plan.seed, "--size", size]
    words += ["--documents", plan.documents, "--kills", plan.kills, "--pause", plan.pause, "--backlog", plan.backlog]
    return shlex.join(str(word) for word in words)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
