"""Train the support check on the train half of the labelled set: `python -m tests.evaluation.train_support [--write]`.

What the rules refuse is left out of the training: the signals have to tell what is left. The threshold is the highest
that calls no more of the true sentences unsupported than the goal allows, rules included.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrieval.matching import SIGNALS
from retrieval.support import SupportCheck
from tests.evaluation.data_sets import arguments
from tests.evaluation.fitting import Array, auroc, fit_best_of, write_weights
from tests.evaluation.kept_vectors import KeptVectors
from tests.evaluation.support_set import cases

# The goal's share of true sentences that are called unsupported.
FALSE_ALARMS = 0.02
# By the train half: what better fits one claim of a hundred that is true.
THRESHOLDS = {"other_number": 0.2, "other_name": 0.6}
# What the rules are for: to the signals such a sentence is as good as the true one.
RULES_ALONE = ("negated", "quantifier changed", "unit changed")
STRENGTH = 3.0


def highest_threshold(supports: Array, refused: npt.NDArray[np.bool_], false_alarms: float = FALSE_ALARMS) -> float:
    """The highest under which no more of the true sentences fall, those that the rules have `refused` counted."""
    left = int(false_alarms * len(supports)) - int(refused.sum())
    return float(np.sort(supports[~refused])[max(0, left)])


def probabilities(bags: Sequence[Array], beta: Array) -> Array:
    return np.array([1 / (1 + np.exp(-(rows @ beta[:-1] + beta[-1]).max())) for rows in bags])


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--write", action="store_true", help="write retrieval/weights/support.json")
    options = parser.parse_args()
    embed = KeptVectors(options.models.parent / "vectors" / "support.npz", options.models)
    train = [case for case in cases(options.data) if not case.test]
    bags, refused = [], []
    for case in train:
        sources = case.sources()
        found, fault = SupportCheck(sources, embed).signals(case.sentence, [source.number for source in sources])
        bags.append(np.array([signals.row for signals in found]))
        refused.append(bool(fault))
    embed.keep()
    true, ruled = np.array([case.true for case in train]), np.array(refused)
    learned = ~ruled & np.array([case.kind not in RULES_ALONE for case in train])
    beta = fit_best_of(
        [rows for rows, used in zip(bags, learned, strict=True) if used], true[learned] * 1.0, strength=STRENGTH
    )
    supports = probabilities(bags, beta)
    threshold = highest_threshold(supports[true], ruled[true])
    print(f"{int(true.sum())} true sentences, of which the rules refuse {ruled[true].mean():.3f}; {len(train)} in all")
    print(f"AUROC of the signals on what the rules leave: {auroc(supports[learned], true[learned]):.3f}")
    print(f"threshold {threshold:.3f}: refuses {((supports < threshold) | ruled)[true].mean():.3f} of the true ones")
    print(dict(zip([*SIGNALS, "intercept"], np.round(beta, 2).tolist(), strict=True)))
    if options.write:
        write_weights(
            "support",
            SIGNALS,
            beta,
            made_by="python -m tests.evaluation.train_support --write",
            trained_on=f"the train half of tests/evaluation/support_set.py: {int(learned.sum())} sentences made from "
            "CLAP NQ dev and MTRAG-UN",
            thresholds={"supported": round(threshold, 4), **THRESHOLDS},
        )


if __name__ == "__main__":
    main()
