"""Dense models: texts -> unit vectors, by OpenVINO where it runs and by sentence-transformers otherwise.

Knows nothing of sparse vectors, chunks or the index. Measured on 2 cores with 237-token texts: OpenVINO bf16 58 texts/s
at cosine .99998 to PyTorch fp32, which makes 20. The runtime is also what keeps PyTorch (400 MB) out of the API and the
worker: the conversion runs once, in a process of its own, and its result is kept.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

_log = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]
BATCH_TOKENS = 8192


class DenseModel(Protocol):
    """Turns texts into vectors of shape (n, dimension), float32, rows of length 1."""

    dimension: int
    max_tokens: int

    def encode(self, texts: Sequence[str]) -> Vectors: ...

    def count_tokens(self, text: str) -> int: ...


class OpenVinoModel:
    """A converted transformer on the CPU, in bf16 where the processor has it. Safe to call from several threads."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        import openvino  # noqa: PLC0415 - a heavy optional engine

        shape = json.loads((folder / "footnote.json").read_text())
        self.dimension: int = shape["dimension"]
        self.max_tokens: int = shape["max_tokens"]
        self._tokenizer = _tokenizer(folder, max_tokens=self.max_tokens)
        self._counter = _tokenizer(folder)
        core = openvino.Core()
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            options["INFERENCE_PRECISION_HINT"] = "bf16"
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._model = core.compile_model(folder / "model.xml", "CPU", options)
        # One request at a time uses all cores already; a second would only wait in the engine instead of here.
        self._lock = Lock()
        self._request = self._model.create_infer_request()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, in their order. Longer texts are cut at `max_tokens`."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        out = np.empty((len(ids), self.dimension), dtype=np.float32)
        for batch in _batches_by_length([len(row) for row in ids]):
            width = max(len(ids[i]) for i in batch)
            tokens = np.zeros((len(batch), width), dtype=np.int64)
            mask = np.zeros_like(tokens)
            for row, i in enumerate(batch):
                tokens[row, : len(ids[i])] = ids[i]
                mask[row, : len(ids[i])] = 1
            with self._lock:
                result = self._request.infer({0: tokens, 1: mask})
                out[batch] = result[0]
        return out

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` without the special ones."""
        return len(self._counter.encode(text, add_special_tokens=False).ids)


class SentenceTransformerModel:
    """The same by sentence-transformers: on a GPU, for models that OpenVINO cannot convert, and as the reference."""

    def __init__(self, model: str, *, device: str | None = None) -> None:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - a heavy optional engine

        self._model = SentenceTransformer(model, device=device)
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.max_tokens = int(self._model.max_seq_length or 512)
        self._lock = Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, in their order."""
        with self._lock:
            rows = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), self.dimension)

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` without the special ones."""
        return len(self._model.tokenizer.encode(text, add_special_tokens=False))


def load_dense_model(model: str, cache: Path, *, threads: int = 0) -> DenseModel:
    """Load `model` (a folder, or a name on the model hub) in the fastest runtime that takes it.

    The converted model is kept in the folder `cache`; of two processes that convert at once the first one's is kept.
    """
    if not (cache / "footnote.json").exists():
        command = [sys.executable, "-m", "retrieval.conversion", model, str(cache)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            _log.warning("%s runs in PyTorch: it was not converted to OpenVINO: %s", model, done.stderr.strip()[-500:])
            return SentenceTransformerModel(model)
    return OpenVinoModel(cache, threads=threads)


def _tokenizer(folder: Path, *, max_tokens: int | None = None) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if max_tokens is not None:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _batches_by_length(lengths: list[int]) -> list[list[int]]:
    """Indices grouped so that texts of like length share a batch of at most BATCH_TOKENS padded tokens."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    batches: list[list[int]] = []
    width = 0
    for index in order:
        if batches and (len(batches[-1]) + 1) * width <= BATCH_TOKENS:
            batches[-1].append(index)
        else:
            batches.append([index])
            width = max(lengths[index], 1)
    return batches
