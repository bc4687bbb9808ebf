"""Footnote as a LangChain retriever: the passages that the holder of a key may read, over the public interface.

Knows nothing of answers. LangChain runs the search in a thread where it is awaited.

    FootnoteRetriever(client=Client("http://127.0.0.1:8000", key), top_k=5).invoke("parental leave")
"""

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from ingest.client import Client
from retrieval.types import NO_FILTERS, SearchFilters


class FootnoteRetriever(BaseRetriever):
    """The `top_k` passages nearest to a query, best first, among those that pass `filters`. Safe to use from threads.

    A document's metadata is the hit as the server sent it, times as RFC 3339: document_id, version, title, url, page,
    start, end, score and more; its text is exactly that version's text from start to end. Raises what `Client.search`
    raises.
    """

    client: Client
    top_k: int = Field(default=8, ge=1, le=100)
    filters: SearchFilters = NO_FILTERS

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.client.search(query, top_k=self.top_k, filters=self.filters)
        return [
            Document(hit.text, id=hit.passage_id, metadata=hit.model_dump(mode="json", exclude={"text"}))
            for hit in found.hits
        ]
