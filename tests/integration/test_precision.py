"""The number format a model runs in is the one that is faster on this processor, whatever the processor says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openvino
import pytest

from retrieval import precision
from retrieval.dense import OpenVinoModel
from retrieval.precision import compiled
from services.settings import BUNDLED_MODEL


@dataclass
class Processor:
    """Stands in for OpenVINO's core on a processor that we have not: what each format takes, in seconds."""

    takes: Mapping[str, float]
    capabilities: tuple[str, ...] = ("FP32", "BF16")
    now: float = 0.0
    compiled: list[str] = field(default_factory=list)

    def get_property(self, device: str, name: str) -> tuple[str, ...]:
        assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
        return self.capabilities

    def compile_model(self, model: Path, device: str, options: Mapping[str, Any]) -> "Request":
        assert (device, options["NUM_STREAMS"]) == ("CPU", 2)
        self.compiled.append(options["INFERENCE_PRECISION_HINT"])
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


@pytest.mark.parametrize(
    ("f32", "bf16", "chosen"), [(0.03, 0.01, "bf16"), (0.02, 0.03, "f32"), (0.0200, 0.0199, "f32")]
)
def test_the_faster_format_is_chosen(monkeypatch: pytest.MonkeyPatch, f32: float, bf16: float, chosen: str) -> None:
    processor = Processor({"f32": f32, "bf16": bf16})
    monkeypatch.setattr(precision, "perf_counter", lambda: processor.now)
    assert compiled(processor, Path("model.xml"), {"NUM_STREAMS": 2}, None) == (Request(processor, chosen), chosen)
    assert sorted(processor.compiled) == ["bf16", "f32"]


def test_a_processor_without_bf16_is_not_asked() -> None:
    processor = Processor({}, capabilities=("FP32",))
    assert compiled(processor, Path("model.xml"), {"NUM_STREAMS": 2}, None)[1] == "f32"
    assert processor.compiled == ["f32"]


def test_a_model_says_what_it_runs_in(model_cache: Path) -> None:
    folder = model_cache / BUNDLED_MODEL
    assert OpenVinoModel(folder, precision="f32").runtime == "OpenVINO f32"
    bf16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert OpenVinoModel(folder).runtime in {"OpenVINO f32", *(["OpenVINO bf16"] if bf16 else [])}
