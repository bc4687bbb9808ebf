"""Dense models: texts -> unit vectors, by OpenVINO where it runs and by sentence-transformers otherwise.

Knows nothing of sparse vectors, chunks or the index; `remote_model.py` asks a server instead. Measured on 2 cores with
AMX and 220-token texts: OpenVINO bf16 60 texts/s at cosine .99998 to PyTorch fp32, which makes 20. The runtime is also
what keeps PyTorch (400 MB) out of the API and the worker: the conversion runs once, in a process of its own, and its
result is kept.
"""

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from retrieval.converted import make
from retrieval.cores import cores
from retrieval.errors import UnavailableError
from retrieval.model_tokenizer import token_counter, tokenizer_of
from retrieval.precision import Formats, Precision
from retrieval.prefixes import NO_PREFIXES, Prefixes, from_prompts, prefixes_of

_log = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]
# Batches of 500 to 8,000 tokens are equally fast, so what counts is how little is padded, 9 % of 64 texts of mixed
# length where it was 50 % with 8,192 tokens a batch, and that the cores end together. A text goes into a batch that is
# at most so much wider.
BATCH_TOKENS = 1024
SMALL_BATCH_TOKENS = 512
LIKE = 0.9
# The engine prepares anew for each width it has not seen, and keeps what it prepared: few widths, flat memory.
WIDTH_STEP = 8
# Each core embeds a batch of its own. Two cores on one batch wait for each other whenever parsers, the API or the index
# server have one of them: `python -m tests.bench.streams`. A slice of 64 passages makes batches for some eight.
MOST_STREAMS = 8
# OpenVINO's Python binding prepares itself in the first inference of a process. Two threads in that at once wait for
# each other for good: one holds the interpreter's lock and waits for what the other prepares, who waits for that lock.
_first_inference = Lock()


class DenseModel(Protocol):
    """Turns texts into vectors of shape (n, dimension), float32, rows of length 1.

    A text is embedded as it is: `prefixes` is what the model says should go before it, and `embedding.py` sees to that.
    `encode` raises UnavailableError where memory does not suffice for a single text, or a server does not answer.
    """

    dimension: int
    max_tokens: int
    prefixes: Prefixes

    def encode(self, texts: Sequence[str]) -> Vectors: ...

    def count_tokens(self, text: str) -> int: ...


