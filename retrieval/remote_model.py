"""A dense model behind an OpenAI-compatible server (`POST …/embeddings`), such as vLLM or Text Embeddings Inference.

Knows nothing of what is embedded, or why. What the server sends is checked by form here and by value in
`embedding.py`: nothing that is not a vector of the model's dimension gets further.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import numpy as np

from retrieval.dense import Vectors
from retrieval.errors import EmbeddingError, UnavailableError
from retrieval.prefixes import NO_PREFIXES

BATCH = 64
ATTEMPTS = 3
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
# The request itself is at fault: a text too long, or too many at once.
_REFUSED = frozenset({400, 413, 422})


class RemoteModel:
    """`model` as the server at `url` (ending in /v1) names it. The dimension is what a first request finds.

    `count_tokens` is that of a tokenizer near to the model's own, which no such server offers; nor does it say what its
    model wants before a text. Raises UnavailableError where the server does not answer, is busy after three attempts,
    or answers in another form.
    """

    prefixes = NO_PREFIXES

    def __init__(
        self,
        url: str,
        model: str,
        *,
        count_tokens: Callable[[str], int],
        max_tokens: int,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(120.0, connect=5.0)
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/", headers=headers, transport=transport, timeout=timeout)
        self._name = model
        self._sleep = sleep
        self.max_tokens = max_tokens
        self.count_tokens = count_tokens
        self.dimension = self._batch(["A short sentence."]).shape[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, in their order. Raises EmbeddingError for a text that the server refuses."""
        out = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), BATCH):
            rows = self._halved(list(texts[start : start + BATCH]))
            if rows.shape[1] != self.dimension:
                raise _unexpected(f"vectors of {rows.shape[1]} numbers instead of {self.dimension}")
            out[start : start + BATCH] = rows
        return out

    def _halved(self, texts: list[str]) -> Vectors:
        """A batch that is too large for the server is sent in halves."""
        try:
            return self._batch(texts)
        except EmbeddingError:
            if len(texts) == 1:
                raise
        middle = len(texts) // 2
        return np.concatenate([self._halved(texts[:middle]), self._halved(texts[middle:])])

    def _batch(self, texts: list[str]) -> Vectors:
        body = {"model": self._name, "input": texts, "encoding_format": "float"}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._http.post("embeddings", json=body)
            except httpx.HTTPError as error:
                if attempt == ATTEMPTS:
                    raise _down("does not answer") from error
            else:
                if response.is_success:
                    return _vectors(response, len(texts))
                _refuse(response)
                if attempt == ATTEMPTS:
                    raise _down(f"is busy or at fault (status {response.status_code})")
            self._sleep(min(FIRST_PAUSE_S * 2 ** (attempt - 1), LONGEST_PAUSE_S))
        raise AssertionError("unreachable")


def _refuse(response: httpx.Response) -> None:
    """Raise for a status that a repetition would not change."""
    if response.status_code in _REFUSED:
        raise EmbeddingError("The embedding server refuses a passage. Is it longer than its model reads?")
    if response.status_code not in _BUSY:
        raise _down(f"refuses (status {response.status_code}): check its address, key and model name")


def _vectors(response: httpx.Response, expected: int) -> Vectors:
    """The answer's vectors in the order of the texts, of length 1."""
    try:
        data: list[dict[str, Any]] = sorted(response.json()["data"], key=lambda item: int(item["index"]))
        rows = np.asarray([item["embedding"] for item in data], dtype=np.float32)
    except (ValueError, KeyError, TypeError) as error:
        raise _unexpected("something else than vectors") from error
    if rows.ndim != 2 or len(rows) != expected or [int(item["index"]) for item in data] != list(range(expected)):
        raise _unexpected(f"{len(rows)} vectors for {expected} texts")
    with np.errstate(divide="ignore", invalid="ignore"):  # not-a-number and nought: `embedding.py` refuses them
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _down(what: str) -> UnavailableError:
    return UnavailableError(f"The embedding server {what}.", code="embedding_unavailable")


def _unexpected(what: str) -> UnavailableError:
    return UnavailableError(f"The embedding server sends {what}.", code="embedding_unexpected")
