"""Editions of a text over HTTP, in both sizes: which is shown when, what says so, and filters that cannot be meant."""

from typing import Any

import pytest

from tests.system import System, upload

SOURCE = "in-force"
RULE = "Bicycles are kept in the {} shed of the Zwickau depot."


@pytest.fixture(scope="module")
def editions(assistant: System) -> dict[str, dict[str, Any]]:
    """One that ended, one without an end, and the one that says that it supersedes that, by name."""
    said: dict[str, dict[str, Any]] = {
        "red": {"effective_from": "2022-01-01T00:00:00Z", "effective_until": "2023-01-01T00:00:00Z"},
        "green": {"effective_from": "2023-01-01T00:00:00Z", "modified_at": "2022-12-01T08:00:00Z"},
        "blue": {"effective_from": "2024-01-01T00:00:00+01:00", "modified_at": "2023-12-01T08:00:00Z"},
    }
    said["blue"]["supersedes"] = ["green.txt", {"data_source": "elsewhere", "external_id": "not yet there"}]
    return {
        colour: assistant.send(
            f"{colour}.txt",
            RULE.format(colour).encode(),
            data_source=SOURCE,
            title=f"Rules on {colour}",
            grants=["everyone"],
            **more,
        )
        for colour, more in said.items()
    }


def found(assistant: System, **filters: Any) -> dict[str, str | None]:
    """The shed of each hit, and by what it is superseded."""
    asked = {"query": "where are bicycles kept in Zwickau", "filters": {"data_sources": [SOURCE], **filters}}
    response = assistant.admin.post("/v1/search", json=asked)
    assert response.status_code == 200, response.text
    return {hit["external_id"].removesuffix(".txt"): hit["superseded_by"] for hit in response.json()["hits"]}


def test_what_is_in_force_is_found_and_says_what_superseded_it(
    assistant: System, editions: dict[str, dict[str, Any]]
) -> None:
    blue = editions["blue"]["id"]
    assert found(assistant) == {"green": blue, "blue": None}
    assert found(assistant, as_of="2023-12-31T22:59:59Z") == {"green": None}
    assert found(assistant, as_of="2023-12-31T23:00:00Z") == {"green": blue, "blue": None}
    assert found(assistant, as_of="2022-06-01T00:00:00Z") == {"red": None}
    assert found(assistant, as_of="2021-06-01T00:00:00Z") == {}


def test_the_document_itself_says_so_too(assistant: System, editions: dict[str, dict[str, Any]]) -> None:
    green, blue = (assistant.admin.get(f"/v1/documents/{editions[name]['id']}").json() for name in ("green", "blue"))
    assert (green["superseded_by"], green["supersedes"]) == (blue["id"], [])
    named = [("elsewhere", "not yet there"), (SOURCE, "green.txt")]
    assert [(one["data_source"], one["external_id"]) for one in blue["supersedes"]] == named
    reader = assistant.person("reader@example.com").get(f"/v1/documents/{green['id']}").json()
    assert (reader["superseded_by"], reader["supersedes"]) == (blue["id"], None)


def test_an_answer_names_the_newer_document_of_a_source(assistant: System, editions: dict[str, dict[str, Any]]) -> None:
    question = {"question": "In which shed of the Zwickau depot are bicycles kept?"}
    answer = assistant.admin.post("/v1/ask", json=question | {"filters": {"data_sources": [SOURCE]}}).json()
    sources = answer["sources"] or answer["refusal"]["closest"]
    superseded = {source["external_id"]: source["superseded_by"] for source in sources}
    assert superseded == {"green.txt": editions["blue"]["id"], "blue.txt": None}


def test_both_ends_of_the_time_of_change_are_inclusive(assistant: System, editions: dict[str, dict[str, Any]]) -> None:
    changed = "2022-12-01T08:00:00Z"
    assert set(found(assistant, modified_after=changed, modified_before=changed)) == {"green"}
    assert set(found(assistant, modified_after="2022-12-01T09:00:00+01:00")) == {"green", "blue"}
    assert set(found(assistant, modified_after="2022-12-01T08:00:00.001Z")) == {"blue"}
    assert set(found(assistant, modified_before="2022-12-01T07:59:59.999Z")) == set()


@pytest.mark.parametrize(
    "filters",
    [
        {"modified_after": "2024-01-02T00:00:00Z", "modified_before": "2024-01-01T00:00:00Z"},
        {"as_of": "last year"},
        {"effective_from": "2024-01-01T00:00:00Z"},
    ],
)
@pytest.mark.parametrize("call", [{"query": "x"}, {"question": "x?"}, {"question": "x?", "stream": True}])
def test_filters_that_cannot_be_meant_are_refused(
    assistant: System, filters: dict[str, str], call: dict[str, Any]
) -> None:
    where = "/v1/search" if "query" in call else "/v1/ask"
    response = assistant.admin.post(where, json=call | {"filters": filters})
    if response.status_code == 200:  # a stream that had begun ends with the refusal
        assert "event: error" in response.text
        assert '"code":"invalid_filter"' in response.text.replace(" ", "")
    else:
        assert (response.status_code, response.json()["code"]) == (422, "invalid_filter")


@pytest.mark.parametrize(
    "said",
    [
        {"supersedes": ["self.txt"]},
        {"supersedes": [{"external_id": "self.txt"}]},
        {"supersedes": [""]},
        {"supersedes": "old.txt"},
        {"supersedes": [{"id": "x"}]},
        {"effective_from": "2024-01-01T00:00:00Z", "effective_until": "2024-01-01T00:00:00Z"},
    ],
)
def test_metadata_that_cannot_be_meant_is_refused(assistant: System, said: dict[str, Any]) -> None:
    response = upload(assistant.admin, "self.txt", b"Some words.", **said)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_metadata")
