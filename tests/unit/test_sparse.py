"""BM25 vectors: weights as the formula says, and the first recipe as it was."""

import pytest
import qdrant_edge
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retrieval.embedding import Embedder
from retrieval.prefixes import NO_PREFIXES
from retrieval.sparse import AVERAGE_TERMS, K1, RECIPE, B, Bm25, EnglishBm25, sparse_encoder, term_id
from retrieval.types import SparseVector
from tests.in_memory import WordModel

TEXTS = [
    "The runbook for incident INC-1042 was updated.",
    "Employees may claim up to 45 euros a day. Employees must keep receipts.",
    "Die Kündigungsfristen sind vereinbart.",
    "résumé naïve Straße",
    "",
    "the of and",
]


def by_term(vector: SparseVector) -> dict[int, float]:
    return dict(zip(vector.indices, vector.values, strict=True))


def test_a_weight_is_the_saturated_frequency_normalised_by_length() -> None:
    weights = by_term(Bm25().passage("the visitor and the visitor and a dog"))
    norm = K1 * (1 - B + B * 3 / AVERAGE_TERMS)
    assert weights == {
        term_id("visitor"): pytest.approx(2 * (K1 + 1) / (2 + norm)),
        term_id("dog"): pytest.approx((K1 + 1) / (1 + norm)),
    }


def test_a_word_weighs_more_in_a_short_passage_and_less_than_twice_when_said_twice() -> None:
    encoder, visitor = Bm25(), term_id("visitor")
    alone = by_term(encoder.passage("visitor"))[visitor]
    twice = by_term(encoder.passage("visitor visitor"))[visitor]
    among_others = by_term(encoder.passage("visitor " + " ".join(f"word{n}" for n in range(300))))[visitor]
    assert among_others < alone < twice < 2 * alone


def test_every_distinct_term_of_a_query_weighs_one() -> None:
    vector = Bm25().query("visitor, dog and visitor")
    assert by_term(vector) == {term_id("visitor"): 1.0, term_id("dog"): 1.0}


def test_an_identifier_of_a_query_is_in_the_passage_that_holds_it() -> None:
    passage, query = Bm25().passage(TEXTS[0]), Bm25().query("INC-1042")
    assert set(query.indices) <= set(passage.indices)
    assert term_id("inc-1042") in query.indices


@pytest.mark.parametrize("text", ["", "the of and", "…"])
def test_a_text_without_terms_has_an_empty_vector(text: str) -> None:
    assert Bm25().passage(text) == Bm25().query(text) == SparseVector((), ())


def test_a_word_of_a_megabyte_is_one_term() -> None:
    assert len(Bm25().passage("x" * 1_000_000).indices) == 1


def test_a_term_s_place_is_the_same_in_every_process() -> None:
    assert (term_id("visitor"), term_id("休業")) == (3404063135, 983867400)


@pytest.mark.parametrize("text", TEXTS)
def test_the_first_recipe_encodes_as_it_always_did(text: str) -> None:
    engine = qdrant_edge.Bm25(qdrant_edge.Bm25Config(avg_len=100.0, ascii_folding=True))
    encoder = sparse_encoder(1)
    assert isinstance(encoder, EnglishBm25)
    for ours, theirs in (
        (encoder.passage(text), engine.embed_document(text)),
        (encoder.query(text), engine.embed_query(text)),
    ):
        assert by_term(ours) == dict(zip(theirs.indices, theirs.values, strict=True))
        assert list(ours.indices) == sorted(ours.indices)


def test_this_release_s_recipe_is_our_own_analysis() -> None:
    assert RECIPE == 2
    assert isinstance(sparse_encoder(RECIPE), Bm25)


def test_an_embedder_of_another_recipe_shares_the_model_and_not_the_terms() -> None:
    now = Embedder(WordModel(), model_name="words")
    before = now.for_index(1, NO_PREFIXES)
    assert now.for_index(RECIPE, NO_PREFIXES) is now
    assert before.for_index(1, NO_PREFIXES) is before
    assert before.for_index(RECIPE, NO_PREFIXES).sparse_query("INC-1042") == now.sparse_query("INC-1042")
    assert before.sparse_query("INC-1042") == EnglishBm25().query("INC-1042")
    assert before.sparse_query("INC-1042") != now.sparse_query("INC-1042")
    assert (before.model_name, before.dimension, before.max_tokens) == ("words", now.dimension, now.max_tokens)
    assert (before.embed_dense(["a dog"]) == now.embed_dense(["a dog"])).all()
    assert before.embed_documents(["Die Fristen"])[0].sparse == EnglishBm25().passage("Die Fristen")
    assert now.embed_query("notice").sparse == Bm25().query("notice")


@given(st.text(max_size=200), st.sampled_from([1, RECIPE]))
@example("\ud800 \x00", RECIPE)
@settings(deadline=None)
def test_weights_are_positive_and_finite_and_places_ascend(text: str, recipe: int) -> None:
    encoder = sparse_encoder(recipe)
    for vector in (encoder.passage(text), encoder.query(text)):
        assert list(vector.indices) == sorted(set(vector.indices))
        assert len(vector.indices) == len(vector.values)
        assert all(0 <= index < 2**32 for index in vector.indices)
        assert all(0 < value < 10 for value in vector.values)
