"""Models that want prefixes, in every runtime: their vectors are those of sentence-transformers' own two methods."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from retrieval.dense import DenseModel, OpenVinoModel, SentenceTransformerModel, Vectors, load_dense_model
from retrieval.embedding import Embedder
from retrieval.prefixes import CONFIG, NO_PREFIXES, Prefixes
from services.settings import BUNDLED_MODEL, Settings
from services.wiring.search import embedder as wired
from tests.integration.test_embedding import TEXTS, served_by
from tests.tiny_model import WINDOW, make_tiny_model

E5 = Prefixes("query: ", "passage: ")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", {"query": E5.query, "passage": E5.document})


@pytest.fixture(scope="module")
def converted(tiny: Path) -> Path:
    cache = tiny.parent / "converted"
    assert isinstance(load_dense_model(str(tiny), cache), OpenVinoModel)
    return cache


@pytest.fixture
def copy(tiny: Path, converted: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The model's folder and what it was converted to."""
    return shutil.copytree(tiny, tmp_path / "tiny"), shutil.copytree(converted, tmp_path / "converted")


def cosines(one: Vectors, other: Vectors) -> list[float]:
    return [float(cosine) for cosine in (one * other).sum(axis=1)]


@pytest.mark.parametrize("runtime", ["OpenVINO", "PyTorch", "a server"])
def test_questions_and_passages_are_embedded_as_sentence_transformers_does_it(
    runtime: str, tiny: Path, converted: Path
) -> None:
    reference = SentenceTransformer(str(tiny), device="cpu")
    model: DenseModel = OpenVinoModel(converted, precision="f32")
    if runtime == "PyTorch":
        model = SentenceTransformerModel(str(tiny), device="cpu")
    elif runtime == "a server":
        model = served_by(reference)
    # A server does not say what its model wants: the operator does.
    assert model.prefixes == (NO_PREFIXES if runtime == "a server" else E5)
    embedder = Embedder(model, model_name="tiny", prefixes=E5)
    questions = reference.encode_query(TEXTS, normalize_embeddings=True)
    passages = reference.encode(TEXTS, prompt_name="passage", normalize_embeddings=True)
    assert min(cosines(questions, np.array([embedder.embed_query(text).dense for text in TEXTS]))) >= 0.999
    assert min(cosines(passages, np.array([made.dense for made in embedder.embed_documents(TEXTS)]))) >= 0.999
    assert min(cosines(passages, embedder.embed_sentences(TEXTS))) >= 0.999
    asked = embedder.embed_asked(TEXTS)
    assert min(cosines(questions[:1], asked[:1]) + cosines(passages[1:], asked[1:])) >= 0.999
    bare = reference.encode(TEXTS, prompt="", normalize_embeddings=True)
    apart = [cosines(*pair)[0] for pair in ((questions, bare), (passages, bare), (questions, passages))]
    assert max(apart) < 0.99  # or nothing above would tell them from each other


def test_a_prefix_counts_among_what_the_model_reads(tiny: Path, converted: Path) -> None:
    model = OpenVinoModel(converted)
    room = Embedder(model, model_name="tiny", prefixes=E5).max_tokens
    assert model.max_tokens == WINDOW
    assert room == WINDOW - len(SentenceTransformer(str(tiny)).tokenizer.tokenize(E5.document)) < WINDOW


def test_a_default_prompt_goes_before_no_text_a_second_time(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "usual", {"usual": "text: "})
    said = json.loads((folder / CONFIG).read_text()) | {"default_prompt_name": "usual"}
    (folder / CONFIG).write_text(json.dumps(said))
    model = SentenceTransformerModel(str(folder), device="cpu")
    expected = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, normalize_embeddings=True)
    assert model.prefixes == Prefixes("text: ", "text: ")
    made = Embedder(model, model_name="usual", prefixes=model.prefixes).embed_documents(TEXTS)
    assert min(cosines(expected, np.array([one.dense for one in made]))) >= 0.999


def test_the_conversion_keeps_what_the_model_says_for_when_its_folder_is_gone(copy: tuple[Path, Path]) -> None:
    folder, cache = copy
    assert Prefixes(**json.loads((cache / "footnote.json").read_text())["prefixes"]) == E5
    shutil.rmtree(folder)
    assert load_dense_model(str(folder), cache).prefixes == E5


def test_what_an_earlier_release_converted_says_what_its_model_does(copy: tuple[Path, Path]) -> None:
    folder, cache = copy
    shape = json.loads((cache / "footnote.json").read_text())
    del shape["prefixes"]
    (cache / "footnote.json").write_text(json.dumps(shape))
    assert load_dense_model(str(folder), cache).prefixes == E5


def test_a_folder_that_says_otherwise_since_it_was_converted_is_believed(copy: tuple[Path, Path]) -> None:
    folder, cache = copy
    (folder / CONFIG).write_text(json.dumps({"prompts": {"query": "Find what answers: "}}))
    assert load_dense_model(str(folder), cache).prefixes == Prefixes("Find what answers: ", "")


def test_the_bundled_model_has_none(model_cache: Path) -> None:
    bundled = wired(Settings(data_dir=model_cache.parent), BUNDLED_MODEL)
    assert (bundled.own_prefixes, bundled.prefixes) == (NO_PREFIXES, NO_PREFIXES)
    assert bundled.max_tokens == OpenVinoModel(model_cache / BUNDLED_MODEL).max_tokens
