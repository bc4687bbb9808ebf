"""An entailment model beside the rules: the real library over a tiny model of random weights, and known scores."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder
from transformers import AutoConfig

from retrieval.entailment import EntailmentModel, load_entailment
from retrieval.errors import InvalidInputError
from retrieval.support import SupportCheck, Verdict
from retrieval.types import SentenceStatus
from services.settings import Settings
from services.wiring.answerer import entailment_model
from tests.in_memory import WordModel
from tests.integration.test_cross_encoder import make_cross_encoder
from tests.unit.test_support import SOURCES

LABELS = {0: "contradiction", 1: "ENTAILMENT", 2: "neutral"}
PASSAGE, CLAIM = "the notice period is six weeks", "six weeks is the notice period"


def make_entailment(folder: Path, labels: dict[int, str], *, poisoned: bool = False) -> Path:
    """A tiny cross-encoder whose scores have these names."""
    make_cross_encoder(folder, labels=len(labels), poisoned=poisoned)
    config = AutoConfig.from_pretrained(folder)
    config.id2label, config.label2id = labels, {label: place for place, label in labels.items()}
    config.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_entailment(tmp_path_factory.mktemp("models") / "tiny", LABELS)


def check(sentence: str, *cited: int, says: float) -> Verdict:
    """The verdict by the first source beside a model that says the same of every pair."""
    model = EntailmentModel(lambda pairs: [says] * len(pairs))
    return SupportCheck(SOURCES[:1], WordModel().encode, entailment=model).check(sentence, cited)


def test_the_share_of_the_label_entailment_is_read_wherever_it_stands(tiny: Path) -> None:
    logits = CrossEncoder(str(tiny), device="cpu").predict([(PASSAGE, CLAIM)], activation_fn=torch.nn.Identity())
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    found = load_entailment(str(tiny)).follows(PASSAGE, CLAIM)
    assert found == pytest.approx(float(shares[1]), abs=1e-5)
    assert abs(shares[1] - shares[0]) > 1e-3
    assert abs(shares[1] - shares[2]) > 1e-3


def test_the_passage_comes_before_the_claim(tiny: Path) -> None:
    model = load_entailment(str(tiny))
    assert model.follows(PASSAGE, "dogs may visit") != model.follows("dogs may visit", PASSAGE)


def test_a_sentence_that_follows_is_supported_however_few_words_it_shares() -> None:
    sentence = "People who work the whole week get long paid rest [1]."
    assert check(sentence, 1, says=0.9).status is SentenceStatus.SUPPORTED
    assert check(sentence, 1, says=0.9).support == 0.9
    assert SupportCheck(SOURCES, WordModel().encode).check(sentence, [1]).status is SentenceStatus.UNSUPPORTED


def test_a_sentence_that_does_not_follow_is_unsupported_however_many_words_it_shares() -> None:
    verdict = check("Full-time employees receive 27 days of annual leave [1].", 1, says=0.2)
    assert verdict.status is SentenceStatus.UNSUPPORTED
    assert verdict.reason == "does not follow from the cited passage"


@pytest.mark.parametrize(
    "sentence", ["Full-time employees receive 28 days of annual leave [1].", "Unused days may be carried over [1]."]
)
def test_the_rules_hold_beside_the_model(sentence: str) -> None:
    assert check(sentence, 1, says=1.0).status is SentenceStatus.UNSUPPORTED


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory"), MemoryError()])
def test_a_model_that_fails_leaves_the_check_as_it_is_without(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(_: object) -> list[float]:
        raise error

    sentence, embed = "Claims older than 90 days are not paid.", WordModel().encode
    with caplog.at_level(logging.ERROR, "retrieval.entailment"):
        verdict = SupportCheck(SOURCES, embed, entailment=EntailmentModel(failing)).check(sentence, [2])
    assert verdict == SupportCheck(SOURCES, embed).check(sentence, [2])
    assert "failed" in caplog.text


def test_not_a_number_says_nothing_and_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    poisoned = load_entailment(str(make_entailment(tmp_path / "poisoned", LABELS, poisoned=True)))
    with caplog.at_level(logging.WARNING, "retrieval.entailment"):
        assert poisoned.follows(PASSAGE, CLAIM) is None
    assert "no usable score" in caplog.text


def test_a_passage_longer_than_the_model_reads_is_cut(tiny: Path) -> None:
    assert load_entailment(str(tiny)).follows("notice period " * 500, CLAIM) is not None


@pytest.mark.parametrize("labels", [{0: "LABEL_0"}, {0: "contradiction", 1: "neutral", 2: "LABEL_2"}])
def test_a_model_without_the_label_is_refused_and_not_read_by_chance(tmp_path: Path, labels: dict[int, str]) -> None:
    with pytest.raises(InvalidInputError, match="no label for entailment"):
        load_entailment(str(make_entailment(tmp_path / "other", labels)))


def test_what_cannot_be_loaded_is_refused_with_the_name_of_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"FOOTNOTE_SUPPORT_MODEL: The entailment model .* cannot be loaded"):
        entailment_model(Settings(data_dir=tmp_path, support_model=str(tmp_path / "missing")))


def test_the_setting_is_a_folder_by_its_whole_path_or_a_name(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.parent)
    assert Settings(support_model="tiny").support_model == str(tiny)
    assert Settings(support_model="cross-encoder/nli").support_model == "cross-encoder/nli"
    assert entailment_model(Settings(data_dir=tmp_path)) is None
    loaded = entailment_model(Settings(data_dir=tmp_path, support_model=str(tiny)))
    assert loaded is not None
    assert loaded.follows(PASSAGE, CLAIM) is not None
