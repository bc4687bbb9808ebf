"""Whether a passage entails a claim, by a cross-encoder of sentence-transformers that reads both together.

Knows nothing of settings, sources or citations. Such a model scores each of its labels, one of
which is "entailment".
"""

import logging
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from retrieval.cross_encoder import Pairs, open_cross_encoder, scorer
from retrieval.errors import InvalidInputError

_log = logging.getLogger(__name__)


class EntailmentModel:
    """`probabilities` makes of pairs (passage, claim) the probability that each claim follows, shape (pairs,).

    One that fails or is no number says nothing of its pair, which is logged. Safe to call from threads if it is.
    """

    def __init__(self, probabilities: Callable[[Pairs], npt.ArrayLike]) -> None:
        self._probabilities = probabilities

    def follows(self, passage: str, claim: str) -> float | None:
        """In [0, 1]; None where it cannot say."""
        try:
            found = np.asarray(self._probabilities([(passage, claim)]), dtype=np.float64)
        except (MemoryError, RuntimeError):
            _log.exception("The entailment model failed: a sentence is checked without it.")
            return None
        if found.shape != (1,) or not np.all(np.isfinite(found)):
            _log.warning("The entailment model gave no usable score: a sentence is checked without it.")
            return None
        return float(np.clip(found[0], 0.0, 1.0))


def load_entailment(model: str) -> EntailmentModel:
    """The entailment model `model`: a folder, or a name on the model hub.

    Raises InvalidInputError where it cannot be loaded, or has no label for entailment.
    """
    encoder = open_cross_encoder(model, "entailment model")
    labels = encoder.transformers_model.config.id2label
    place = _entailment_label(labels)
    if place is None:
        message = f"{model} has no label for entailment among several, only {', '.join(map(str, labels.values()))}."
        raise InvalidInputError(message, code="model_not_loaded")
    logits = scorer(encoder)

    def probabilities(pairs: Pairs) -> npt.ArrayLike:
        return _shares(np.asarray(logits(pairs), dtype=np.float64))[:, place]

    return EntailmentModel(probabilities)


def _entailment_label(labels: dict[int, str]) -> int | None:
    """The place of the label "entailment", among two or more."""
    found = [int(place) for place, label in labels.items() if str(label).lower() == "entailment"]
    return found[0] if len(found) == 1 and len(labels) > 1 else None


def _shares(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Softmax by row; a row that is not finite stays not a number."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares
