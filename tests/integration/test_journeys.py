"""A document's journey and a question's, over HTTP, with every part a real process, in both sizes."""

import json
from typing import Any

import httpx
import pytest

from services.embedded.index.collection import ENGINE
from tests.system import System, upload

POLICY = b"""# Remote work

## Days
Employees may work remotely up to three days a week. The team agrees on the days.

## Equipment
The company lends a laptop and a headset. A chair is paid for once, up to 250 euros.
"""

HIT = (
    "document_id version title url data_source external_id page heading_path start end text modified_at superseded_by "
    "score"
).split()
SPAN = ("document_id", "version", "title", "page", "start", "end", "score")


def events(response: httpx.Response) -> list[tuple[str, Any]]:
    blocks = [block.split("\n") for block in response.text.strip().split("\n\n")]
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in blocks]


@pytest.fixture(scope="module")
def policy(assistant: System) -> dict[str, Any]:
    return assistant.send("remote.md", POLICY, title="Remote work policy", grants=["everyone"])


def test_a_sent_document_becomes_ready_with_its_title_and_chunks(policy: dict[str, Any]) -> None:
    assert (policy["state"], policy["version"], policy["media_type"]) == ("ready", 1, "text/markdown")
    assert policy["chunks"] > 0
    assert policy["ready_at"] is not None


def test_the_same_file_again_is_unchanged(assistant: System, policy: dict[str, Any]) -> None:
    again = upload(assistant.admin, "remote.md", POLICY, title="Remote work policy", grants=["everyone"])
    assert (again.status_code, again.json()["version"]) == (200, 1)


def test_search_finds_the_passage_with_exact_offsets(assistant: System, policy: dict[str, Any]) -> None:
    found = assistant.admin.post("/v1/search", json={"query": "how many days from home", "top_k": 3}).json()
    hit = found["hits"][0]
    text = assistant.admin.get(f"/v1/documents/{policy['id']}/text").json()["text"]
    assert hit["document_id"] == policy["id"]
    assert hit["text"] == text[hit["start"] : hit["end"]]


def test_a_search_explains_itself_only_when_asked(assistant: System, policy: dict[str, Any]) -> None:
    query = {"query": "how many days from home", "top_k": 3}
    plain = assistant.admin.post("/v1/search", json=query).json()
    explained = assistant.admin.post("/v1/search", json={**query, "explain": True}).json()
    assert set(plain) == {"hits", "took_ms"}
    assert set(plain["hits"][0]) == set(HIT), "what is null is there"
    assert explained["hits"] == plain["hits"]
    explanation = explained["explain"]
    assert (explanation["recorded"], explanation["query"], explanation["answer"]) == (True, query["query"], None)
    assert {"embed", "search", "check"} <= set(explanation["timings_ms"])
    assert explanation["dropped"] >= 0
    for hit, place in zip(plain["hits"], explanation["hits"], strict=True):
        assert {name: place[name] for name in SPAN} == {name: hit[name] for name in SPAN}
        assert place["fused_rank"] >= 1
        assert place["dense_rank"] or place["sparse_rank"]
        assert "sparse_score" not in place, "BM25's weights count what others may read"


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_explained_by_the_search_that_it_was_made_of(
    assistant: System, policy: dict[str, Any], stream: bool
) -> None:
    asked = {"question": "How many days a week may I work remotely?", "stream": stream}
    response = assistant.admin.post("/v1/ask", json=asked)
    answer = events(response)[-1][1] if stream else response.json()
    assert "explanation" not in answer
    explanation = assistant.admin.get(f"/v1/answers/{answer['id']}/explain").json()
    assert explanation["query"] == asked["question"]
    assert [[place[name] for name in SPAN if name != "score"] for place in explanation["hits"]] == [
        [source[name] for name in SPAN if name != "score"] for source in answer["sources"]
    ]
    decision = explanation["answer"]
    assert (decision["outcome"], decision["mode"], decision["refusal"]) == ("answered", "extractive", None)
    assert decision["sufficiency"] >= decision["threshold"] > 0
    assert (decision["usage"], decision["timings_ms"]) == (answer["usage"], answer["timings_ms"])


