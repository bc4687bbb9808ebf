"""The kept scores: `expected_scores.toml` with each set's means and command, `baselines/` with each question's score.

No text of a public set is kept, only identifiers and figures. Knows nothing of how they are measured.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.evaluation.measured_sets import SETS, Measured, MeasuredSet

HERE = Path(__file__).parent
SCORES = HERE / "expected_scores.toml"
BASELINES = HERE / "baselines"
# Figures that are no score: counts, times, and the one that has to be 0 whatever was kept.
_NO_SCORES = ("questions", "latency_ms", "citation.dangling")
_HEAD = """\
# What `footnote eval --json` printed, written by `python -m tests.evaluation.keep_scores`. `make eval` compares with it
# and with the scores by question in baselines/ (docs/evaluation.md). Keep new scores in the commit that changes them.
# A refusal is a decision on few questions: one more or less of forty moves its figures by .03 to .06, so the tolerance,
# which is for our own questions, lets one question change sides and no more.
"""


def expected() -> dict[str, Any]:
    """The whole file: `tolerance`, and by set `command`, `count` and `scores`."""
    return tomllib.loads(SCORES.read_text(encoding="utf-8"))


def baseline(name: str) -> dict[str, float]:
    """The main metric of each question by its identifier."""
    kept: dict[str, float] = json.loads((BASELINES / f"{name}.json").read_text(encoding="utf-8"))
    return kept


def keep(measured: MeasuredSet, found: Measured) -> None:
    """Put these scores in the place of those that were kept for the set."""
    kept = expected()
    kept[measured.name] = {"count": found.scores["questions"], "scores": _scores(found.scores)}
    parts = [f"{_HEAD}\ntolerance = {kept['tolerance']}\n"]
    parts += [_section(one, kept[one.name]) for one in SETS.values() if one.name in kept]
    SCORES.write_text("\n".join(parts), encoding="utf-8")
    BASELINES.mkdir(exist_ok=True)
    rows = json.dumps(found.by_question(measured.metric), indent=0)
    (BASELINES / f"{measured.name}.json").write_text(rows + "\n", encoding="utf-8")


def _scores(found: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Without what is no score or was not measured."""
    scores: dict[str, Any] = {}
    for name, value in found.items():
        held = _scores(value, f"{prefix}{name}.") if isinstance(value, dict) else value
        if prefix + name not in _NO_SCORES and held not in (None, {}):
            scores[name] = held
    return scores


def _section(measured: MeasuredSet, held: Mapping[str, Any]) -> str:
    lines = [f"[{measured.name}]", f'command = "{measured.command}"', f"count = {held['count']}", ""]
    lines.append(f"[{measured.name}.scores]")
    for name, value in held["scores"].items():
        if isinstance(value, dict):
            inside = ", ".join(f"{inner} = {number}" for inner, number in value.items())
            lines.append(f"{name} = {{ {inside} }}")
        else:
            lines.append(f"{name} = {value}")
    return "\n".join(lines) + "\n"
