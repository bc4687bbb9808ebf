"""What a search says of the documents that one may read does not depend on those that one may not."""

import uuid

import pytest

from retrieval.index import ChunkIndex, connect
from retrieval.types import NO_FILTERS, Candidate, Chunk, Embedding, IndexedChunk, Principal, SparseVector

WORD, OTHER = 7, 9
READER = Principal("u1", "ada@larkmoor.example", frozenset({"everyone", "user:ada@larkmoor.example"}))


@pytest.fixture
def index(index_url: str) -> ChunkIndex:
    made = ChunkIndex(connect(index_url), name=f"rarity-{uuid.uuid4().hex[:8]}")
    made.prepare(2)
    return made


def piece(document: str, *words: int, grant: str = "everyone") -> IndexedChunk:
    return IndexedChunk(
        document_id=document,
        version=1,
        chunk=Chunk(0, document, 0, len(document)),
        embedding=Embedding((0.6, 0.8), SparseVector(tuple(sorted(words)), (1.0,) * len(words))),
        grants=(grant,),
        data_source="uploads",
        media_type="text/plain",
        modified_at=None,
    )


def found(index: ChunkIndex) -> list[Candidate]:
    query = Embedding((1.0, 0.0), SparseVector((WORD, OTHER), (1.0, 1.0)))
    return index.search(query, READER, filters=NO_FILTERS, depth=20)


def test_how_rare_a_word_is_in_documents_of_others_changes_no_score(index: ChunkIndex) -> None:
    index.upsert(
        [piece("one", WORD), piece("two", OTHER), piece("three", OTHER), *(piece(f"n{i}", 3) for i in range(5))]
    )
    before = found(index)
    assert {c.document_id: c.sparse_score for c in before if c.sparse_score}.keys() == {"one", "two", "three"}
    index.upsert([piece(f"secret-{i}", WORD, grant="group:board") for i in range(50)])
    assert found(index) == before
    index.upsert([piece(f"open-{i}", WORD) for i in range(5)])
    after = {c.document_id: c.sparse_score for c in found(index)}
    assert (after["one"] or 0) < next(c.sparse_score or 0 for c in before if c.document_id == "one")
