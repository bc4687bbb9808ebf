"""Keeps a converted transformer's weights in bytes, beside the original: `python -m retrieval.quantizing FOLDER`, once.

Knows nothing of how the result is run. Each 64 weights of a row share a scale, and OpenVINO makes bytes of as many
activations at a time, with a scale for each run of them (dynamic quantisation), so that what is multiplied are bytes. A
few dimensions of a transformer's activations are far larger than the others, which would lose their digits beside
them: each dimension is divided by a constant, and its weights multiplied by it ("SmoothQuant", Xiao et al., 2023).
"""

import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as ops

from retrieval.model_tokenizer import tokenizer_of
from retrieval.precision import GROUP, has_bf16

Floats = npt.NDArray[np.float32]
# What every runtime is held to. A text of no words comes off worst: its two tokens have the largest activations.
MIN_COSINE = 0.999
PROBES = (
    "",
    "hello",
    "INC-1042",
    "What is the notice period?",
    "Wie viele Urlaubstage habe ich im ersten Jahr?",
    "def main() -> None: print('started', file=sys.stderr)",
    "| Item | Quantity | Price |\n| Bolts, M8 | 1,200 | EUR 96.00 |\n| Washers | 300 | EUR 4.50 |",
    "Employees may claim up to 45 euros a day for meals while they travel. " * 12,
    "The committee met on 12 March 2024 and decided that the two plants in Leeds would share one supplier. It asked "
    "the purchasing department to report on prices, quality and delays before the end of the second quarter.",
    "To reset the device, hold the button for ten seconds until the light turns red. Do not unplug it while it "
    "restarts: the firmware may be damaged, and the warranty does not cover that. If nothing happens, call support.",
)


@dataclass(frozen=True, slots=True)
class _Product:
    """Activations times weights of shape (out, in), where `in` is a multiple of GROUP: what can be done in bytes."""

    node: Any
    weights: Floats

    @property
    def source(self) -> str:
        """Whose output the activations are; several products may have the same."""
        return str(self.node.input_value(0).get_node().get_friendly_name())


