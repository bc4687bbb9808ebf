"""A model in the form that OpenVINO runs, in a folder of its own: made where it is not there, by one process at a time.

Knows nothing of how it is run. Each step is a program of its own, so that its memory goes with it: `conversion.py`
leaves the graph, `quantizing.py` a second one in bytes, which a model can do without.
"""

import fcntl
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_log = logging.getLogger(__name__)


def is_made(folder: Path) -> bool:
    """Whether nothing is left to make."""
    return (folder / "footnote.json").exists() and (folder / "int8.json").exists()


def make(model: str, folder: Path) -> bool:
    """Have `model` (a folder, or a name on the model hub) in `folder`. False where OpenVINO cannot have it."""
    if is_made(folder):
        return True
    with _alone(folder):
        if not (folder / "footnote.json").exists():
            failure = _failure_of("retrieval.conversion", model, str(folder))
            if failure is not None:
                _log.warning("%s runs in PyTorch: it was not converted to OpenVINO: %s", model, failure)
                return False
        if not is_made(folder) and os.access(folder, os.W_OK):
            failure = _failure_of("retrieval.quantizing", str(folder))
            if failure is not None:
                _log.warning("%s may be slower than it could be: it was not made in bytes: %s", model, failure)
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time; what one that was killed has left goes."""
    with ExitStack() as stack:
        with suppress(OSError):  # where nothing can be written, nothing is made
            folder.parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder.parent / f".{folder.name}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(".quantizing-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _failure_of(program: str, *arguments: str) -> str | None:
    """What a program of ours said before it failed; None where it did not."""
    done = subprocess.run([sys.executable, "-m", program, *arguments], check=False, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    return done.stderr.strip()[-500:] or f"it ended with {done.returncode}"
