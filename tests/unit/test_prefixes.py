"""What goes before a text that is embedded: as the model says, on the text's own side, within what the model reads."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from huggingface_hub import constants

from retrieval import dense
from retrieval.dense import Vectors
from retrieval.embedding import Embedder
from retrieval.errors import InvalidInputError
from retrieval.prefixes import CONFIG, NO_PREFIXES, Prefixes, from_prompts, prefixes_of
from retrieval.sparse import RECIPE
from retrieval.support import SupportCheck
from retrieval.types import Outcome
from tests.in_memory import WordModel, document, retriever_over
from tests.unit.test_answering import QUESTION, TEXTS, events, final
from tests.unit.test_support import source

E5 = Prefixes("query: ", "passage: ")


class WatchedModel(WordModel):
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.given += texts
        return super().encode(texts)


@pytest.fixture
def model() -> WatchedModel:
    return WatchedModel()


@pytest.fixture
def embedder(model: WatchedModel) -> Embedder:
    return Embedder(model, model_name="words", prefixes=E5)


@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [
        ({}, None, NO_PREFIXES),
        ({"query": "query: ", "passage": "passage: "}, None, E5),
        ({"query": "query: ", "document": "", "passage": "passage: "}, None, E5),  # as the library saves it
        ({"query": "query: ", "document": "passage: ", "corpus": "never: "}, None, E5),
        ({"query": "Find what answers: ", "document": None}, "query", Prefixes("Find what answers: ", "")),
        ({"query": "", "document": "", "usual": "text: "}, "usual", Prefixes("text: ", "text: ")),
        ({"clustering": "topic: "}, None, NO_PREFIXES),
    ],
)
def test_a_models_prompts_name_two_sides(
    prompts: dict[str, str | None], default: str | None, expected: Prefixes
) -> None:
    assert from_prompts(prompts, default) == expected


def test_what_the_operator_says_goes_before_what_the_model_says_on_its_side_alone() -> None:
    assert NO_PREFIXES.or_else(E5) == E5
    assert Prefixes("Find: ").or_else(E5) == Prefixes("Find: ", "passage: ")


def test_a_folder_is_read_again_and_without_it_what_was_kept_holds(tmp_path: Path) -> None:
    kept = {"query": "q: ", "document": "d: "}
    assert prefixes_of(str(tmp_path), kept) == NO_PREFIXES  # it says nothing
    (tmp_path / CONFIG).write_text(json.dumps({"prompts": {"query": "query: ", "passage": "passage: "}}))
    assert prefixes_of(str(tmp_path), kept) == prefixes_of(str(tmp_path), None) == E5
    assert prefixes_of(str(tmp_path / "gone"), kept) == Prefixes("q: ", "d: ")
    assert prefixes_of(str(tmp_path / "gone"), None) is None


@pytest.mark.parametrize("written", ["not JSON", "[]"])
def test_a_prefix_file_that_makes_no_sense_keeps_no_converted_model_from_loading(tmp_path: Path, written: str) -> None:
    (tmp_path / "footnote.json").write_text("{}")
    (tmp_path / CONFIG).write_text(written)
    assert dense._said(str(tmp_path), tmp_path) == NO_PREFIXES
    assert dense._said("../models/gone", tmp_path) == NO_PREFIXES


def test_of_a_name_on_the_hub_that_an_earlier_release_converted_the_hubs_own_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert prefixes_of("some/e5", None) is None
    files = tmp_path / "models--some--e5"
    (files / "refs").mkdir(parents=True)
    (files / "refs" / "main").write_text("abc")
    (files / "snapshots" / "abc").mkdir(parents=True)
    (files / "snapshots" / "abc" / CONFIG).write_text(json.dumps({"prompts": {"query": "query: "}}))
    assert prefixes_of("some/e5", None) == Prefixes("query: ")


def test_queries_and_passages_go_behind_their_own(embedder: Embedder, model: WatchedModel) -> None:
    embedder.embed_documents(["Leave is 27 days.", "Taxis are paid."])
    embedder.embed_query("How long is leave?")
    assert model.given == ["passage: Leave is 27 days.", "passage: Taxis are paid.", "query: How long is leave?"]


def test_words_are_searched_for_without_prefixes(embedder: Embedder) -> None:
    bare = embedder.for_index(RECIPE, NO_PREFIXES)
    assert embedder.embed_documents(["A text."])[0].sparse == bare.embed_documents(["A text."])[0].sparse
    assert embedder.embed_query("text").sparse == bare.embed_query("text").sparse


def test_an_index_without_prefixes_gives_the_model_its_texts_as_they_are(
    embedder: Embedder, model: WatchedModel
) -> None:
    bare = embedder.for_index(RECIPE, NO_PREFIXES)
    bare.embed_documents(["apples"])
    bare.embed_query("bread")
    bare.embed_asked(["cheese", "dates"])
    bare.embed_sentences(["eggs"])
    assert model.given == ["apples", "bread", "cheese", "dates", "eggs"]
    assert bare.max_tokens == WordModel.max_tokens


def test_an_answers_question_is_embedded_as_a_query_and_its_sentences_as_passages(
    embedder: Embedder, model: WatchedModel
) -> None:
    retriever = retriever_over([document(text, name=name) for name, text in TEXTS.items()], embedder)
    model.given.clear()
    assert final(events(retriever)).outcome is Outcome.ANSWERED
    questions = [text for text in model.given if text.endswith(QUESTION)]
    assert questions == [f"query: {QUESTION}"] * 2  # searched for, and held against sentences
    sentences = [text for text in model.given if text not in questions]
    assert sentences
    assert all(text.startswith("passage: ") for text in sentences)


def test_both_sides_of_the_support_check_are_embedded_alike(embedder: Embedder, model: WatchedModel) -> None:
    text = "Full-time employees receive 27 days of annual leave."
    SupportCheck([source(1, text, "Leave")], embedder.embed_sentences).check("Employees receive 27 days of leave.", [1])
    assert model.given == ["passage: Employees receive 27 days of leave.", f"passage: {text}"]


def test_what_the_model_reads_of_a_passage_is_what_its_prefix_leaves(model: WatchedModel) -> None:
    long = Prefixes("a b c d e f", "one two three")
    assert Embedder(model, model_name="words", prefixes=long).max_tokens == WordModel.max_tokens - 3


@pytest.mark.parametrize("side", ["query", "document"])
def test_a_prefix_that_leaves_no_room_for_a_text_is_refused(embedder: Embedder, side: str) -> None:
    with pytest.raises(InvalidInputError, match="129 tokens is too long for a model that reads 256") as refused:
        embedder.for_index(RECIPE, Prefixes(**{side: "word " * 129}))
    assert refused.value.code == "prefix_too_long"
    assert embedder.for_index(RECIPE, Prefixes(**{side: "word " * 128})).prefixes != NO_PREFIXES
