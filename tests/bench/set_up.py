"""From a clean checkout to the first cited answer, measured: what `make run` does, then one question."""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests import private_servers

ROOT = Path(__file__).parents[2]
QUESTION = "Who should I call when my laptop is stolen?"
PATIENCE_SECONDS = 600.0


def measure() -> list[tuple[str, str]]:
    """(what, figure). Everything is installed anew, downloads included; the clone is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="footnote-setup-") as scratch:
        clone = Path(scratch) / "footnote"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        port = str(private_servers.free_port())
        environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | {"FOOTNOTE_PORT": port}
        began = time.perf_counter()
        with (Path(scratch) / "run.log").open("wb") as log:
            run = subprocess.Popen(["make", "run"], cwd=clone, env=environment, stdout=log, stderr=log, process_group=0)
        try:
            while not _answered(clone, environment):
                if run.poll() is not None or time.perf_counter() - began > PATIENCE_SECONDS:
                    raise RuntimeError((Path(scratch) / "run.log").read_text()[-2000:])
                time.sleep(1)
            taken = time.perf_counter() - began
        finally:
            os.killpg(run.pid, signal.SIGINT)
            run.wait(timeout=60)
    return [("make run on a clean checkout, to the first cited answer", f"{taken:.0f} s")]


def _answered(clone: Path, environment: dict[str, str]) -> bool:
    command = clone / ".venv" / "bin" / "footnote"
    if not command.exists():
        return False
    asked = [str(command), "ask", QUESTION, "--json"]
    done = subprocess.run(asked, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    return done.returncode == 0 and any(s["citations"] for s in json.loads(done.stdout)["sentences"])
