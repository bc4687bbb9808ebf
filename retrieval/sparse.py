"""Terms to sparse vectors: a passage's BM25 weights by term, a query's ones. The index multiplies by rarity (IDF).

Knows nothing of words: `retrieval/analysis.py` makes the terms. Robertson and Zaragoza, The Probabilistic Relevance
Framework (2009); k1 and b are the usual ones.
"""

import zlib
from collections import Counter
from functools import lru_cache
from typing import Protocol

import qdrant_edge

from retrieval.analysis import passage_terms, query_terms
from retrieval.types import SparseVector

# What a new index is written with; another is read with what it was written with. Raised when the same document would
# be cut, embedded or analysed otherwise than before: then a new generation is due.
RECIPE = 2
K1 = 1.2
B = 0.75
# Terms that a chunk of 200 word pieces has: BM25's length normalisation is relative to it.
AVERAGE_TERMS = 100.0


class SparseEncoder(Protocol):
    """Both sides of BM25: what is written of a passage and what a query searches with."""

    def passage(self, text: str) -> SparseVector: ...

    def query(self, text: str) -> SparseVector: ...


class Bm25:
    """By our own analysis, in the language of the text."""

    def passage(self, text: str) -> SparseVector:
        """Saturated term frequencies, normalised by length."""
        counts = Counter(map(term_id, passage_terms(text)))
        norm = K1 * (1 - B + B * counts.total() / AVERAGE_TERMS)
        return _vector({term: count * (K1 + 1) / (count + norm) for term, count in counts.items()})

    def query(self, text: str) -> SparseVector:
        """Every distinct term once."""
        return _vector(dict.fromkeys(map(term_id, query_terms(text)), 1.0))


class EnglishBm25:
    """By Qdrant's own tokenizer, which stems English only: indexes of the first recipe were written with it."""

    def __init__(self) -> None:
        self._bm25 = qdrant_edge.Bm25(qdrant_edge.Bm25Config(avg_len=AVERAGE_TERMS, ascii_folding=True))

    def passage(self, text: str) -> SparseVector:
        """See `SparseEncoder`."""
        return _of(self._bm25.embed_document(text))

    def query(self, text: str) -> SparseVector:
        """See `SparseEncoder`."""
        return _of(self._bm25.embed_query(text))


def sparse_encoder(recipe: int) -> SparseEncoder:
    """The one that an index of this recipe was written with."""
    return EnglishBm25() if recipe == 1 else Bm25()


@lru_cache(maxsize=200_000)
def term_id(term: str) -> int:
    """A term's place in the vector: 32 bits, so two of 10,000 terms share one with a chance of 1 in 86."""
    return zlib.crc32(term.encode("utf-8", "surrogatepass"))


def _vector(weights: dict[int, float]) -> SparseVector:
    indices = tuple(sorted(weights))
    return SparseVector(indices, tuple(map(weights.__getitem__, indices)))


def _of(vector: qdrant_edge.SparseVector) -> SparseVector:
    return _vector(dict(zip(vector.indices, vector.values, strict=True)))
