"""Fuzzes one target in a process of its own, and tells what came of it. Knows nothing of what targets check."""

import hashlib
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.target import Files, Target

# Beside a limit for each input: for a process that no longer looks at its clock.
_WALL_SECONDS = 300
_SHOWN_CHARACTERS = 4000
# A longer input is kept in a file: no system takes a word of any length in a command.
_IN_A_WORD_BYTES = 2048
_KEPT = Path(__file__).with_name(".findings")


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
    again = [f"{path.name.partition('-')[0]}: {_command(name, path.read_bytes())}" for path in artifacts.iterdir()]
    return "\n".join([f"{' '.join(name)} ended with status {status}", said, *(again or ["No input was kept."])])


def _command(name: tuple[str, str], content: bytes) -> str:
    """What shows a finding again, also when the folder of this run is gone."""
    return shlex.join(["python", "-m", "tests.fuzz", *name, *_input(name, content)])


def _input(name: tuple[str, str], content: bytes) -> tuple[str, str]:
    if len(content) <= _IN_A_WORD_BYTES:
        return "--input", content.hex()
    _KEPT.mkdir(exist_ok=True)
    path = _KEPT / f"{'-'.join(name)}-{hashlib.sha256(content).hexdigest()[:16]}"
    path.write_bytes(content)
    return "--input-file", str(path)