def test_a_refusal_is_explained_with_all_its_hits(assistant: System, policy: dict[str, Any]) -> None:
    question = "What is the boiling point of tungsten hexafluoride?"
    answer = assistant.admin.post("/v1/ask", json={"question": question}).json()
    explanation = assistant.admin.get(f"/v1/answers/{answer['id']}/explain").json()
    decision = explanation["answer"]
    assert (decision["outcome"], decision["refusal"]) == ("refused", "no_evidence")
    assert decision["sufficiency"] < decision["threshold"]
    assert len(explanation["hits"]) >= len(answer["refusal"]["closest"]) > 0


def test_an_answer_cites_the_exact_words(assistant: System, policy: dict[str, Any]) -> None:
    answer = assistant.admin.post("/v1/ask", json={"question": "How many days a week may I work remotely?"}).json()
    assert (answer["outcome"], answer["mode"]) == ("answered", "extractive")
    assert "three days" in answer["text"]
    for sentence in answer["sentences"]:
        assert answer["text"][sentence["start"] : sentence["end"]] == sentence["text"]
        for citation in sentence["citations"]:
            where = f"/v1/documents/{citation['document_id']}/text"
            text = assistant.admin.get(where, params={"version": citation["version"]}).json()["text"]
            assert citation["quote"] == text[citation["start"] : citation["end"]]


def test_a_stream_is_sources_then_sentences_then_one_done(assistant: System, policy: dict[str, Any]) -> None:
    asked = {"question": "How much does the company pay for a chair?", "stream": True}
    response = assistant.admin.post("/v1/ask", json=asked)
    assert response.headers["content-type"].startswith("text/event-stream")
    seen = events(response)
    names = [name for name, _ in seen]
    assert names[0] == "sources"
    assert names[-1] == "done"
    assert names.count("done") + names.count("error") == 1
    answer = seen[-1][1]
    assert "".join(data["delta"] for name, data in seen if name == "text") == answer["text"]
    assert [data for name, data in seen if name == "sentence"] == answer["sentences"]


def test_a_question_about_nothing_here_is_refused_with_the_closest_passages(
    assistant: System, policy: dict[str, Any]
) -> None:
    question = "What is the boiling point of tungsten hexafluoride?"
    answer = assistant.admin.post("/v1/ask", json={"question": question}).json()
    assert answer["outcome"] == "refused"
    assert answer["refusal"]["reason"] == "no_evidence"
    assert answer["sentences"] == []


