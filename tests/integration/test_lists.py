"""Lists over HTTP: each is pages that end where they say, and an empty parameter is one that was not given."""

import httpx
import pytest

from services.api import cursors
from tests.integration.test_bad_input import problem
from tests.system import System


def paged(client: httpx.Client, address: str, **params: str) -> list[dict[str, object]]:
    """All items, read one a page; the whole list in one page must be the same."""
    found, cursor = [], ""
    while True:
        page = client.get(f"/v1/{address}", params={**params, "limit": 1, "cursor": cursor})
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        assert len(page.json()["items"]) <= 1
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    whole = client.get(f"/v1/{address}", params=params).json()
    assert (whole["items"], whole["next_cursor"]) == (found, None)
    return found


def test_messages_come_in_pages(assistant: System) -> None:
    asked = assistant.admin.post("/v1/ask", json={"question": "What is the first of all?"}).json()
    chat = asked["conversation_id"]
    assistant.admin.post("/v1/ask", json={"question": "And what is the last?", "conversation_id": chat})
    found = paged(assistant.admin, f"conversations/{chat}/messages")
    assert [message["role"] for message in found] == ["user", "assistant"] * 2
    assert found[1]["id"] == asked["id"]


def test_a_position_that_no_column_holds_is_no_cursor(assistant: System) -> None:
    chat = assistant.admin.post("/v1/conversations", json={}).json()["id"]
    for position, status in ((cursors.INTEGER, 200), (cursors.INTEGER + 1, 422)):
        cursor = cursors.encode(str(position))
        listed = assistant.admin.get(f"/v1/conversations/{chat}/messages?cursor={cursor}")
        assert listed.status_code == status, listed.text
    assert problem(listed) == (422, "invalid_cursor")


def test_keys_come_in_pages_newest_first(assistant: System) -> None:
    client = assistant.person("keys-in-pages@example.com")
    names = [f"key {number}" for number in range(4)]
    for name in names:
        assert client.post("/v1/api-keys", json={"name": name}).status_code == 201
    assert [key["name"] for key in paged(client, "api-keys")][:4] == names[::-1]
    assert len(paged(assistant.admin, "api-keys", user="keys-in-pages@example.com")) == 5


def test_groups_come_in_pages_by_name(assistant: System) -> None:
    for group in ("pages-b", "pages-a", "pages-é"):
        assistant.person(f"{ord(group[-1])}@example.com", group)
    names = [str(group["name"]) for group in paged(assistant.admin, "groups")]
    assert {"pages-a", "pages-b", "pages-é"} <= set(names)
    assert len(names) == len(set(names))


def test_data_sources_come_in_pages_by_name(assistant: System) -> None:
    reader = assistant.person("sources-in-pages@example.com")
    for name in ("pages/b", "Pages a", "pages é"):
        assistant.send("page.txt", b"A page.", wait=False, data_source=name, grants=["everyone"])
    for client in (assistant.admin, reader):
        names = [str(source["name"]) for source in paged(client, "data-sources")]
        assert {"pages/b", "Pages a", "pages é"} <= set(names)
        assert names == sorted(names)


ADDRESSES = ["api-keys", "groups", "data-sources", "conversations/none/messages"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_no_list_takes_is_refused(assistant: System, address: str) -> None:
    assert problem(assistant.admin.get(f"/v1/{address}?cursor=garbage")) == (422, "invalid_cursor")
    for limit in ("0", "1001", "x"):
        assert problem(assistant.admin.get(f"/v1/{address}?limit={limit}")) == (422, "invalid_input")


@pytest.mark.parametrize(
    "address",
    [
        "documents?state=&data_source=&q=&limit=&cursor=",
        "api-keys?limit=&cursor=",
        "conversations?limit=",
        "users?limit=",
        "admin/audit?limit=&after=&before=&event=&actor=&subject=",
    ],
)
def test_an_empty_parameter_was_not_given(assistant: System, address: str) -> None:
    without = address.partition("?")[0]
    listed = assistant.admin.get(f"/v1/{address}")
    assert listed.status_code == 200, listed.text
    assert listed.json()["items"]
    if without != "admin/audit":  # which grows by being read
        assert listed.json() == assistant.admin.get(f"/v1/{without}").json()
