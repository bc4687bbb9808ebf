"""Which number format a transformer runs fastest in on this processor, found out by running it in each.

Knows nothing of texts or vectors' meaning. What a processor says of itself does not tell: one with AMX is far
faster in bf16, one that has only AVX-512's bf16 instructions a third slower (27 texts/s against 40 in f32).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np

Precision = Literal["bf16", "f32"]
# The length of the text that is run: some 20 ms on one core, where a stream has one.
TOKENS = 128
# In turns, and the fastest of each counts, so that whatever else the machine does hits both.
ROUNDS = 3
# How much faster bf16 has to be: what differs by less is the machine's noise, and f32 is the original's own format.
WORTHWHILE = 1.15


def compiled(core: Any, model: Path, options: Mapping[str, Any], precision: Precision | None) -> tuple[Any, Precision]:
    """`model` (ids and mask in, both int64) compiled with these OpenVINO options, and its precision: where none is
    given, the one in which it runs faster.
    """

    def compile_in(precision: Precision) -> Any:
        return core.compile_model(model, "CPU", {**options, "INFERENCE_PRECISION_HINT": precision})

    if precision is None and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        precision = "f32"
    if precision is not None:
        return compile_in(precision), precision
    f32, bf16 = compile_in("f32"), compile_in("bf16")
    seconds = _seconds([f32.create_infer_request(), bf16.create_infer_request()])
    return (bf16, "bf16") if seconds[0] >= WORTHWHILE * seconds[1] else (f32, "f32")


def _seconds(requests: Sequence[Any]) -> list[float]:
    """The fastest run of each, behind one that warms it up."""
    tokens = np.ones((1, TOKENS), dtype=np.int64)
    seconds: list[list[float]] = [[] for _ in requests]
    for _ in range(1 + ROUNDS):
        for taken, request in zip(seconds, requests, strict=True):
            began = perf_counter()
            request.infer({0: tokens, 1: tokens})
            taken.append(perf_counter() - began)
    return [min(taken[1:]) for taken in seconds]
