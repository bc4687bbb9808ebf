"""Is a score lower than it was, by more than chance explains? Paired by question. Knows nothing of sets or files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 10_000
# A smaller mean drop does not fail, however sure: the last digits of the embedding differ between processors.
FLOOR = 0.003
SHOWN = 10
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """A question whose score is another one."""

    identifier: str
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of now minus before, the 95 % interval of that mean by paired bootstrap, and the questions that changed.

    `changes` come largest first.
    """

    mean: float
    low: float
    high: float
    changes: tuple[Change, ...]

    @property
    def fell(self) -> bool:
        """Whether it is a drop beyond noise."""
        return self.mean < -FLOOR and self.high < 0


def difference(before: Mapping[str, float], now: Mapping[str, float]) -> Difference:
    """Compare two runs over the same questions. Raises ValueError where they are not the same, or none."""
    if before.keys() != now.keys() or not before:
        gone, new = sorted(before.keys() - now.keys()), sorted(now.keys() - before.keys())
        raise ValueError(f"These are not the questions that scores are kept for: without {gone[:5]}, with {new[:5]}.")
    deltas = np.array([now[name] - before[name] for name in before])
    # One stream of resamples, drawn in parts so that a thousand questions take little memory.
    random = np.random.default_rng(0)
    shape = (_BATCH, len(deltas))
    means = np.concatenate(
        [deltas[random.integers(0, len(deltas), shape)].mean(axis=1) for _ in range(RESAMPLES // _BATCH)]
    )
    low, high = np.percentile(means, [2.5, 97.5])
    changes = [Change(name, before[name], now[name]) for name in before if now[name] != before[name]]
    changes.sort(key=lambda change: -abs(change.now - change.before))
    return Difference(float(deltas.mean()), float(low), float(high), tuple(changes))


def told(name: str, metric: str, found: Difference, texts: Mapping[str, str]) -> str:
    """What changed, for people: a line on the whole, then the questions that changed most.

    `texts` by identifier, of the questions that may be printed.
    """
    lines = [
        f"{name}: {metric} {found.mean:+.4f} against the kept scores, 95 % interval {found.low:+.4f} to "
        f"{found.high:+.4f}; {len(found.changes)} questions changed"
    ]
    for change in found.changes[:SHOWN]:
        text = f"  {texts[change.identifier]}" if change.identifier in texts else ""
        lines.append(f"  question {change.identifier}: {change.before:.3f} -> {change.now:.3f}{text}")
    if len(found.changes) > SHOWN:
        lines.append(f"  and {len(found.changes) - SHOWN} more")
    return "\n".join(lines)


def fallen(found: Mapping[str, Any], expected: Mapping[str, Any], tolerance: float, prefix: str = "") -> list[str]:
    """What is lower than it was by more than the tolerance, whatever the interval says."""
    worse: list[str] = []
    for name, before in expected.items():
        now = found[name]
        if isinstance(before, Mapping):
            worse += fallen(now, before, tolerance, f"{prefix}{name}.")
        elif now is None or now < before - tolerance:
            worse.append(f"{prefix}{name}: {now}, was {before}")
    return worse
