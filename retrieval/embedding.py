"""Texts to dense and sparse vectors: one object for the write and the read path, so that both always agree.

Knows nothing of chunks' storage or of who asks.
"""

from collections.abc import Sequence

import numpy as np
import qdrant_edge

from retrieval.dense import DenseModel, Vectors
from retrieval.errors import EmbeddingError, UnavailableError
from retrieval.types import Embedding, SparseVector

# Words a chunk of 200 word pieces keeps after stop words: BM25's length normalisation is relative to it.
AVERAGE_WORDS = 100.0
# A text that every model has a vector for: where this one has none either, the model is at fault and not the text.
PROBE = "A short sentence."
LENGTH_TOLERANCE = 0.05


class Embedder:
    """Dense vectors from the model, sparse BM25 weights from Qdrant's own tokenizer. Safe to call from threads."""

    def __init__(self, model: DenseModel, *, model_name: str) -> None:
        self._model = model
        self._bm25 = qdrant_edge.Bm25(qdrant_edge.Bm25Config(avg_len=AVERAGE_WORDS, ascii_folding=True))
        self.model_name = model_name
        self.dimension = model.dimension
        self.max_tokens = model.max_tokens

    def embed_documents(self, texts: Sequence[str]) -> list[Embedding]:
        """Return one embedding per text, in order.

        Raises EmbeddingError where a text has no usable vector, UnavailableError where none has.
        """
        dense = self.embed_dense(texts)
        return [
            Embedding(tuple(row.tolist()), _sparse(self._bm25.embed_document(text)))
            for row, text in zip(dense, texts, strict=True)
        ]

    def embed_query(self, text: str) -> Embedding:
        """Return the embedding to search with: in its sparse part each distinct term weighs 1."""
        dense = self.embed_dense([text])[0]
        return Embedding(tuple(dense.tolist()), _sparse(self._bm25.embed_query(text)))

    def embed_dense(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape (len(texts), dimension), rows of length 1. Raises as `embed_documents` does."""
        dense = self._model.encode(texts)
        if self._usable(dense, len(texts)):
            return dense
        if self._usable(self._model.encode([PROBE]), 1):
            raise EmbeddingError("The embedding model gives no usable vector of a passage.")
        raise UnavailableError("The embedding model gives no usable vectors.", code="embedding_unusable")

    def _usable(self, dense: Vectors, texts: int) -> bool:
        """Not-a-number would poison every search that meets it, and a vector of another length its own ranking."""
        if dense.shape != (texts, self.dimension):
            return False
        lengths = np.linalg.norm(dense, axis=1)
        return bool(np.all(np.abs(lengths - 1) < LENGTH_TOLERANCE))  # false for NaN as well

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as the dense model counts them."""
        return self._model.count_tokens(text)


def _sparse(vector: qdrant_edge.SparseVector) -> SparseVector:
    pairs = sorted(zip(vector.indices, vector.values, strict=True))
    return SparseVector(tuple(index for index, _ in pairs), tuple(value for _, value in pairs))