class Quantizer:
    """Makes a model in bytes of the one that `conversion.py` left in `folder`, and compares it with that."""

    def __init__(self, folder: Path) -> None:
        self._model = folder / "model.xml"
        self._rows = _token_ids(folder)
        self._core = openvino.Core()
        self._expected = self._vectors(self._read())
        self._peaks = self._largest_activations()

    def cosine(self, model: Any) -> float:
        """The lowest of a probe's vector by `model` to that by the original, in all that this processor can run."""
        made = [self._vectors(model, rest) for rest in ("f32", *(["bf16"] if has_bf16(self._core) else []))]
        return min(float(np.min(np.sum(self._expected * vectors, axis=1))) for vectors in made)

    def in_bytes(self) -> Any | None:
        """The model with its products in bytes; None where it has none that can be."""
        model = self._read()
        together: dict[str, list[_Product]] = defaultdict(list)
        for product in _products(model):
            together[product.source].append(product)
        for source, products in together.items():
            scale = _smoothing(self._peaks[source], [product.weights for product in products])
            smoothed = ops.multiply(products[0].node.input_value(0), ops.constant(1 / scale))
            for product in products:
                product.node.input(0).replace_source_output(smoothed.output(0))
                product.node.input(1).replace_source_output(_unpacked(product.weights * scale).output(0))
        model.validate_nodes_and_infer_types()
        return model if together else None

    def _read(self) -> Any:
        return self._core.read_model(self._model)

    def _vectors(self, model: Any, rest: str = "f32") -> Floats:
        """Of each probe by itself, with activations in bytes where weights are, and in `rest` where not."""
        options = {"INFERENCE_PRECISION_HINT": rest, "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP}
        request = self._core.compile_model(model, "CPU", options).create_infer_request()
        return np.concatenate([request.infer(_inputs(row))[0].copy() for row in self._rows])

    def _largest_activations(self) -> Mapping[str, Floats]:
        """By source: of each dimension, over all tokens of the probes."""
        model = self._read()
        outputs = {product.source: product.node.input_value(0) for product in _products(model)}
        model.add_outputs(list(outputs.values()))
        request = self._core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
        peaks: dict[str, Floats] = {}
        for row in self._rows:
            results = request.infer(_inputs(row))
            for number, source in enumerate(outputs, start=1):
                values = np.abs(results[number])
                highest = values.reshape(-1, values.shape[-1]).max(axis=0)
                peaks[source] = np.maximum(peaks.get(source, 0), highest)
        return peaks


def quantize(folder: Path) -> None:
    """Write FOLDER/int8.json, and before it int8.xml where its vectors are near enough to the original's.

    The JSON has the lowest cosine of a probe, null where nothing of the model can be in bytes.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".quantizing-") as scratch:
        made = Path(scratch)
        quantizer = Quantizer(folder)
        model = quantizer.in_bytes()
        cosine = None if model is None else quantizer.cosine(model)
        if cosine is not None and cosine >= MIN_COSINE:
            openvino.save_model(model, made / "int8.xml", compress_to_fp16=False)
        (made / "int8.json").write_text(json.dumps({"group": GROUP, "cosine": cosine}))
        for name in ("int8.bin", "int8.xml", "int8.json"):  # the last is what is looked for
            if (made / name).exists():
                _on_disk(made / name)
                (made / name).replace(folder / name)


def _token_ids(folder: Path) -> list[list[int]]:
    tokenizer = tokenizer_of(folder, max_tokens=json.loads((folder / "footnote.json").read_text())["max_tokens"])
    return [encoding.ids for encoding in tokenizer.encode_batch(list(PROBES))]


def _inputs(row: Sequence[int]) -> dict[int, npt.NDArray[np.int64]]:
    ids = np.array([row], dtype=np.int64)
    return {0: ids, 1: np.ones_like(ids)}


def _products(model: Any) -> Iterator[_Product]:
    for node in model.get_ordered_ops():
        # A model that is stored in f16 is left alone: its graph would have to be another one.
        is_f32 = node.get_output_element_type(0) == openvino.Type.f32 if node.get_output_size() else False
        if is_f32 and node.get_type_name() == "MatMul" and node.get_attributes()["transpose_b"]:
            constant = node.input_value(1).get_node()
            if constant.get_type_name() == "Constant" and len(constant.shape) == 2 and constant.shape[1] % GROUP == 0:
                yield _Product(node, constant.get_data().astype(np.float32))


def _on_disk(file: Path) -> None:
    """A power cut after the renaming must not leave a file of nothing."""
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _smoothing(peaks: Floats, weights: Sequence[Floats]) -> Floats:
    """What each dimension's weights are multiplied by: half of what would make its activations as large as others'."""
    heaviest = np.max([np.abs(matrix).max(axis=0) for matrix in weights], axis=0)
    scale = np.sqrt(np.maximum(peaks, 1e-5) / np.maximum(heaviest, 1e-5))
    smooth: Floats = (scale / np.median(scale)).astype(np.float32)
    return smooth


def _unpacked(weights: Floats) -> Any:
    """The graph that makes floats of bytes, in the form that OpenVINO knows as compressed weights."""
    grouped = weights.reshape(len(weights), -1, GROUP)
    scales = np.maximum(np.abs(grouped).max(axis=2, keepdims=True) / 127, np.finfo(np.float32).tiny)
    numbers = np.round(grouped / scales).astype(np.int8)
    floats = ops.multiply(ops.convert(ops.constant(numbers), "f32"), ops.constant(scales))
    return ops.reshape(floats, ops.constant(np.array(weights.shape, dtype=np.int64)), special_zero=False)


if __name__ == "__main__":
    quantize(Path(sys.argv[1]))
