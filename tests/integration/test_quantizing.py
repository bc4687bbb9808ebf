"""A model in bytes is as near to the original as every runtime has to be, or there is none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from retrieval import quantizing
from retrieval.dense import OpenVinoModel, load_dense_model
from retrieval.precision import GROUP, Precision
from retrieval.quantizing import MIN_COSINE, quantize
from services.settings import BUNDLED_MODEL


@pytest.fixture
def converted(model_cache: Path, tmp_path: Path) -> Path:
    """A copy of the bundled model as it was converted, nothing in bytes."""
    folder = tmp_path / "model"
    shutil.copytree(model_cache / BUNDLED_MODEL, folder, ignore=shutil.ignore_patterns("int8.*", "fastest-*"))
    return folder


def in_bytes(folder: Path) -> int:
    """How many products of a graph have weights of bytes."""
    return sum(
        node.get_type_name() == "MatMul" and node.input_value(1).get_node().get_type_name() == "Reshape"
        for node in openvino.Core().read_model(folder / "int8.xml").get_ordered_ops()
    )


def test_all_layers_of_the_bundled_model_are_in_bytes(model_cache: Path) -> None:
    folder = model_cache / BUNDLED_MODEL
    assert MIN_COSINE <= json.loads((folder / "int8.json").read_text())["cosine"] < 1
    assert in_bytes(folder) == 36
    assert (folder / "int8.bin").stat().st_size < 0.7 * (folder / "model.bin").stat().st_size


@pytest.mark.parametrize("rest", ["f32", "bf16"])
def test_texts_that_were_not_looked_at_are_as_near(model_cache: Path, rest: Precision) -> None:
    files = [file for suffix in ("md", "txt") for file in Path("tests/corpus/documents").glob(f"*.{suffix}")]
    texts = [part for file in files for part in file.read_text(encoding="utf-8").split("\n\n") if part.strip()]
    assert len(texts) > 40
    precision: Precision = "int8/bf16" if rest == "bf16" else "int8/f32"
    plain, small = (OpenVinoModel(model_cache / BUNDLED_MODEL, precision=known) for known in ("f32", precision))
    cosines = (plain.encode(texts) * small.encode(texts)).sum(axis=1)
    assert cosines.min() >= 0.999
    assert cosines.mean() >= 0.9995


def test_where_vectors_are_not_near_enough_there_is_no_graph_and_it_is_not_tried_again(
    converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantizing, "MIN_COSINE", 1.1)
    quantize(converted)
    assert json.loads((converted / "int8.json").read_text())["cosine"] < 1.1
    assert load_dense_model("unused", converted).dimension == 384
    assert not (converted / "int8.xml").exists()
    assert not list(converted.glob(".quantizing-*"))


def test_a_model_that_an_earlier_release_converted_gets_its_bytes_when_it_is_loaded(converted: Path) -> None:
    load_dense_model("unused", converted)
    assert in_bytes(converted)


def test_a_model_runs_without_bytes_where_they_cannot_be_made(
    converted: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (converted / "footnote.json").rename(converted / "kept.json")
    with pytest.raises(FileNotFoundError):
        quantize(converted)
    assert not list(converted.glob("*quantizing-*"))
    (converted / "kept.json").rename(converted / "footnote.json")
    monkeypatch.setattr("retrieval.converted._failure_of", lambda *_: "no memory")
    assert load_dense_model("unused", converted).encode(["hello"]).shape == (1, 384)
    assert "no memory" in caplog.text


@pytest.mark.parametrize("damage", ["empty", "half"])
def test_a_graph_that_a_power_cut_left_half_written_costs_nothing_but_speed(converted: Path, damage: str) -> None:
    quantize(converted)
    weights = converted / "int8.bin"
    weights.write_bytes(b"" if damage == "empty" else weights.read_bytes()[: weights.stat().st_size // 2])
    model = load_dense_model("unused", converted)
    assert isinstance(model, OpenVinoModel)
    assert model.runtime in {"OpenVINO f32", "OpenVINO bf16"}


LOAD = """
import sys
from pathlib import Path
from retrieval.dense import load_dense_model

print(load_dense_model("unused", Path(sys.argv[1])).runtime)
"""


def test_processes_that_start_at_once_make_it_once_and_run_the_same(converted: Path) -> None:
    (converted / ".quantizing-of-a-killed-one").mkdir()
    command = [sys.executable, "-c", LOAD, str(converted)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate(timeout=240)[0] for process in started}
    assert len(said) == 1
    assert len(list(converted.glob("fastest-*"))) == 1
    assert not list(converted.glob(".quantizing-*"))
    assert in_bytes(converted) == 36


def test_a_model_that_is_stored_in_halves_is_left_as_it_is() -> None:
    left = ops.parameter([-1, GROUP], np.float16)
    product = ops.matmul(left, ops.constant(np.ones((4, GROUP), np.float16)), transpose_a=False, transpose_b=True)
    assert list(quantizing._products(openvino.Model([product], [left]))) == []


def test_a_model_without_products_that_can_be_in_bytes_stays_as_it_is(converted: Path) -> None:
    ids, mask = (ops.parameter([-1, -1], np.int64) for _ in range(2))
    sums = ops.convert(ops.reduce_sum(ops.add(ids, mask), ops.constant(np.array([1])), keep_dims=True), "f32")
    direction = np.full((1, 384), 384**-0.5, np.float32)
    vectors = ops.multiply(ops.divide(sums, sums), ops.constant(direction))
    openvino.save_model(openvino.Model([vectors], [ids, mask]), converted / "new.xml", compress_to_fp16=False)
    for suffix in ("xml", "bin"):
        (converted / f"new.{suffix}").replace(converted / f"model.{suffix}")
    quantize(converted)
    assert json.loads((converted / "int8.json").read_text()) == {"group": GROUP, "cosine": None}
    assert OpenVinoModel(converted).runtime in {"OpenVINO f32", "OpenVINO bf16"}


def test_rows_that_a_group_does_not_divide_stay_as_they_are() -> None:
    left = ops.parameter([-1, GROUP + 1], np.float32)
    right = ops.constant(np.ones((4, GROUP + 1), np.float32))
    model = openvino.Model([ops.matmul(left, right, transpose_a=False, transpose_b=True)], [left])
    assert list(quantizing._products(model)) == []
