"""Many files in one request, over HTTP and in both sizes: each file fares as it would alone."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from services.api.uploads import BATCH_FILES
from services.blobs.directory import DirectoryStore
from tests.integration.test_bad_input import problem
from tests.system import System, upload

NEVER = b"This is never stored."
HALF = NEVER * (25 * 1024 * 1024 // len(NEVER) + 1)
File = tuple[str, bytes]


def send(client: httpx.Client, files: Sequence[File], metadata: object = None) -> httpx.Response:
    """POST the files together."""
    data = {} if metadata is None else {"metadata": json.dumps(metadata)}
    return client.post("/v1/documents/batch", files=[("file", file) for file in files], data=data)


def items(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


def said(source: str, *names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"data_source": source, "external_id": name, **more} for name in names]


def is_stored(assistant: System, data: bytes) -> bool:
    return DirectoryStore(assistant.data_dir / "blobs").has(hashlib.sha256(data).hexdigest())


def listed(client: httpx.Client, source: str) -> list[str]:
    page = client.get("/v1/documents", params={"data_source": source, "limit": 200}).json()
    return sorted(document["external_id"] for document in page["items"])


def test_files_sent_together_are_ready_and_found_like_any_other(assistant: System) -> None:
    files = [(f"{word}.txt", f"The {word} stands in the hall.".encode()) for word in ("harpsichord", "clavichord")]
    sent = items(send(assistant.admin, files, said("together", "one", "two", grants=["everyone"])))
    assert [item["status"] for item in sent] == [202, 202]
    for item, (name, data) in zip(sent, files, strict=True):
        document = assistant.settled(item["document"]["id"])
        assert (document["state"], document["version"]) == ("ready", 1)
        assert assistant.admin.get(f"/v1/documents/{document['id']}/file").content == data
        hits = assistant.admin.post("/v1/search", json={"query": name}).json()["hits"]
        assert document["id"] in [hit["document_id"] for hit in hits]


def test_what_is_unchanged_is_200_and_what_is_changed_202(assistant: System) -> None:
    files = [("a.txt", b"first"), ("b.txt", b"second")]
    before = items(send(assistant.admin, files, said("again", "a", "b")))
    after = items(send(assistant.admin, [files[0], ("b.txt", b"other")], said("again", "a", "b")))
    assert [item["status"] for item in after] == [200, 202]
    assert after[0]["document"]["job_id"] == before[0]["document"]["job_id"]
    assert [item["document"]["version"] for item in after] == [1, 2]
    assert [item["document"]["new_version"] for item in [*before, *after]] == [True, True, False, True]


def test_each_refusal_has_its_place_and_the_words_of_a_single_upload(assistant: System) -> None:
    files = [("a.txt", b"a"), ("b.txt", b""), ("c.txt", b"c"), ("d.txt", b"d"), ("e.txt", b"e"), ("f.txt", b"f")]
    files += [("g.txt", b"g")]
    metadata: list[dict[str, Any]] = [
        {"external_id": "a"},
        {"external_id": "b"},
        {"colour": 1},
        {"grants": ["boss"]},
        {"effective_from": "2025-01-02T00:00:00Z", "effective_until": "2025-01-01T00:00:00Z"},
        {"grants": []},
        {"title": "a\x00b"},
    ]
    metadata = [{"data_source": "refusals", **entry} for entry in metadata]
    alone = [upload(assistant.admin, *file, **entry) for file, entry in zip(files[1:], metadata[1:], strict=True)]
    sent = items(send(assistant.admin, files, metadata))
    assert (sent[0]["status"], sent[0]["error"]) == (202, None)
    for item, single in zip(sent[1:], alone, strict=True):
        assert item["document"] is None
        words = single.json()
        assert (item["status"], item["error"]) == (
            words["status"],
            {"code": words["code"], "message": words["detail"]},
        )
    assert [item["error"]["code"] for item in sent[1:]] == [
        "empty_file",
        "invalid_metadata",
        "invalid_grant",
        "invalid_metadata",
        "invalid_grant",
        "invalid_metadata",
    ]
    assert listed(assistant.admin, "refusals") == ["a"]


def test_a_name_sent_twice_has_two_versions_and_the_later_wins(assistant: System) -> None:
    files = [("x.txt", b"earlier"), ("y.txt", b"other"), ("x.txt", b"later")]
    sent = items(send(assistant.admin, files, said("twice", "x", "y", "x")))
    assert [(item["status"], item["document"]["version"]) for item in sent] == [(202, 1), (202, 1), (202, 2)]
    assert sent[0]["document"]["id"] == sent[2]["document"]["id"]
    assert sent[0]["document"]["state"] == "queued"
    document = assistant.settled(sent[0]["document"]["id"])
    assert (document["state"], document["version"]) == ("ready", 2)
    assert assistant.admin.get(f"/v1/documents/{document['id']}/file").content == b"later"


def test_nobody_changes_what_is_not_theirs(assistant: System) -> None:
    ann, bob = assistant.person("ann-batch@example.com"), assistant.person("bob-batch@example.com")
    (hers,) = items(send(ann, [("a.txt", b"hers")], said("shared", "a")))
    (his,) = items(send(bob, [("a.txt", b"his")], said("shared", "a")))
    assert hers["document"]["id"] != his["document"]["id"]
    assert ann.get(f"/v1/documents/{his['document']['id']}").status_code == 404
    single = upload(assistant.admin, "a.txt", b"hers", data_source="shared", external_id="a")
    (admins,) = items(send(assistant.admin, [("a.txt", b"hers")], said("shared", "a")))
    assert (admins["status"], admins["document"]["id"]) == (single.status_code, single.json()["id"])


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ({"json": {"file": "x"}}, (422, "no_file")),
        ({"files": [("other", ("a.txt", NEVER))]}, (422, "invalid_form")),
        ({"files": [("file", ("a.txt", NEVER))], "data": {"metadata": "{"}}, (422, "invalid_metadata")),
        ({"files": [("file", ("a.txt", NEVER))], "data": {"metadata": "{}"}}, (422, "invalid_metadata")),
        ({"files": [("file", ("a.txt", NEVER))], "data": {"metadata": "[{}, {}]"}}, (422, "invalid_metadata")),
        ({"files": [("file", (f"{n}.txt", NEVER)) for n in range(BATCH_FILES + 1)]}, (422, "invalid_form")),
        ({"files": [("file", (f"{n}.txt", HALF)) for n in range(2)]}, (413, "too_large")),
        ({"files": [("file", (f"{n}.txt", HALF)) for n in range(3)]}, (413, "too_large")),
    ],
)
def test_a_form_that_cannot_be_right_registers_nothing(
    assistant: System, sent: dict[str, Any], answer: tuple[int, str]
) -> None:
    assert problem(assistant.admin.post("/v1/documents/batch", **sent)) == answer
    assert not is_stored(assistant, NEVER)
    assert not is_stored(assistant, HALF)
    assert assistant.admin.get("/v1/documents", params={"q": "a.txt"}).json()["items"] == []


def test_without_the_scope_nothing_is_taken(assistant: System) -> None:
    reader = assistant.person("reader-batch@example.com", scopes=["read"])
    assert problem(send(reader, [("a.txt", NEVER)])) == (403, "missing_scope")
    assert problem(send(assistant.client(None), [("a.txt", NEVER)])) == (401, "unauthenticated")
    assert not is_stored(assistant, NEVER)


def test_batches_of_the_same_documents_in_opposite_orders_both_succeed(assistant: System) -> None:
    names = [f"{number:02}" for number in range(40)]
    turns = 6

    def batch(turn: int) -> list[dict[str, Any]]:
        ordered = names if turn % 2 else names[::-1]
        files = [(f"{name}.txt", f"{name} in turn {turn}".encode()) for name in ordered]
        return items(send(assistant.admin, files, said("opposite", *ordered)))

    with ThreadPoolExecutor(turns) as pool:
        sent = list(pool.map(batch, range(turns)))
    assert {item["status"] for turn in sent for item in turn} == {202}
    assert listed(assistant.admin, "opposite") == names
    versions = sorted((item["document"]["id"], item["document"]["version"]) for turn in sent for item in turn)
    documents = sorted({id_ for id_, _ in versions})
    assert versions == [(id_, number) for id_ in documents for number in range(1, turns + 1)]
    for id_ in documents:
        settled = assistant.settled(id_)
        assert (settled["state"], settled["version"]) == ("ready", turns)
