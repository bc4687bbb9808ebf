"""The write path's pieces without a server: cutting, slices of several documents, faults that stay with one of them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsing import ParsedDocument
from ingest.pipeline import SLICE, Cut, Piece, Target, apart, cut, embed, slices
from retrieval.embedding import Embedder
from retrieval.errors import DocumentError, UnavailableError
from retrieval.index import ChunkIndex
from retrieval.types import Chunk, Embedding
from tests.in_memory import WordModel


def target(name: str) -> Target:
    return Target(name, 1, f"{name}.txt", name, ("everyone",), "tests", None)


def document(name: str, chunks: int) -> Cut:
    parts = tuple(Chunk(number, f"{name} {number}", 0, 1) for number in range(chunks))
    return Cut(target(name), ParsedDocument(name, (), (), None, "text/plain"), parts, {})


class NoIndex(ChunkIndex):
    """Holds nothing, and asks nobody."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embeddings(self, ids: Sequence[str]) -> dict[str, Embedding]:
        self.asked += ids
        return {}


@given(st.lists(st.integers(1, 200), max_size=8), st.data())
def test_slices_hold_every_chunk_that_is_left_once_and_in_order(sizes: list[int], data: st.DataObject) -> None:
    cuts = [document(f"d{number}", size) for number, size in enumerate(sizes)]
    done = {one.target.key: data.draw(st.integers(0, len(one.chunks))) for one in cuts}
    made = list(slices(cuts, done))
    left = [(one.target.key, part.number) for one in cuts for part in one.chunks[done[one.target.key] :]]
    assert [(piece.key, piece.chunk.number) for pieces in made for piece in pieces] == left
    assert all(len(pieces) == SLICE for pieces in made[:-1])


def test_what_fails_for_one_document_is_done_for_the_others() -> None:
    cuts = [document(name, 2) for name in "abc"]
    pieces = [piece for some in slices(cuts, {}) for piece in some]

    def run(some: Sequence[Piece]) -> list[str]:
        if any(piece.cut.target.title == "b" for piece in some):
            raise ZeroDivisionError
        return [piece.text for piece in some]

    done, failed = apart(pieces, run)
    assert [len(texts) for texts in done] == [2, 2]
    assert {key: type(error) for key, error in failed.items()} == {("b", 1): ZeroDivisionError}


def test_an_outage_is_nobodys_fault_and_is_not_tried_for_each_document() -> None:
    tried: list[int] = []

    def down(some: Sequence[Piece]) -> None:
        tried.append(len(some))
        raise UnavailableError("down")

    with pytest.raises(UnavailableError):
        apart([piece for some in slices([document("a", 3), document("b", 3)], {}) for piece in some], down)
    assert tried == [6]


def test_the_time_of_a_joint_step_is_shared_out_among_the_documents() -> None:
    pieces = next(slices([document("a", 1), document("b", 9)], {}))
    outcome = embed(pieces, embedder=Embedder(WordModel(), model_name="words"), index=NoIndex(), stored={})
    assert len(outcome.embedded) == 10
    assert set(outcome.shares_ms) == {("a", 1), ("b", 1)}
    assert outcome.shares_ms["a", 1] <= outcome.shares_ms["b", 1]


def test_a_stored_vector_that_is_gone_meanwhile_is_made_again() -> None:
    pieces = next(slices([document("a", 2)], {}))
    index, embedder = NoIndex(), Embedder(WordModel(), model_name="words")
    hashes = [one.hash for one in embed(pieces, embedder=embedder, index=index, stored={}).embedded]
    again = embed(pieces, embedder=embedder, index=index, stored={("a", 1): {hashes[0]: "point"}})
    assert index.asked == ["point"]
    assert [one.reused for one in again.embedded] == [False, False]


def test_a_file_without_text_fails() -> None:
    def read() -> ParsedDocument:
        return ParsedDocument(" \n", (), (), None, "text/plain")

    with pytest.raises(DocumentError, match="no text"):
        cut(target("a"), read=read, chunk_tokens=100, count_tokens=len)
