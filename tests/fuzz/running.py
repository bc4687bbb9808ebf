"""Fuzzes one target in a process of its own, and tells what came of it. Knows nothing of what targets check."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.target import Files, Target

# Beside a limit for each input: for a process that no longer looks at its clock.
_WALL_SECONDS = 300
_SHOWN_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """`counts` says how many inputs came to what. `finding` is None, or what was found and how to see it again."""

    counts: dict[str, int]
    finding: str | None


def fuzz(name: tuple[str, str], target: Target, files: Files, folder: Path, *, seed: int, seconds: int = 0) -> Fuzzed:
    """`target.runs` inputs, or with `seconds` as many as they suffice for. `folder` is an empty one to work in."""
    seeds, artifacts, report = folder / "seeds", folder / "artifacts", folder / "report.json"
    for made in (seeds, artifacts):
        made.mkdir()
    for number, content in enumerate(target.seeds(files)):
        (seeds / f"{number:04}").write_bytes(content)
    where = ["--seeds", seeds, "--report", report, "--artifacts", artifacts]
    command = [sys.executable, "-m", "tests.fuzz", *name, *map(str, where)]
    command += ["--runs", str(target.runs), "--seconds", str(seconds), "--seed", str(seed)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, timeout=seconds + _WALL_SECONDS
    )
    counts: dict[str, int] = json.loads(report.read_text()) if report.exists() else {}
    said = done.stdout[-_SHOWN_CHARACTERS:] + done.stderr[-_SHOWN_CHARACTERS:]
    return Fuzzed(counts, None if done.returncode == 0 else _finding(name, artifacts, said, done.returncode))


def _finding(name: tuple[str, str], artifacts: Path, said: str, status: int) -> str:
    kept = [(path.name.partition("-")[0], path.read_bytes().hex()) for path in artifacts.iterdir()]
    again = [f"{kind}: python -m tests.fuzz {' '.join(name)} --input {content}" for kind, content in kept]
    return "\n".join([f"{' '.join(name)} ended with status {status}", said, *(again or ["No input was kept."])])
