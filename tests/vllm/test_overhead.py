"""What the constraint on markers costs. `pytest -s tests/vllm/test_overhead.py` prints the figures."""

import time

import pytest

from tests.vllm.asking import QUESTIONS, asked, pieces, with_model
from tests.vllm.server import VllmServer

TOKENS = 200
ROUNDS = 2


def rate(vllm: VllmServer, sources: int | None) -> float:
    """Tokens a second of one answer."""
    began = time.perf_counter()
    _, end = with_model(vllm, lambda model: pieces(model, asked(QUESTIONS[0]), sources=sources, max_tokens=TOKENS))
    return (end.completion_tokens or 0) / (time.perf_counter() - began)


@pytest.mark.parametrize("sources", [8, 50])
def test_constrained_answers_are_about_as_fast_as_free_ones(vllm: VllmServer, sources: int) -> None:
    """A group of numbers in the pattern, or a grammar, makes them eight times slower or more."""
    rate(vllm, sources)  # the pattern is compiled once
    rates = [(rate(vllm, None), rate(vllm, sources)) for _ in range(ROUNDS)]
    free, constrained = (max(column) for column in zip(*rates, strict=True))
    print(f"\n{sources} sources: {free:.0f} tokens/s free, {constrained:.0f} constrained")
    assert constrained > free / 3
