"""An index server that a command started ends with that command, however the command ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from retrieval.errors import UnavailableError
from services.embedded.local_index import local_index

HOLDS = """
import os, sys, time
from pathlib import Path
from services.embedded.local_index import local_index
with local_index(Path(sys.argv[1]), os.environ):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_killed_command_leaves_no_server_that_keeps_others_from_its_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "index")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60  # it closes its collections first
    while not opens(tmp_path / "index"):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def opens(directory: Path) -> bool:
    try:
        with local_index(directory, os.environ):
            return True
    except UnavailableError:
        return False
