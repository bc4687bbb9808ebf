"""What others make of the same files and chunks with the same model and index: LlamaIndex and LangChain.

Both as their own guides write it, with their defaults; only the vector has a name, which the embedded index server
wants. PyTorch on the CPU embeds in both, as it does by default.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_qdrant import QdrantVectorStore as LangChainStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.qdrant import QdrantVectorStore as LlamaIndexStore
from qdrant_client import QdrantClient, models
from sentence_transformers import SentenceTransformer

DENSE = "dense"
DIMENSION = 384


class LlamaIndex:
    """`IngestionPipeline(SentenceSplitter, HuggingFaceEmbedding, QdrantVectorStore).run(documents)`."""

    def __init__(self, model: Path, index_url: str) -> None:
        self._embedding = HuggingFaceEmbedding(model_name=str(model), device="cpu")
        self._client = QdrantClient(url=index_url, check_compatibility=False)

    def ingest(self, files: Sequence[Path]) -> int:
        """Returns how many chunks it made."""
        name = _collection(self._client)
        store = LlamaIndexStore(client=self._client, collection_name=name, dense_vector_name=DENSE)
        pipeline = IngestionPipeline(transformations=[SentenceSplitter(), self._embedding], vector_store=store)
        documents = SimpleDirectoryReader(input_files=[str(file) for file in files]).load_data()
        return len(pipeline.run(documents=documents))

    def retriever(self, collection: str, allowed: models.Filter, top_k: int) -> Callable[[str], int]:
        """A search of chunks that are there; it returns how many it found."""
        store = LlamaIndexStore(client=self._client, collection_name=collection, dense_vector_name=DENSE)
        index = VectorStoreIndex.from_vector_store(store, embed_model=self._embedding)
        filtered = {"qdrant_filters": allowed}
        retriever = index.as_retriever(similarity_top_k=top_k, vector_store_kwargs=filtered)
        return lambda query: len(retriever.retrieve(query))


class LangChain:
    """Read, split, `add_documents`, file by file."""

    def __init__(self, model: Path, index_url: str) -> None:
        self._embedding = _SentenceTransformer(model)
        self._client = QdrantClient(url=index_url, check_compatibility=False)
        self._splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)

    def ingest(self, files: Sequence[Path]) -> int:
        """Returns how many chunks it made."""
        name = _collection(self._client)
        store = LangChainStore(client=self._client, collection_name=name, embedding=self._embedding, vector_name=DENSE)
        made = 0
        for file in files:
            whole = LangChainDocument(file.read_text(encoding="utf-8"), metadata={"source": str(file)})
            made += len(store.add_documents(self._splitter.split_documents([whole])))
        return made

    def retriever(self, collection: str, allowed: models.Filter, top_k: int) -> Callable[[str], int]:
        """A search of chunks that are there; it returns how many it found."""
        store = LangChainStore(
            client=self._client,
            collection_name=collection,
            embedding=self._embedding,
            vector_name=DENSE,
            content_payload_key="text",
            validate_collection_config=False,
        )
        retriever = store.as_retriever(search_kwargs={"k": top_k, "filter": allowed})
        return lambda query: len(retriever.invoke(query))


def _collection(client: QdrantClient) -> str:
    name = f"peer-{uuid4()}"
    size = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
    client.create_collection(name, vectors_config={DENSE: size})
    return name


class _SentenceTransformer(Embeddings):
    """What `langchain-huggingface` does; that package holds huggingface_hub back a major version."""

    def __init__(self, model: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._model = SentenceTransformer(str(model), device="cpu")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self._model.encode(texts, show_progress_bar=False).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