class OpenVinoModel:
    """A converted transformer on the CPU, in the format that is fastest here. Safe to call from several threads.

    `prefixes`: what the model says today, where that may differ from what was kept when it was converted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        threads: int = 0,
        precision: Precision | None = None,
        prefixes: Prefixes | None = None,
    ) -> None:
        import openvino  # noqa: PLC0415 - a heavy optional engine

        shape = json.loads((folder / "footnote.json").read_text())
        self.dimension: int = shape["dimension"]
        self.max_tokens: int = shape["max_tokens"]
        self.prefixes = Prefixes(**shape.get("prefixes", {})) if prefixes is None else prefixes
        self._tokenizer = tokenizer_of(folder, max_tokens=self.max_tokens)
        self.count_tokens = token_counter(folder)
        core = openvino.Core()
        threads = threads or cores()
        streams = min(threads, MOST_STREAMS)
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
            # Threads tied to a core wait for it while parsers, the API and the index server have it: a quarter slower.
            "ENABLE_CPU_PINNING": False,
        }
        with _first_inference:
            self._model, precision = Formats(core, folder, options).compiled(precision)
        self.runtime = f"OpenVINO {precision}"
        self._pool = ThreadPoolExecutor(streams, thread_name_prefix="embed")
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(streams):
            self._idle.put(self._model.create_infer_request())
        with _first_inference:
            self._infer([[0]])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, in their order. Longer texts are cut at `max_tokens`."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        out = np.empty((len(ids), self.dimension), dtype=np.float32)

        def embed(batch: Sequence[int]) -> None:
            for part, vectors in halved_when_out_of_memory(batch, lambda part: self._infer([ids[i] for i in part])):
                out[part] = vectors

        batches = batches_by_length([len(row) for row in ids])
        if len(batches) == 1:  # a question is not worth a thread
            embed(batches[0])
        else:
            list(self._pool.map(embed, batches))
        return out

    def _infer(self, rows: Sequence[Sequence[int]]) -> Vectors:
        width = _padded(max(map(len, rows)), self.max_tokens)
        tokens = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for number, row in enumerate(rows):
            tokens[number, : len(row)] = row
            mask[number, : len(row)] = 1
        request = self._idle.get()
        try:
            result: Vectors = request.infer({0: tokens, 1: mask})[0].copy()
        finally:
            self._idle.put(request)
        return result


class SentenceTransformerModel:
    """The same by sentence-transformers: on a GPU, for models that OpenVINO cannot convert, and as the reference."""

    def __init__(self, model: str, *, device: str | None = None) -> None:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - a heavy optional engine

        self._model = SentenceTransformer(model, device=device)
        self.runtime = f"PyTorch {self._model.device.type}"
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.max_tokens = int(self._model.max_seq_length or 512)
        self.prefixes = from_prompts(self._model.prompts, self._model.default_prompt_name)
        self._lock = Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, in their order."""
        out = np.empty((len(texts), self.dimension), dtype=np.float32)
        everything = list(range(len(texts)))
        for part, vectors in halved_when_out_of_memory(everything, lambda part: self._infer([texts[i] for i in part])):
            out[part] = vectors
        return out

    def _infer(self, texts: list[str]) -> Vectors:
        with self._lock:
            # Without `prompt` the model's default one would go before the texts, which have theirs already.
            rows = self._model.encode(texts, prompt="", normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), self.dimension)

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` without the special ones."""
        return len(self._model.tokenizer.encode(text, add_special_tokens=False))


def load_dense_model(model: str, cache: Path, *, threads: int = 0) -> DenseModel:
    """Load `model` (a folder, or a name on the model hub) in the fastest runtime that takes it.

    On a GPU that is PyTorch. The converted model is kept in the folder `cache`; of two processes that convert at once
    the first one's is kept.
    """
    if _has_gpu():
        return SentenceTransformerModel(model)
    if not make(model, cache):
        return SentenceTransformerModel(model)
    try:
        return OpenVinoModel(cache, threads=threads, prefixes=_said(model, cache))
    except (ImportError, RuntimeError) as error:
        _log.warning("%s runs in PyTorch: OpenVINO does not take it: %s", model, error)
        return SentenceTransformerModel(model)


def _said(model: str, cache: Path) -> Prefixes:
    """What the model says of prefixes, also where the conversion is of a release that did not keep that."""
    kept = json.loads((cache / "footnote.json").read_text()).get("prefixes")
    try:
        said = prefixes_of(model, kept)
    except (ValueError, AttributeError):  # a file that is not what it should be, or a name that is none on the hub
        said = None if kept is None else Prefixes(**kept)
    if said is None:
        _log.warning("whether %s wants prefixes is not known: delete %s to have it converted again", model, cache)
    return said or NO_PREFIXES


def halved_when_out_of_memory(
    batch: Sequence[int], run: Callable[[Sequence[int]], Vectors]
) -> list[tuple[Sequence[int], Vectors]]:
    """The vectors of `batch` in as few pieces as memory allows. Raises UnavailableError where it is short for one."""
    if not batch:
        return []
    try:
        return [(batch, run(batch))]
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        if len(batch) == 1:
            raise UnavailableError("There is not enough memory to embed a passage.", code="out_of_memory") from error
    middle = len(batch) // 2
    return [half for part in (batch[:middle], batch[middle:]) for half in halved_when_out_of_memory(part, run)]


def batches_by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Indices grouped so that texts of like length share a batch of at most BATCH_TOKENS padded tokens."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    batches: list[list[int]] = []
    width = 0
    for index in order:
        filled = len(batches[-1]) * width if batches else 0
        like = lengths[index] >= LIKE * width or filled < SMALL_BATCH_TOKENS
        if batches and like and filled + width <= BATCH_TOKENS:
            batches[-1].append(index)
        else:
            batches.append([index])
            width = max(lengths[index], 1)
    return batches


def _padded(length: int, most: int) -> int:
    return min(-(-length // WIDTH_STEP) * WIDTH_STEP, max(most, length))


def _is_out_of_memory(error: Exception) -> bool:
    """PyTorch has a class of its own, a RuntimeError, for a GPU; the engines only say it in words."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "bad_alloc" in said or "allocat" in said


def _has_gpu() -> bool:
    """Whether PyTorch has one to use, found out without importing it where there is none: that alone takes 200 MB."""
    try:
        built = version("torch")
    except PackageNotFoundError:
        return False
    devices = (Path("/dev/nvidia0"), Path("/dev/kfd"))
    if built.endswith("+cpu") or not any(device.exists() for device in devices):
        return False
    import torch  # noqa: PLC0415 - a heavy optional engine

    return bool(torch.cuda.is_available())
