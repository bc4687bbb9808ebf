"""Vectors of texts, kept in a file between runs: embedding is nearly all that measuring the support check costs."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.dense import Vectors
from retrieval.embedding import Embedder
from tests.evaluation.data_sets import bundled_embedder


class KeptVectors:
    """`embed_dense` of the bundled model, each text once and for all. The model is loaded for the first new text."""

    def __init__(self, file: Path, models: Path) -> None:
        self._file, self._models = file, models
        self._embedder: Embedder | None = None
        self._known: dict[str, Vectors] = {}
        if file.is_file():
            with np.load(file) as kept:
                self._known = dict(zip(kept["names"].tolist(), kept["vectors"], strict=True))
        self._kept = len(self._known)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        names = [hashlib.blake2b(text.encode(), digest_size=12).hexdigest() for text in texts]
        new = {name: text for name, text in zip(names, texts, strict=True) if name not in self._known}
        if new:
            self._embedder = self._embedder or bundled_embedder(self._models)
            self._known.update(zip(new, self._embedder.embed_dense(list(new.values())), strict=True))
        return np.stack([self._known[name] for name in names])

    def keep(self) -> None:
        """Write what is new."""
        if len(self._known) > self._kept:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(self._file, names=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))
            self._kept = len(self._known)
