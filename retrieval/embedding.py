"""Texts to dense and sparse vectors: one object for the write and the read path, so that both always agree.

Knows nothing of chunks' storage or of who asks.
"""

from collections.abc import Sequence

import numpy as np

from retrieval.dense import DenseModel, Vectors
from retrieval.errors import EmbeddingError, UnavailableError
from retrieval.known_vectors import KnownVectors
from retrieval.sparse import RECIPE, sparse_encoder
from retrieval.types import Embedding, SparseVector

# A text that every model has a vector for: where this one has none either, the model is at fault and not the text.
PROBE = "A short sentence."
LENGTH_TOLERANCE = 0.05


class Embedder:
    """Dense vectors from the model, sparse ones from BM25. Safe to call from threads."""

    def __init__(self, model: DenseModel, *, model_name: str, recipe: int = RECIPE) -> None:
        self._model = model
        self._sparse = sparse_encoder(recipe)
        self._recipe = recipe
        self._sentences = KnownVectors(self.embed_dense)
        self.model_name = model_name
        self.dimension = model.dimension
        self.max_tokens = model.max_tokens

    def of_recipe(self, recipe: int) -> "Embedder":
        """This model's embedder for an index of another recipe."""
        if recipe == self._recipe:
            return self
        return Embedder(self._model, model_name=self.model_name, recipe=recipe)

    def embed_documents(self, texts: Sequence[str]) -> list[Embedding]:
        """Return one embedding per text, in order.

        Raises EmbeddingError where a text has no usable vector, UnavailableError where none has.
        """
        dense = self.embed_dense(texts)
        return [
            Embedding(tuple(row.tolist()), self._sparse.passage(text)) for row, text in zip(dense, texts, strict=True)
        ]

    def embed_query(self, text: str) -> Embedding:
        """Return the embedding to search with: in its sparse part each distinct term weighs 1."""
        dense = self.embed_dense([text])[0]
        return Embedding(tuple(dense.tolist()), self.sparse_query(text))

    def sparse_query(self, text: str) -> SparseVector:
        """Only the sparse part of it."""
        return self._sparse.query(text)

    def embed_dense(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape (len(texts), dimension), rows of length 1. Raises as `embed_documents` does."""
        dense = self._model.encode(texts)
        if self._usable(dense, len(texts)):
            return dense
        if self._usable(self._model.encode([PROBE]), 1):
            raise EmbeddingError("The embedding model gives no usable vector of a passage.")
        raise UnavailableError("The embedding model gives no usable vectors.", code="embedding_unusable")

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        """As `embed_dense`, for at least one text; those met lately are not embedded again."""
        return self._sentences(texts)

    def _usable(self, dense: Vectors, texts: int) -> bool:
        """Not-a-number would poison every search that meets it, and a vector of another length its own ranking."""
        if dense.shape != (texts, self.dimension):
            return False
        lengths = np.linalg.norm(dense, axis=1)
        return bool(np.all(np.abs(lengths - 1) < LENGTH_TOLERANCE))  # false for NaN as well

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as the dense model counts them."""
        return self._model.count_tokens(text)
