"""The number format a model runs in is the one that is faster on this processor, whatever the processor says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import openvino
import pytest

from retrieval import precision
from retrieval.dense import OpenVinoModel
from retrieval.precision import Formats, Precision
from services.settings import BUNDLED_MODEL

OPTIONS = {"NUM_STREAMS": 2}


@dataclass
class Processor:
    """Stands in for OpenVINO's core on a processor that we have not: what each format takes, in seconds."""

    takes: Mapping[str, float]
    capabilities: tuple[str, ...] = ("FP32", "BF16")
    name: str = "Some processor"
    refuses: str = ""
    now: float = 0.0
    compiled: list[str] = field(default_factory=list)

    def get_property(self, device: str, name: str) -> object:
        assert device == "CPU"
        return {"OPTIMIZATION_CAPABILITIES": self.capabilities, "FULL_DEVICE_NAME": self.name}[name]

    def get_versions(self, device: str) -> dict[str, Any]:
        return {device: SimpleNamespace(build_number="2026.4")}

    def compile_model(self, model: Path, device: str, options: Mapping[str, Any]) -> "Request":
        assert (device, options["NUM_STREAMS"]) == ("CPU", 2)
        in_bytes = options.get("DYNAMIC_QUANTIZATION_GROUP_SIZE") is not None
        assert model.name == ("int8.xml" if in_bytes else "model.xml")
        self.compiled.append(("int8/" if in_bytes else "") + options["INFERENCE_PRECISION_HINT"])
        if self.compiled[-1] == self.refuses:
            raise RuntimeError
        return Request(self, self.compiled[-1])


@dataclass
class Request:
    processor: Processor
    precision: str

    def create_infer_request(self) -> "Request":
        return self

    def infer(self, inputs: Mapping[int, Any]) -> None:
        assert inputs[0].shape == inputs[1].shape == (1, precision.TOKENS)
        self.processor.now += self.processor.takes[self.precision]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Processor:
    """A processor whose own time is what is measured by."""
    processor = Processor({"f32": 0.02, "bf16": 0.01, "int8/f32": 0.012, "int8/bf16": 0.007})
    monkeypatch.setattr(precision, "process_time", lambda: processor.now)
    return processor


@pytest.mark.parametrize(
    ("f32", "bf16", "chosen"), [(0.03, 0.01, "bf16"), (0.02, 0.03, "f32"), (0.0200, 0.0199, "f32")]
)
def test_the_faster_format_is_chosen(measured: Processor, tmp_path: Path, f32: float, bf16: float, chosen: str) -> None:
    measured.takes = {"f32": f32, "bf16": bf16}
    assert Formats(measured, tmp_path, OPTIONS).compiled() == (Request(measured, chosen), chosen)
    assert sorted(measured.compiled) == ["bf16", "f32"]


@pytest.mark.parametrize(
    ("takes", "chosen"),
    [
        ({"f32": 0.02, "bf16": 0.01, "int8/bf16": 0.007}, "int8/bf16"),
        ({"f32": 0.02, "bf16": 0.01, "int8/bf16": 0.009}, "bf16"),
        ({"f32": 0.02, "bf16": 0.03, "int8/f32": 0.012}, "int8/f32"),
        ({"f32": 0.02, "bf16": 0.03, "int8/f32": 0.018}, "f32"),
    ],
)
def test_bytes_are_multiplied_where_that_is_faster_than_the_better_of_the_others(
    measured: Processor, tmp_path: Path, takes: dict[str, float], chosen: str
) -> None:
    (tmp_path / "int8.xml").touch()
    measured.takes = takes
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == chosen
    assert len(measured.compiled) == 3


def test_a_processor_without_bf16_is_not_asked(measured: Processor, tmp_path: Path) -> None:
    measured.capabilities = ("FP32",)
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "f32"
    assert measured.compiled == ["f32"]


def test_all_processes_of_a_machine_run_what_the_first_one_found(measured: Processor, tmp_path: Path) -> None:
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "bf16"
    measured.compiled.clear()
    measured.takes = {"f32": 0.01, "bf16": 0.02}  # another has the cores just now
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "bf16"
    assert measured.compiled == ["bf16"]


@pytest.mark.parametrize("change", ["processor", "graph in bytes", "unreadable", "unknown"])
def test_it_is_found_out_again_on_another_machine(measured: Processor, tmp_path: Path, change: str) -> None:
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "bf16"
    [kept] = tmp_path.iterdir()
    if change == "processor":
        measured.name = "Another processor"
    elif change == "graph in bytes":
        (tmp_path / "int8.xml").touch()
    else:
        kept.write_text({"unreadable": '"bf', "unknown": '"int4"'}[change])
    measured.takes = {"f32": 0.01, "bf16": 0.02, "int8/f32": 0.01}
    measured.compiled.clear()
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "f32"
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "f32"
    assert measured.compiled[-1] == "f32"
    assert len(measured.compiled) == (4 if change == "graph in bytes" else 3), "it was not kept"
    assert not list(tmp_path.glob(".fastest-*"))


def test_what_another_process_kept_meanwhile_counts(
    measured: Processor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fastest = Formats._fastest

    def later(formats: Formats) -> tuple[Any, Precision]:
        (tmp_path / f"fastest-{formats._circumstances()}.json").write_text(json.dumps("f32"))
        return fastest(formats)

    monkeypatch.setattr(Formats, "_fastest", later)
    assert Formats(measured, tmp_path, OPTIONS).compiled() == (Request(measured, "f32"), "f32")


def test_a_graph_in_bytes_that_is_damaged_costs_its_speed_alone(measured: Processor, tmp_path: Path) -> None:
    (tmp_path / "int8.xml").touch()
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "int8/bf16"
    measured.refuses = "int8/bf16"
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "bf16"
    assert Formats(measured, tmp_path, OPTIONS).compiled()[1] == "bf16"
    assert measured.compiled[-1] == "bf16"


def test_a_folder_that_cannot_be_written_only_costs_the_measuring(measured: Processor, tmp_path: Path) -> None:
    assert Formats(measured, tmp_path / "gone", OPTIONS).compiled()[1] == "bf16"


def test_a_model_says_what_it_runs_in(model_cache: Path) -> None:
    folder = model_cache / BUNDLED_MODEL
    for known in get_args(Precision):
        assert OpenVinoModel(folder, precision=known).runtime == f"OpenVINO {known}"
    bf16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    possible = get_args(Precision) if bf16 else ("f32", "int8/f32")
    assert OpenVinoModel(folder).runtime in {f"OpenVINO {known}" for known in possible}
