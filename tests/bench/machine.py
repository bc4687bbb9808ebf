"""What the processor can do at best, measured as the product of two matrices, and how much of that embedding uses."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import openvino
from openvino import opset13 as ops

from retrieval.dense import OpenVinoModel

# Of several shapes the fastest is the machine's rate: (rows, inner, columns).
SHAPES = ((4096, 1024, 1024), (2048, 2048, 2048), (1024, 4096, 4096), (4096, 384, 1536))
REPEATS = 8
# all-MiniLM-L6-v2: what one token costs, and what one token costs for each other one of its text.
LAYERS, WIDTH, INNER = 6, 384, 1536


def matrix_product_rate(precision: str) -> float:
    """The best floating-point operations a second."""
    return max(_rate(precision, *shape) for shape in SHAPES)


def embedding_rate(model: OpenVinoModel, texts: Sequence[str]) -> float:
    """Useful floating-point operations a second: those of the texts' own tokens, padding not counted."""
    lengths = [min(model.count_tokens(text) + 2, model.max_tokens) for text in texts]
    useful = sum(_operations(length) for length in lengths)
    return useful / _best(lambda: model.encode(texts))


def embedding_share(model: OpenVinoModel, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(what, figure). The product is measured before and after, because other work on the machine comes and goes."""
    precision = model.runtime.split()[-1].rpartition("/")[2]  # of "int8/bf16" what is no byte
    rates = [matrix_product_rate(precision)]
    embedding = embedding_rate(model, texts)
    rates.append(matrix_product_rate(precision))
    product = max(rates)
    yield f"matrix product in {precision}, embedding in it", f"{product / 1e9:.0f}, {embedding / 1e9:.0f} GFLOP/s"
    yield "embedding's share of the matrix-product rate", f"{embedding / product:.2f}"


def _operations(tokens: int) -> int:
    """Multiplications and additions of the products alone: projections, feed-forward, attention."""
    projections, feed_forward, attention = 4 * WIDTH * WIDTH, 2 * WIDTH * INNER, 2 * tokens * WIDTH
    return LAYERS * 2 * tokens * (projections + feed_forward + attention)


def _rate(precision: str, rows: int, inner: int, columns: int) -> float:
    left = ops.parameter([rows, inner], np.float32)
    right = ops.constant(np.random.default_rng(1).standard_normal((inner, columns)).astype(np.float32))
    options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    graph = openvino.Model([ops.matmul(left, right, False, False)], [left])
    request = openvino.Core().compile_model(graph, "CPU", options).create_infer_request()
    values = np.random.default_rng(2).standard_normal((rows, inner)).astype(np.float32)
    return 2 * rows * inner * columns / _best(lambda: request.infer({0: values}), repeats=REPEATS)


def _best(run: Callable[[], object], *, repeats: int = 2) -> float:
    """Seconds of the fastest run, behind one that warms up."""
    run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)
