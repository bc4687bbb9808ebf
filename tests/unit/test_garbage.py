"""In processes of their own: what is frozen or set there would stay so for every test behind it."""

import json
import subprocess
import sys

import pytest

from services.garbage import ROUND

# What the last line of standard output says of the process when it ends.
REPORT = """
def report():
    print(json.dumps([gc.get_threshold(), gc.get_freeze_count(), len(gc.get_objects())]))
atexit.register(report)
"""


def at_the_end_of(code: str, *arguments: str) -> tuple[list[int], int, int]:
    """(thresholds, objects left out, objects looked through)."""
    program = f"import atexit, gc, json, sys\n{REPORT}\n{code}"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    thresholds, frozen, seen = json.loads(done.stdout.splitlines()[-1])
    return thresholds, frozen, seen


def test_a_command_looks_for_garbage_less_often_and_leaves_nothing_out() -> None:
    thresholds, frozen, _ = at_the_end_of("from services.cli import main\nmain()", "settings", "--json")
    assert thresholds[0] == ROUND
    assert frozen == 0


API = """
from services.api import serve as of
of.create_app = lambda *_, **__: None
of._Server.run = lambda self: setattr(self, "started", True)
of.serve(None, close=None, host="127.0.0.1", port=0, drain_seconds=0, proxies=())
"""
WORKER = """
from celery import Celery, signals
from services.worker import tasks
tasks.register(Celery(), lambda _: (None, None))
getattr(signals, sys.argv[1]).send(None)
"""


@pytest.mark.parametrize("runs", [(API,), (WORKER, "worker_init"), (WORKER, "worker_process_init")])
def test_what_runs_on_leaves_out_what_it_loaded(runs: tuple[str, ...]) -> None:
    _, frozen, seen = at_the_end_of(*runs)
    assert frozen > 10 * seen
