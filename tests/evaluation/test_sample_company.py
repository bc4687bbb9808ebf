"""The sample company's scores, held: a drop fails, and the questions that changed are printed.

Deterministic but for the last digits of the embedding runtime on another processor, hence the tolerance. The scores
stand in `expected_scores.toml` beside the command that made them.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
EXPECTED: dict[str, Any] = tomllib.loads((HERE / "expected_scores.toml").read_text())
SHARED = Path(__file__).parents[3] / "shared" / "data"


def scores(corpus: Path, questions: Path) -> dict[str, Any]:
    """What `footnote eval --json` prints."""
    command = [sys.executable, "-m", "services", "eval", str(corpus), str(questions), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def fallen(found: dict[str, Any], expected: dict[str, Any], tolerance: float, prefix: str = "") -> list[str]:
    """What is lower than it was, by more than the tolerance."""
    worse: list[str] = []
    for name, before in expected.items():
        now = found[name]
        if isinstance(before, dict):
            worse += fallen(now, before, tolerance, f"{prefix}{name}.")
        elif now is None or now < before - tolerance:
            worse.append(f"{prefix}{name}: {now}, was {before}")
    return worse


@pytest.mark.parametrize("name", ["sample_company", "inazuma"])
def test_no_score_falls(name: str) -> None:
    held = EXPECTED[name]
    corpus = HERE.parent / "corpus" if held["corpus"] == "tests/corpus" else SHARED / held["corpus"]
    if not corpus.is_dir():
        pytest.skip(f"{held['corpus']} is not beside this checkout")
    found = scores(corpus, HERE.parent / "corpus" / held["questions"])
    assert found["citation"]["dangling"] == 0
    assert found["questions"] == held["count"]
    assert fallen(found, held["scores"], EXPECTED["tolerance"]) == []
