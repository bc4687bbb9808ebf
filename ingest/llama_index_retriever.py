"""Footnote as a LlamaIndex retriever: the passages that the holder of a key may read, over the public interface.

Knows nothing of answers.

    FootnoteRetriever(Client("http://127.0.0.1:8000", key), top_k=5).retrieve("parental leave")
"""

import asyncio

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode

from ingest.client import Client
from ingest.resources import SearchHit
from retrieval.types import NO_FILTERS, SearchFilters

# What a model is told of a passage beside its text. The rest is for programs.
_TOLD = frozenset({"title", "page"})


class FootnoteRetriever(BaseRetriever):
    """The `top_k` passages nearest to a query, best first, among those that pass `filters`. Safe to use from threads.

    A node's metadata is the hit as the server sent it, times as RFC 3339: document_id, version, title, url, page,
    start, end, score and more; its text is exactly that version's text from start to end. Raises what `Client.search`
    raises.
    """

    def __init__(
        self,
        client: Client,
        *,
        top_k: int = 8,
        filters: SearchFilters = NO_FILTERS,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self.client = client
        self.top_k = top_k
        self.filters = filters
        super().__init__(callback_manager=callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self.client.search(query_bundle.query_str, top_k=self.top_k, filters=self.filters)
        return [NodeWithScore(node=_node(hit), score=hit.score) for hit in found.hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        # LlamaIndex's own would hold up the event loop for as long as the server takes.
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(hit: SearchHit) -> TextNode:
    metadata = hit.model_dump(mode="json", exclude={"text"})
    return TextNode(
        id_=hit.passage_id,
        text=hit.text,
        start_char_idx=hit.start,
        end_char_idx=hit.end,
        metadata=metadata,
        excluded_embed_metadata_keys=list(metadata),
        excluded_llm_metadata_keys=sorted(metadata.keys() - _TOLD),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.document_id)},
    )
