"""Texts to dense and sparse vectors: one object for the write and the read path, so that both always agree.

Knows nothing of chunks' storage or of who asks. Where an index has prefixes, questions go behind the one for queries.
Everything else goes behind the one for passages: they themselves; their sentences, since a question is held against
these as it is against them; and a generated sentence, since what is held against those has to be of their own kind.
"""

from collections.abc import Sequence

import numpy as np

from retrieval.dense import DenseModel, Vectors
from retrieval.errors import EmbeddingError, InvalidInputError, UnavailableError
from retrieval.known_vectors import KnownVectors
from retrieval.prefixes import NO_PREFIXES, Prefixes
from retrieval.sparse import RECIPE, sparse_encoder
from retrieval.types import Embedding, SparseVector

# A text that every model has a vector for: where this one has none either, the model is at fault and not the text.
PROBE = "A short sentence."
LENGTH_TOLERANCE = 0.05


class Embedder:
    """Dense vectors from the model, sparse ones from BM25. Safe to call from threads.

    `prefixes` are those that the passages of an index are embedded behind, and the queries for them. `max_tokens` is
    what the model reads of a passage, beside its prefix. Raises InvalidInputError for a prefix that is too long.
    """

    def __init__(
        self, model: DenseModel, *, model_name: str, recipe: int = RECIPE, prefixes: Prefixes = NO_PREFIXES
    ) -> None:
        self._model = model
        self._sparse = sparse_encoder(recipe)
        self._recipe = recipe
        self._sentences = KnownVectors(self.embed_dense)
        self.model_name = model_name
        self.prefixes = prefixes
        self.dimension = model.dimension
        self.max_tokens = _room(model, prefixes)

    @property
    def own_prefixes(self) -> Prefixes:
        """What the model says that it wants, whatever this index was made with."""
        return self._model.prefixes

    def for_index(self, recipe: int, prefixes: Prefixes) -> "Embedder":
        """This model's embedder for an index that was made with these. Raises as the constructor does."""
        if (recipe, prefixes) == (self._recipe, self.prefixes):
            return self
        return Embedder(self._model, model_name=self.model_name, recipe=recipe, prefixes=prefixes)

    def embed_documents(self, texts: Sequence[str]) -> list[Embedding]:
        """Return one embedding per text, in order.

        Raises EmbeddingError where a text has no usable vector, UnavailableError where none has.
        """
        dense = self.embed_dense(self._as_passages(texts))
        return [
            Embedding(tuple(row.tolist()), self._sparse.passage(text)) for row, text in zip(dense, texts, strict=True)
        ]

    def embed_query(self, text: str) -> Embedding:
        """Return the embedding to search with: in its sparse part each distinct term weighs 1."""
        dense = self.embed_dense([self.prefixes.query + text])[0]
        return Embedding(tuple(dense.tolist()), self.sparse_query(text))

    def sparse_query(self, text: str) -> SparseVector:
        """Only the sparse part of it."""
        return self._sparse.query(text)

    def embed_dense(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape (len(texts), dimension), rows of length 1, of the texts without any prefix.

        Raises as `embed_documents` does.
        """
        dense = self._model.encode(texts)
        if self._usable(dense, len(texts)):
            return dense
        if self._usable(self._model.encode([PROBE]), 1):
            raise EmbeddingError("The embedding model gives no usable vector of a passage.")
        raise UnavailableError("The embedding model gives no usable vectors.", code="embedding_unusable")

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        """Return vectors of at least one sentence, as `embed_dense` does; those met lately are not embedded again."""
        return self._sentences(self._as_passages(texts))

    def embed_asked(self, texts: Sequence[str]) -> Vectors:
        """The same of a question, the first of `texts`, and of sentences that may answer it."""
        question, *sentences = texts
        return self._sentences([self.prefixes.query + question, *self._as_passages(sentences)])

    def _as_passages(self, texts: Sequence[str]) -> list[str]:
        return [self.prefixes.document + text for text in texts]

    def _usable(self, dense: Vectors, texts: int) -> bool:
        """Not-a-number would poison every search that meets it, and a vector of another length its own ranking."""
        if dense.shape != (texts, self.dimension):
            return False
        lengths = np.linalg.norm(dense, axis=1)
        return bool(np.all(np.abs(lengths - 1) < LENGTH_TOLERANCE))  # false for NaN as well

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as the dense model counts them."""
        return self._model.count_tokens(text)


def _room(model: DenseModel, prefixes: Prefixes) -> int:
    query, document = (model.count_tokens(text) if text else 0 for text in (prefixes.query, prefixes.document))
    if 2 * max(query, document) > model.max_tokens:
        raise InvalidInputError(
            f"A prefix of {max(query, document)} tokens is too long for a model that reads {model.max_tokens}.",
            code="prefix_too_long",
        )
    return model.max_tokens - document
