"""Footnote inside LangChain and LlamaIndex: their own libraries, over HTTP, against a running assistant."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from llama_index.core.base.response.schema import Response
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import MetadataMode

from ingest import langchain_retriever, llama_index_retriever
from ingest.client import Client
from ingest.problems import ProblemError
from retrieval.types import SearchFilters
from tests.system import System

QUERY = "When is the observatory's dome oiled?"
METADATA = {
    "document_id", "version", "title", "url", "data_source", "external_id", "page", "heading_path", "start", "end",
    "score", "modified_at", "superseded_by",
}  # fmt: skip


@dataclass(frozen=True)
class Observatory:
    """Three documents, one of them for the staff alone, and a visitor's client."""

    system: System
    ids: dict[str, str]
    visitor: Client
    staff: Client


@pytest.fixture(scope="module")
def observatory(assistant: System) -> Iterator[Observatory]:
    texts = {
        "dome": ("sky", "everyone", "# Dome\n\nThe observatory's dome is oiled on the first of May."),
        "mirror": ("sky", "everyone", "# Mirror\n\nThe observatory's mirror is cleaned in October."),
        "alarm": ("guards", "group:staff", "# Alarm\n\nThe observatory's dome alarm is oiled with code 4711."),
    }
    ids = {
        name: assistant.send(
            f"{name}.md",
            text.encode(),
            title=name.capitalize(),
            url=f"https://sky.example/{name}",
            data_source=source,
            grants=[grant],
            modified_at="2026-03-01T09:30:00Z",
        )["id"]
        for name, (source, grant, text) in texts.items()
    }
    with (
        client_of(assistant, "visitor@example.com") as visitor,
        client_of(assistant, "guard@example.com", "staff") as staff,
    ):
        yield Observatory(assistant, ids, visitor, staff)


def client_of(assistant: System, email: str, *groups: str) -> Client:
    key = assistant.person(email, *groups).headers["authorization"].removeprefix("Bearer ")
    return Client(assistant.url, key)


def texts_of(observatory: Observatory, metadata: dict[str, Any]) -> str:
    """The words of a passage, by its metadata alone."""
    text = observatory.staff.document_text(metadata["document_id"], version=metadata["version"]).text
    return text[metadata["start"] : metadata["end"]]


def test_langchain_gets_exact_passages_with_all_that_is_known_of_them(observatory: Observatory) -> None:
    documents = langchain_retriever.FootnoteRetriever(client=observatory.visitor, top_k=2).invoke(QUERY)
    assert documents[0].metadata["document_id"] == observatory.ids["dome"]
    assert len(documents) == len({document.id for document in documents}) == 2
    for document in documents:
        assert set(document.metadata) >= METADATA
        assert document.page_content == texts_of(observatory, document.metadata)
    first = documents[0].metadata
    assert (first["title"], first["url"]) == ("Dome", "https://sky.example/dome")
    assert first["modified_at"] == "2026-03-01T09:30:00Z"
    assert [document.metadata["score"] for document in documents] == sorted(
        (document.metadata["score"] for document in documents), reverse=True
    )


def test_langchain_waits_without_holding_up_others_and_finds_the_same(observatory: Observatory) -> None:
    retriever = langchain_retriever.FootnoteRetriever(client=observatory.visitor, top_k=2)

    async def both() -> list[Any]:
        return list(await asyncio.gather(retriever.ainvoke(QUERY), retriever.ainvoke(QUERY)))

    assert asyncio.run(both()) == [retriever.invoke(QUERY)] * 2


def test_a_langchain_chain_reads_what_was_found(observatory: Observatory) -> None:
    def joined(documents: list[Document]) -> str:
        return "\n".join(document.page_content for document in documents)

    chain = langchain_retriever.FootnoteRetriever(client=observatory.visitor, top_k=1) | RunnableLambda(joined)
    assert "first of May" in chain.invoke(QUERY)


def test_llama_index_gets_exact_passages_with_all_that_is_known_of_them(observatory: Observatory) -> None:
    nodes = llama_index_retriever.FootnoteRetriever(observatory.visitor, top_k=2).retrieve(QUERY)
    assert nodes[0].node.ref_doc_id == nodes[0].metadata["document_id"] == observatory.ids["dome"]
    assert len(nodes) == len({node.node_id for node in nodes}) == 2
    for node in nodes:
        assert set(node.metadata) >= METADATA
        assert node.get_content() == texts_of(observatory, node.metadata)
        assert node.score == node.metadata["score"]
    told = nodes[0].get_content(metadata_mode=MetadataMode.LLM)
    assert "title: Dome" in told
    assert observatory.ids["dome"] not in told


def test_llama_index_waits_without_holding_up_others_and_finds_the_same(observatory: Observatory) -> None:
    retriever = llama_index_retriever.FootnoteRetriever(observatory.visitor, top_k=2)

    async def both() -> list[Any]:
        return list(await asyncio.gather(retriever.aretrieve(QUERY), retriever.aretrieve(QUERY)))

    assert asyncio.run(both()) == [retriever.retrieve(QUERY)] * 2


def test_a_llama_index_query_engine_reads_what_was_found(observatory: Observatory) -> None:
    engine = RetrieverQueryEngine(
        llama_index_retriever.FootnoteRetriever(observatory.visitor, top_k=1),
        response_synthesizer=get_response_synthesizer(llm=MockLLM()),
    )
    response = engine.query(QUERY)
    assert isinstance(response, Response)
    assert "first of May" in str(response), "the mock repeats its prompt"
    assert [node.metadata["title"] for node in response.source_nodes] == ["Dome"]


def found(observatory: Observatory, client: Client, library: str, **options: Any) -> set[str]:
    """The ids of the observatory's documents that a retriever of this library finds."""
    if library == "langchain":
        documents = langchain_retriever.FootnoteRetriever(client=client, **options).invoke(QUERY)
        ids = {document.metadata["document_id"] for document in documents}
    else:
        nodes = llama_index_retriever.FootnoteRetriever(client, **options).retrieve(QUERY)
        ids = {node.metadata["document_id"] for node in nodes}
    return {name for name, document_id in observatory.ids.items() if document_id in ids}


@pytest.mark.parametrize("library", ["langchain", "llama_index"])
def test_filters_and_the_number_of_hits_are_the_retrievers(observatory: Observatory, library: str) -> None:
    only_guards = SearchFilters(data_sources=("guards",))
    assert found(observatory, observatory.staff, library, top_k=1) <= {"dome", "alarm"}
    assert found(observatory, observatory.staff, library, filters=only_guards) == {"alarm"}


@pytest.mark.parametrize("library", ["langchain", "llama_index"])
def test_nobody_finds_what_they_may_not_read(observatory: Observatory, library: str) -> None:
    everything = SearchFilters(document_ids=tuple(observatory.ids.values()))
    assert found(observatory, observatory.visitor, library, filters=everything, top_k=50) == {"dome", "mirror"}
    assert found(observatory, observatory.staff, library, filters=everything, top_k=50) == {"dome", "mirror", "alarm"}


@pytest.mark.parametrize("library", ["langchain", "llama_index"])
def test_a_wrong_key_is_the_clients_error(observatory: Observatory, library: str) -> None:
    with Client(observatory.system.url, "fn_wrong") as stranger, pytest.raises(ProblemError) as caught:
        found(observatory, stranger, library)
    assert caught.value.status == 401
