"""Vectors of the sentences met last, so that a passage that many ask about is embedded once.

Knows nothing of models. The evidence check, the extractive answer and the support check embed the same sentences of the
same passages, again with every question that finds them.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from threading import Lock

import numpy as np

from retrieval.dense import Vectors

# Some 30 MB with 384 dimensions: the sentences of 1,500 passages.
MOST = 16_384


class KnownVectors:
    """Asks `embed` for the vectors of texts that are not known, and keeps the `most` that were asked for last.

    Two threads that miss the same text both embed it. Raises what `embed` raises; nothing is kept of such a call.
    """

    def __init__(self, embed: Callable[[Sequence[str]], Vectors], *, most: int = MOST) -> None:
        self._embed = embed
        self._most = most
        self._rows: OrderedDict[bytes, Vectors] = OrderedDict()
        self._lock = Lock()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, at least one, in their order."""
        keys = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        rows = self._known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in rows}
        if missing:
            # Copies: a row of the whole batch's array would keep all of it.
            made = dict(zip(missing, map(np.copy, self._embed(list(missing.values()))), strict=True))
            self._keep(made)
            rows |= made
        return np.stack([rows[key] for key in keys])

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        with self._lock:
            found = {key: self._rows[key] for key in keys if key in self._rows}
            for key in found:
                self._rows.move_to_end(key)
        return found

    def _keep(self, made: dict[bytes, Vectors]) -> None:
        with self._lock:
            self._rows |= made
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)
