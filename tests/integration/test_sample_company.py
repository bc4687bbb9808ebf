"""The sample company, sent and asked over HTTP as its people would: every quote is the document's own words."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.embedded.sample import load_sample
from tests.system import System

CORPUS = Path(__file__).parents[1] / "corpus"
QUESTIONS: list[dict[str, Any]] = [json.loads(line) for line in (CORPUS / "questions.jsonl").read_text().splitlines()]
DOCUMENTS = len(json.loads((CORPUS / "manifest.json").read_text()))


@pytest.fixture(scope="module")
def company(assistant: System) -> System:
    key = assistant.admin.headers["authorization"].removeprefix("Bearer ")
    assert load_sample(assistant.url, key) == DOCUMENTS
    return assistant


def asker(company: System, grants: list[str]) -> httpx.Client:
    groups = sorted(grant.removeprefix("group:") for grant in grants if grant.startswith("group:"))
    return company.person(f"{'-'.join(groups) or 'staff'}@larkmoor.example", *groups)


def ask(company: System, question: dict[str, Any]) -> dict[str, Any]:
    client = asker(company, question["grants"])
    conversation = None
    for turn in question.get("history", []):
        if turn["role"] == "user":
            earlier = client.post("/v1/ask", json={"question": turn["content"], "conversation_id": conversation})
            conversation = earlier.json()["conversation_id"]
    asked = {"question": question["question"], "conversation_id": conversation}
    response = client.post("/v1/ask", json=asked)
    assert response.status_code == 200, response.text
    return dict(response.json(), client=client)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: str(question["question"])[:50])
def test_every_quote_is_exactly_the_text_of_its_version(company: System, question: dict[str, Any]) -> None:
    answer = ask(company, question)
    sources = {source["number"]: source for source in answer["sources"]}
    for sentence in answer["sentences"]:
        assert answer["text"][sentence["start"] : sentence["end"]] == sentence["text"]
        for citation in sentence["citations"]:
            assert citation["source"] in sources, "a dangling citation"
            assert citation["document_id"] == sources[citation["source"]]["document_id"]
            where = f"/v1/documents/{citation['document_id']}/text"
            text = answer["client"].get(where, params={"version": citation["version"]}).json()["text"]
            assert citation["quote"] == text[citation["start"] : citation["end"]]
    shown = {source["external_id"] for source in answer["sources"]}
    if answer["refusal"]:
        shown |= {source["external_id"] for source in answer["refusal"]["closest"]}
    assert not shown.intersection(question.get("forbidden_documents", []))


def test_the_policy_in_force_is_found_and_the_old_one_as_of_its_time(company: System) -> None:
    client = asker(company, ["everyone"])
    query = {"query": "weeks of parental leave", "top_k": 20}
    now = {hit["external_id"] for hit in client.post("/v1/search", json=query).json()["hits"]}
    then_query = query | {"filters": {"as_of": "2025-03-01T00:00:00Z"}}
    then = {hit["external_id"] for hit in client.post("/v1/search", json=then_query).json()["hits"]}
    new, old = "parental-leave-policy-2026.pdf", "parental-leave-policy-2024.docx"
    assert (new in now, old in now) == (True, False)
    assert (new in then, old in then) == (False, True)


def test_a_question_about_then_is_answered_from_what_was_in_force_then(company: System) -> None:
    client = asker(company, ["everyone"])
    question = {"question": "How many weeks on full pay does the second parent get?"}
    now = client.post("/v1/ask", json=question).json()
    then = client.post("/v1/ask", json=question | {"filters": {"as_of": "2025-10-15T00:00:00Z"}}).json()
    new, old = "parental-leave-policy-2026.pdf", "parental-leave-policy-2024.docx"
    cited_now, cited_then = ({source["external_id"] for source in answer["sources"]} for answer in (now, then))
    assert (new in cited_now, old in cited_now) == (True, False)
    assert (new in cited_then, old in cited_then) == (False, True)
    assert {source["superseded_by"] for source in then["sources"]} == {None}, "nothing superseded it by then"
