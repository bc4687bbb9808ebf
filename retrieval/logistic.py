"""A logistic model small enough to read: named signals, one coefficient each, kept as JSON beside the code.

Knows nothing of what the signals mean. The files under `weights/` name the script that made them and its data.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Logistic:
    """`probability = 1 / (1 + exp(-(intercept + coefficients . signals)))`, signals in the order of `names`."""

    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    intercept: float
    thresholds: Mapping[str, float]

    def logits(self, rows: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the logit of each row of `rows`, shape (n, len(names))."""
        signals = np.asarray(rows, dtype=np.float64).reshape(-1, len(self.names))
        logits: npt.NDArray[np.float64] = signals @ np.array(self.coefficients) + self.intercept
        return logits

    def probabilities(self, rows: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the probability for each row of `rows`, shape (n, len(names))."""
        probabilities: npt.NDArray[np.float64] = 1.0 / (1.0 + np.exp(-self.logits(rows)))
        return probabilities


def load_weights(name: str, signals: Sequence[str]) -> Logistic:
    """Load `weights/<name>.json`. Raises ValueError where it was made for other signals than the code computes."""
    kept = json.loads(files("retrieval").joinpath("weights", f"{name}.json").read_text(encoding="utf-8"))
    if list(kept["coefficients"]) != list(signals):
        raise ValueError(f"weights/{name}.json is for {list(kept['coefficients'])}, the code computes {list(signals)}")
    coefficients = tuple(float(value) for value in kept["coefficients"].values())
    return Logistic(tuple(signals), coefficients, float(kept["intercept"]), kept.get("thresholds", {}))


def sigmoid(logit: float) -> float:
    """Logit to probability."""
    return 1.0 / (1.0 + math.exp(-logit))
