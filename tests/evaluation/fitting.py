"""Fitting and judging the small logistic models in `retrieval/weights/`.

Plain numpy: Newton's method with a Gaussian prior, so that a signal that the data hardly shows keeps a sensible weight.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
WEIGHTS = Path(__file__).parents[2] / "retrieval" / "weights"


def fit(
    rows: Array, labels: Array, *, prior: Array | None = None, strength: float = 1.0, balanced: bool = True
) -> Array:
    """Return coefficients with the intercept last. Rows are standardised inside; `prior` is in the rows' own units."""
    spread = rows.std(axis=0) + 1e-9
    centre = rows.mean(axis=0)
    scaled = np.c_[(rows - centre) / spread, np.ones(len(rows))]
    wanted = np.r_[(prior if prior is not None else np.zeros(rows.shape[1])) * spread, 0.0]
    pull = np.r_[np.full(rows.shape[1], strength), 1e-6]
    weight = np.where(labels == 1, 0.5 / labels.mean(), 0.5 / (1 - labels.mean())) if balanced else np.ones(len(labels))
    beta = np.zeros(scaled.shape[1])
    for _ in range(30):
        probability = 1 / (1 + np.exp(-scaled @ beta))
        gradient = scaled.T @ (weight * (labels - probability)) - pull * (beta - wanted)
        curvature = (scaled.T * (weight * probability * (1 - probability))) @ scaled + np.diag(pull)
        beta += np.linalg.solve(curvature, gradient)
    coefficients = beta[:-1] / spread
    unscaled: Array = np.r_[coefficients, beta[-1] - coefficients @ centre]
    return unscaled


def fit_best_of(bags: Sequence[Array], labels: Array, *, prior: Array | None = None, strength: float = 1.0) -> Array:
    """Fit where each example is a bag of rows and its best row speaks for it: alternate choosing and fitting."""
    beta: Array = np.r_[np.ones(bags[0].shape[1]) if prior is None else prior, 0.0]
    for _ in range(12):
        chosen = np.array([bag[int(np.argmax(bag @ beta[:-1]))] for bag in bags])
        beta = fit(chosen, labels, prior=prior, strength=strength)
    return beta


def auroc(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Area under the receiver operating characteristic; ties count half."""
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    positive, negative = values[truth == 1], values[truth == 0]
    wins = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
    return float(wins / max(1, len(positive) * len(negative)))


def balanced_accuracy(accepted: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Mean of the shares of both classes that are told right."""
    yes, truth = np.asarray(accepted, dtype=bool), np.asarray(labels)
    return float((yes[truth == 1].mean() + (~yes[truth == 0]).mean()) / 2)


def calibration_error(probabilities: Array, labels: Array, *, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins, both classes weighed alike as in training."""
    weight = np.where(labels == 1, 0.5 / labels.mean(), 0.5 / (1 - labels.mean())) / len(labels)
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        inside = which == number
        if inside.any():
            error += abs(float((weight[inside] * (labels[inside] - probabilities[inside])).sum()))
    return error


def write_weights(
    name: str,
    signals: Sequence[str],
    beta: Array,
    *,
    made_by: str,
    trained_on: str,
    thresholds: Mapping[str, float] | None = None,
) -> Path:
    """Write `retrieval/weights/<name>.json`."""
    kept = {
        "made_by": made_by,
        "trained_on": trained_on,
        "coefficients": {signal: round(float(value), 4) for signal, value in zip(signals, beta[:-1], strict=True)},
        "intercept": round(float(beta[-1]), 4),
        **({"thresholds": dict(thresholds)} if thresholds else {}),
    }
    path = WEIGHTS / f"{name}.json"
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return path
