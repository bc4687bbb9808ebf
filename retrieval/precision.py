"""Which number format a transformer runs fastest in on this processor, found out by running it in each.

Knows nothing of texts or vectors' meaning. What a processor says of itself does not tell: one with AMX is far
faster in bf16, one that has only AVX-512's bf16 instructions a third slower (27 texts/s against 40 in f32). What was
found is kept beside the model, for this kind of processor, so that all processes of a machine run the same.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import process_time
from typing import Any, Literal, get_args

import numpy as np

# Before the stroke what weights are multiplied in, behind it what everything else is in.
Precision = Literal["f32", "bf16", "int8/f32", "int8/bf16"]
# Of the formats in bytes: how many numbers share a scale (`quantizing.py`).
GROUP = 64
# The length of the text that is run: some 20 ms on one core, where a stream has one.
TOKENS = 128
# In turns, and the fastest of each counts: what else the machine does, it does to both.
ROUNDS = 5
# How much faster than the format nearer to the original's another has to be: the machine's noise is less.
WORTHWHILE = 1.15
_CPU_INFO = Path("/proc/cpuinfo")
_log = logging.getLogger(__name__)


class Formats:
    """A converted model, and its graph in bytes where there is one, to be compiled with these OpenVINO `options`."""

    def __init__(self, core: Any, folder: Path, options: Mapping[str, Any]) -> None:
        self._core = core
        self._folder = folder
        self._options = options
        self._in_bytes = folder / "int8.xml"

    def compiled(self, precision: Precision | None = None) -> tuple[Any, Precision]:
        """The model (ids and mask in, both int64) and its precision: where none is given, the fastest here.

        Raises RuntimeError where OpenVINO does not take the model.
        """
        if precision is not None:
            return self._in(precision), precision
        place = self._folder / f"fastest-{self._circumstances()}.json"
        kept = _kept(place)
        if kept is not None:
            with suppress(RuntimeError):  # it was found, and its graph is damaged since
                return self._in(kept), kept
        model, precision = self._fastest()
        kept = _keep(place, precision, seen=kept)
        return (model, precision) if kept == precision else (self._in(kept), kept)

    def _fastest(self) -> tuple[Any, Precision]:
        best: tuple[Any, Precision] = (self._in("f32"), "f32")
        if has_bf16(self._core):
            best = _faster(best, (self._in("bf16"), "bf16"))
        if self._in_bytes.exists():
            precision: Precision = "int8/bf16" if best[1] == "bf16" else "int8/f32"
            try:
                best = _faster(best, (self._in(precision), precision))
            except RuntimeError as error:
                _log.warning("%s is of no use. Delete int8.* there to have it made anew. %s", self._in_bytes, error)
        return best

    def _in(self, precision: Precision) -> Any:
        weights, _, rest = precision.rpartition("/")
        options = {**self._options, "INFERENCE_PRECISION_HINT": rest}
        if weights:
            options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = GROUP
        return self._core.compile_model(self._in_bytes if weights else self._folder / "model.xml", "CPU", options)

    def _circumstances(self) -> str:
        """What the fastest format depends on: the processor, OpenVINO, and whether there is a graph in bytes."""
        asked = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
        device = [str(self._core.get_property("CPU", name)) for name in asked]
        # Virtual machines give processors of several generations one name. Only the instructions tell them apart.
        with suppress(OSError):
            flags = {line for line in _CPU_INFO.read_text().splitlines() if line.startswith(("flags", "Features"))}
            device += sorted(flags)
        version = self._core.get_versions("CPU")["CPU"].build_number
        known = [*device, version, str(self._in_bytes.exists())]
        return hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]


def has_bf16(core: Any) -> bool:
    """Whether OpenVINO runs bf16 on this processor, be it fast or slow."""
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _kept(place: Path) -> Precision | None:
    """What an earlier process found out; None where none has, or what it left is not readable."""
    with suppress(OSError, ValueError):
        said = json.loads(place.read_text())
        return next((known for known in get_args(Precision) if known == said), None)
    return None


def _keep(place: Path, precision: Precision, *, seen: Precision | None) -> Precision:
    """What counts from now on: this, or what another process kept since `seen` was kept."""
    with suppress(OSError):  # the folder need not be ours to write
        try:
            with place.open("x") as file:
                json.dump(precision, file)
        except FileExistsError:
            kept = _kept(place)
            if kept is not None and kept != seen:
                return kept
            place.write_text(json.dumps(precision))  # what is there is not readable, or was of no use
    return precision


def _faster(plain: tuple[Any, Precision], other: tuple[Any, Precision]) -> tuple[Any, Precision]:
    """`other` where it is worth not being `plain`, of two compiled models."""
    seconds = _seconds([plain[0].create_infer_request(), other[0].create_infer_request()])
    return other if seconds[0] >= WORTHWHILE * seconds[1] else plain


def _seconds(requests: Sequence[Any]) -> list[float]:
    """The fastest run of each, behind one that warms it up. Processor time: what others have of it does not count."""
    tokens = np.ones((1, TOKENS), dtype=np.int64)
    seconds: list[list[float]] = [[] for _ in requests]
    for _ in range(1 + ROUNDS):
        for taken, request in zip(seconds, requests, strict=True):
            began = process_time()
            request.infer({0: tokens, 1: tokens})
            taken.append(process_time() - began)
    return [min(taken[1:]) for taken in seconds]
