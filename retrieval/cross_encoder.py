"""Reranking by a cross-encoder of sentence-transformers, which reads query and passage together.

Knows nothing of settings, principals or the index. Each passage costs a pass through the model, so it reads only the
first of those that the signals put in order.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.errors import InvalidInputError
from retrieval.reranking import Reranker, SignalReranker, reordered
from retrieval.torch_threads import limit_torch
from retrieval.types import Candidate

_log = logging.getLogger(__name__)
Pairs = Sequence[tuple[str, str]]


class CrossEncoderReranker:
    """The order of `before`, but for the `first` of it, which are ordered by what `logits` makes of (query, passage).

    A search for which that fails or is no number keeps the order of `before`. Safe to call from threads if `logits` is.
    """

    def __init__(self, logits: Callable[[Pairs], npt.ArrayLike], *, first: int, before: Reranker | None = None) -> None:
        self._logits = logits
        self._first = first
        self._before = before or SignalReranker()

    def rerank(self, query: str, candidates: Sequence[Candidate], titles: Mapping[str, str]) -> Sequence[Candidate]:
        """`titles` by document id. The scores of the first are the sigmoid of their logits, the others' lie below."""
        ordered = self._before.rerank(query, candidates, titles)
        if not ordered:
            return ordered
        scores = self._scores([(query, c.chunk.headed(titles.get(c.document_id, ""))) for c in ordered[: self._first]])
        return ordered if scores is None else reordered(ordered, scores.tolist())

    def _scores(self, pairs: Pairs) -> npt.NDArray[np.float64] | None:
        """Shape (pairs,), in [0, 1]."""
        try:
            logits = np.asarray(self._logits(pairs), dtype=np.float64)
        except (MemoryError, RuntimeError):
            _log.exception("The cross-encoder failed: a search keeps the order of its signals.")
            return None
        if logits.shape != (len(pairs),) or not np.all(np.isfinite(logits)):
            _log.warning("The cross-encoder gave no usable scores: a search keeps the order of its signals.")
            return None
        # In double precision, and here: a sigmoid of 32 bits makes all logits above 17 equal.
        scores: npt.NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(logits, -500.0, 500.0)))
        return scores


def load_cross_encoder(model: str) -> Callable[[Pairs], npt.ArrayLike]:
    """The logits of `model`: a folder, or a name on the model hub. Safe to call from threads.

    Raises InvalidInputError where it cannot be loaded, or is no cross-encoder that gives one score.
    """
    encoder = open_cross_encoder(model, "cross-encoder")
    if encoder.num_labels != 1:
        raise _refused(f"{model} gives {encoder.num_labels} scores a passage: only a cross-encoder with one can rank.")
    return scorer(encoder)


def open_cross_encoder(model: str, kind: str) -> Any:
    """The library's model of this name. Raises InvalidInputError where it cannot be loaded, or is no `kind`."""
    from sentence_transformers import CrossEncoder  # noqa: PLC0415 - a heavy optional engine

    limit_torch()
    try:
        encoder = CrossEncoder(model)
    except Exception as error:  # whatever its libraries raise: another name is needed, or the folder is damaged
        raise _refused(f"The {kind} {model} cannot be loaded: {error}") from error
    made_as = ", ".join(getattr(encoder.transformers_model.config, "architectures", None) or ())
    if len(encoder) == 1 and "ForSequenceClassification" not in made_as:
        # Such a model is loaded all the same, with a scoring layer of random numbers.
        raise _refused(f"{model} is no {kind}, but a {made_as or 'model of unknown kind'}.")
    return encoder


def scorer(encoder: Any) -> Callable[[Pairs], npt.ArrayLike]:
    """The logits that `encoder` gives to pairs of texts. Safe to call from threads."""
    lock = Lock()

    def logits(pairs: Pairs) -> npt.ArrayLike:
        with lock:
            found: npt.ArrayLike = encoder.predict(list(pairs), activation_fn=_unchanged, show_progress_bar=False)
        return found

    return logits


def _refused(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="model_not_loaded")


def _unchanged(logits: Any) -> Any:
    return logits
