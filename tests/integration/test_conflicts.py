"""Sources that disagree, over HTTP: the answer says so, quotes both sides, and tells it only to who may read both."""

from typing import Any

import pytest

from tests.system import System

SOURCE = "disagreeing"
QUESTION = "How many days of notice does a visitor of the Tarnow site need?"
TEXT = "A visitor of the Tarnow site needs {} days of notice before a guided tour."


@pytest.fixture(scope="module")
def sent(assistant: System) -> dict[str, dict[str, Any]]:
    """An older text for everyone and a newer one for the guides, by name."""
    texts = {"old": (12, "2023-02-01T08:00:00Z", "everyone"), "new": (5, "2025-02-01T08:00:00Z", "group:guides")}
    return {
        name: assistant.send(
            f"{name}.txt",
            TEXT.format(days).encode(),
            data_source=SOURCE,
            title=f"Visits, {name}",
            modified_at=modified,
            grants=[grant],
        )
        for name, (days, modified, grant) in texts.items()
    }


def answer_of(assistant: System, email: str, *groups: str) -> dict[str, Any]:
    asked = {"question": QUESTION, "filters": {"data_sources": [SOURCE]}}
    response = assistant.person(email, *groups).post("/v1/ask", json=asked)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_the_newer_one_answers_and_the_older_one_is_named(assistant: System, sent: dict[str, dict[str, Any]]) -> None:
    answer = answer_of(assistant, "guide@example.com", "guides")
    first, note = answer["sentences"]
    assert first["citations"][0]["document_id"] == sent["new"]["id"]
    new, old = first["citations"][0]["source"], note["citations"][1]["source"]
    assert note["text"] == f"The sources do not agree: 5 days [{new}]; 12 days [{old}]; [{new}] is the newer one."
    assert [citation["quote"] for citation in note["citations"]] == [TEXT.format(5), TEXT.format(12)]
    assert answer["text"][note["start"] : note["end"]] == note["text"]
    assert answer["conflicts"] == [{"sources": [new, old], "note": note["text"]}]


def test_who_may_not_read_the_newer_one_hears_nothing_of_it(assistant: System, sent: dict[str, dict[str, Any]]) -> None:
    answer = answer_of(assistant, "visitor@example.com")
    assert answer["text"].startswith(TEXT.format(12))
    assert answer["conflicts"] == []
    assert sent["new"]["id"] not in str(answer)
