"""Why a query found what it found: the places of its hits, as they were when it was searched.

Knows nothing of answers, storage or who asks: what is explained has passed the registry already. No passage's text is
in an explanation, and no BM25 score: an index server too old to count rarity over what the asker may read counts every
chunk, and from the score of a document of one's own one could read how often other people's have a word.
"""

from dataclasses import replace

from retrieval.evidence import Evidence, Strictness, threshold
from retrieval.prompts import PROMPT_VERSION
from retrieval.retriever import Retrieved
from retrieval.types import Explanation, Hit, Place


def explained(found: Retrieved) -> Explanation:
    """The explanation of a search."""
    hits = tuple(_place(hit) for hit in found.hits)
    timings = {step: round(took, 2) for step, took in found.timings_ms.items()}
    return Explanation(query=found.query, hits=hits, dropped=found.dropped, timings_ms=timings)


def judged(explanation: Explanation, evidence: Evidence, strictness: Strictness) -> Explanation:
    """The same with how sure we were that the hits hold an answer, and how sure we had to be."""
    sure, needed = round(evidence.sufficiency, 4), round(threshold(strictness), 4)
    return replace(explanation, sufficiency=sure, threshold=needed)


def prompted(explanation: Explanation | None) -> Explanation | None:
    """The same for an answer that a model was asked for, in the words of now."""
    return replace(explanation, prompt_version=PROMPT_VERSION) if explanation else None


def _place(hit: Hit) -> Place:
    return Place(
        rank=hit.rank,
        score=hit.score,
        document_id=hit.document.document_id,
        version=hit.document.version,
        page=hit.chunk.page,
        start=hit.chunk.start,
        end=hit.chunk.end,
        dense_rank=hit.dense_rank,
        dense_score=hit.dense_score,
        sparse_rank=hit.sparse_rank,
        fused_rank=hit.fused_rank,
    )
