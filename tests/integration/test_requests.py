"""Requests that leave out what they may, and such as no answer begins for."""

import pytest

from tests.integration.test_bad_input import problem
from tests.system import System

IMPOSSIBLE = {"modified_after": "2025-02-01T00:00:00Z", "modified_before": "2025-01-01T00:00:00Z"}


@pytest.mark.parametrize("question", ["How?", "Who winds the clock in the hall?"])
@pytest.mark.parametrize("stream", [False, True])
def test_filters_that_cannot_be_right_are_refused_before_an_answer_begins(
    assistant: System, stream: bool, question: str
) -> None:
    asked = {"question": question, "filters": IMPOSSIBLE, "stream": stream}
    assert problem(assistant.admin.post("/v1/ask", json=asked)) == (422, "invalid_filter")
    said = {"model": "footnote", "messages": [{"role": "user", "content": question}], "stream": stream}
    completion = assistant.admin.post("/v1/chat/completions", json={**said, "footnote": {"filters": IMPOSSIBLE}})
    assert (completion.status_code, completion.json()["error"]["code"]) == (400, "invalid_filter")


@pytest.mark.parametrize("length", [81, 200])
def test_a_title_is_kept_whole(assistant: System, length: int) -> None:
    title = "é" * length
    chat = assistant.admin.post("/v1/conversations", json={"title": title}).json()
    assert chat["title"] == title
    renamed = assistant.admin.patch(f"/v1/conversations/{chat['id']}", json={"title": title[::-1] + "  "}).json()
    assert renamed["title"] == title
    assert problem(assistant.admin.post("/v1/conversations", json={"title": "x" * 201})) == (422, "invalid_input")


def test_a_body_of_which_nothing_has_to_be_said_can_be_left_out(assistant: System) -> None:
    for headers in ({}, {"Content-Type": "application/json"}):
        assert assistant.admin.post("/v1/conversations", headers=headers).status_code == 201
        assert problem(assistant.admin.post("/v1/data-sources/none/sync", headers=headers))[0] == 404
    assert problem(assistant.admin.post("/v1/ask")) == (422, "invalid_input")