def test_a_conversation_keeps_its_turns_and_is_nobody_elses(assistant: System, policy: dict[str, Any]) -> None:
    first = assistant.admin.post("/v1/ask", json={"question": "How many days a week may I work remotely?"}).json()
    where = f"/v1/conversations/{first['conversation_id']}"
    again = {"question": "And who agrees on them?", "conversation_id": first["conversation_id"]}
    assert assistant.admin.post("/v1/ask", json=again).status_code == 200
    messages = assistant.admin.get(f"{where}/messages").json()["items"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert messages[1]["answer"]["text"] == first["text"]
    assert assistant.admin.patch(where, json={"title": "Home office"}).json()["title"] == "Home office"
    stranger = assistant.person("stranger@example.com")
    assert stranger.get(f"{where}/messages").status_code == 404
    assert stranger.post("/v1/ask", json=again).status_code == 404
    assert assistant.admin.post(f"/v1/answers/{first['id']}/feedback", json={"rating": "up"}).status_code == 204
    assert stranger.post(f"/v1/answers/{first['id']}/feedback", json={"rating": "up"}).status_code == 404
    assert assistant.admin.delete(where).status_code == 204
    assert assistant.admin.get(where).status_code == 404


def test_an_update_replaces_the_old_words(assistant: System) -> None:
    first = assistant.send("menu.txt", b"The canteen serves lasagne on Mondays.", grants=["everyone"])
    second = assistant.send("menu.txt", b"The canteen serves ramen on Mondays.", grants=["everyone"])
    assert (second["id"], second["version"]) == (first["id"], 2)
    hits = assistant.admin.post("/v1/search", json={"query": "canteen on Mondays"}).json()["hits"]
    texts = [hit["text"] for hit in hits if hit["document_id"] == first["id"]]
    assert texts
    assert all("ramen" in text and "lasagne" not in text for text in texts)


def test_grants_change_who_finds_a_document_without_ingesting_it_again(assistant: System) -> None:
    document = assistant.send("bonus.txt", b"The bonus pool is called Albatross.", grants=["group:finance"])
    eve = assistant.person("eve@example.com", "sales")
    query = {"query": "name of the bonus pool"}

    def found() -> bool:
        hits = eve.post("/v1/search", json=query).json()["hits"]
        return any(hit["document_id"] == document["id"] for hit in hits)

    assert not found()
    changed = assistant.admin.put(f"/v1/documents/{document['id']}/grants", json={"grants": ["group:sales"]})
    assert changed.json()["grants"] == ["group:sales"]
    eventually(found)
    assistant.admin.put(f"/v1/documents/{document['id']}/grants", json={"grants": ["group:finance"]})
    assert not found()  # a revocation does not wait for the index


def test_a_deleted_document_is_gone_from_the_next_request_on(assistant: System) -> None:
    document = assistant.send("parking.txt", b"Parking permits are issued by Ms Quill.", grants=["everyone"])
    assert assistant.admin.delete(f"/v1/documents/{document['id']}").status_code == 204
    assert assistant.admin.get(f"/v1/documents/{document['id']}").status_code == 404
    assert assistant.admin.get(f"/v1/documents/{document['id']}/text").status_code == 404
    hits = assistant.admin.post("/v1/search", json={"query": "parking permits"}).json()["hits"]
    assert all(hit["document_id"] != document["id"] for hit in hits)


def test_the_original_comes_back_byte_for_byte_and_never_as_a_page(assistant: System) -> None:
    page = b"<html><body><h1>Rules</h1><p>Keep the doors closed at night.</p><script>alert(1)</script></body></html>"
    document = assistant.send("rules.html", page, grants=["everyone"])
    response = assistant.admin.get(f"/v1/documents/{document['id']}/file")
    assert response.content == page
    assert response.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in response.headers["content-security-policy"]


def test_filters_narrow_and_unknown_ones_are_refused(assistant: System, policy: dict[str, Any]) -> None:
    query = {"query": "remote days", "filters": {"document_ids": [policy["id"]]}}
    hits = assistant.admin.post("/v1/search", json=query).json()["hits"]
    assert {hit["document_id"] for hit in hits} == {policy["id"]}
    nothing = {"query": "remote days", "filters": {"data_sources": ["nowhere"]}}
    assert assistant.admin.post("/v1/search", json=nothing).json()["hits"] == []
    bad = assistant.admin.post("/v1/search", json={"query": "x", "filters": {"must": []}})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_filter")
    backwards = {"modified_after": "2026-01-02T00:00:00Z", "modified_before": "2026-01-01T00:00:00Z"}
    bad = assistant.admin.post("/v1/search", json={"query": "x", "filters": backwards})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_filter")


def test_the_operators_status_counts_what_is_there(assistant: System, policy: dict[str, Any]) -> None:
    status = assistant.admin.get("/v1/admin/status").json()
    assert status["documents"]["ready"] >= 1
    assert status["index"]["chunks"] >= 1
    assert status["index"]["engine"].startswith(ENGINE)
    assert (status["parts"]["database"], status["parts"]["index"], status["parts"]["broker"]) == ("up", "up", "up")


def eventually(condition: Any, seconds: float = 30.0) -> None:
    import time  # noqa: PLC0415

    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
