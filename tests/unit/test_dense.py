"""Batches of the dense models: what shares one, what happens when memory is short, what is refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from retrieval.dense import BATCH_TOKENS, OpenVinoModel, Vectors, batches_by_length, halved_when_out_of_memory
from retrieval.embedding import PROBE, Embedder
from retrieval.errors import EmbeddingError, UnavailableError
from tests.in_memory import WordModel


@given(st.lists(st.integers(0, 512), max_size=300))
def test_every_text_is_in_one_batch_and_no_batch_is_too_large(lengths: list[int]) -> None:
    batches = batches_by_length(lengths)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[index] for index in batch) <= BATCH_TOKENS for batch in batches)


def test_texts_of_mixed_length_are_hardly_padded() -> None:
    lengths = [20 + 230 * number // 255 for number in range(256)]
    padded = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches_by_length(lengths))
    assert padded <= 1.06 * sum(lengths)


@pytest.mark.parametrize("said", [MemoryError(), RuntimeError("CUDA out of memory."), RuntimeError("std::bad_alloc")])
def test_a_batch_that_does_not_fit_into_memory_is_halved(said: Exception) -> None:
    tried: list[int] = []

    def fits_two(batch: Sequence[int]) -> Vectors:
        tried.append(len(batch))
        if len(batch) > 2:
            raise said
        return np.asarray([[index] for index in batch], dtype=np.float32)

    parts = halved_when_out_of_memory(range(7), fits_two)
    assert [index for part, _ in parts for index in part] == list(range(7))
    assert np.concatenate([vectors for _, vectors in parts]).ravel().tolist() == list(range(7))
    assert tried[0] == 7


def test_a_single_text_that_does_not_fit_is_the_machines_fault() -> None:
    def never(_: Sequence[int]) -> Vectors:
        raise MemoryError

    with pytest.raises(UnavailableError):
        halved_when_out_of_memory([0, 1], never)


def test_any_other_fault_is_not_tried_again() -> None:
    tried: list[int] = []

    def broken(batch: Sequence[int]) -> Vectors:
        tried.append(len(batch))
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape"):
        halved_when_out_of_memory([0, 1], broken)
    assert tried == [2]


class BadModel(WordModel):
    """Gives `value` in place of the first number of the vectors of texts that hold `of`."""

    def __init__(self, value: float, of: str) -> None:
        self._value, self._of = value, of

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = super().encode(texts)
        rows[[number for number, text in enumerate(texts) if self._of in text], 0] = self._value
        return rows


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 7.0])
def test_a_text_without_a_usable_vector_is_refused(value: float) -> None:
    embedder = Embedder(BadModel(value, "poison"), model_name="bad")
    assert len(embedder.embed_documents(["apples", "pears"])) == 2
    with pytest.raises(EmbeddingError):
        embedder.embed_documents(["apples", "poison"])


def test_a_model_that_gives_none_at_all_is_at_fault_itself() -> None:
    embedder = Embedder(BadModel(float("nan"), ""), model_name="bad")
    with pytest.raises(UnavailableError):
        embedder.embed_documents(["apples"])
    with pytest.raises(UnavailableError):
        embedder.embed_query("apples")
    assert PROBE


def test_vectors_of_another_size_are_refused() -> None:
    embedder = Embedder(WordModel(), model_name="words")
    embedder.dimension = 3
    with pytest.raises(UnavailableError):
        embedder.embed_dense(["apples"])


@pytest.mark.parametrize(("threads", "expected"), [(0, 3), (1, 1)])
def test_a_model_runs_in_as_many_threads_as_the_process_has_cores(
    threads: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedError(Exception):
        """Before anything runs."""

    def formats(_core: object, _folder: Path, options: dict[str, Any]) -> None:
        assert (options["INFERENCE_NUM_THREADS"], options["NUM_STREAMS"]) == (expected, expected)
        raise StoppedError

    monkeypatch.setattr("retrieval.dense.cores", lambda: 3)
    monkeypatch.setattr("retrieval.dense.Formats", formats)
    (tmp_path / "footnote.json").write_text('{"dimension": 2, "max_tokens": 8}')
    Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(StoppedError):
        OpenVinoModel(tmp_path, threads=threads)
