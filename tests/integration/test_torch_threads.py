"""PyTorch computes with no more threads than its process has cores for, whichever model is loaded."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from retrieval.cross_encoder import load_cross_encoder
from retrieval.dense import SentenceTransformerModel
from retrieval.entailment import load_entailment
from services.settings import BUNDLED_MODEL, Settings
from services.wiring import search
from tests.integration.test_cross_encoder import make_cross_encoder
from tests.integration.test_entailment import LABELS, make_entailment

MANY, SHARE = 6, 2


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of many cores, of which a container has the time of two."""
    before = torch.get_num_threads()
    torch.set_num_threads(MANY)
    monkeypatch.setattr("retrieval.torch_threads.cores", lambda: SHARE)
    yield
    torch.set_num_threads(before)


def threads_of_another() -> int:
    """As a thread sees it in which a search runs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_a_cross_encoder_has_the_containers_share(tmp_path: Path) -> None:
    load_cross_encoder(str(make_cross_encoder(tmp_path / "ranking")))
    assert (torch.get_num_threads(), threads_of_another()) == (SHARE, SHARE)


def test_an_entailment_model_has_it_too(tmp_path: Path) -> None:
    load_entailment(str(make_entailment(tmp_path / "entailing", LABELS)))
    assert (torch.get_num_threads(), threads_of_another()) == (SHARE, SHARE)


def test_fewer_threads_than_the_share_are_left_as_they_are(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    load_cross_encoder(str(make_cross_encoder(tmp_path / "ranking")))
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("set_to", "expected"), [(0, SHARE), (3, 3)])
def test_an_embedding_model_in_pytorch_has_it_or_what_is_set(
    set_to: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_pytorch(model: str, _cache: Path, *, threads: int) -> SentenceTransformerModel:
        assert threads == set_to
        return SentenceTransformerModel(model, device="cpu")

    monkeypatch.setattr(search, "load_dense_model", in_pytorch)
    search.embedder(Settings(threads=set_to), BUNDLED_MODEL)
    assert (torch.get_num_threads(), threads_of_another()) == (expected, expected)
