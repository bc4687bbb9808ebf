"""Documents over HTTP, in both sizes: names, versions, originals, and what a sender takes back."""

import hashlib
from typing import Any

import httpx
import pytest

from tests.integration.test_bad_input import problem
from tests.system import System, upload

TEXT = b"The clock in the hall is wound on Mondays."
# Says that it is a PDF, and is none.
RUBBISH = b"%PDF-1.7 and nothing else, which is longer than the text that was there before."


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def shown(client: httpx.Client, document_id: str, *names: str) -> tuple[Any, ...]:
    """These fields of a document, which the list and the document itself agree about."""
    document = client.get(f"/v1/documents/{document_id}").json()
    (listed,) = client.get("/v1/documents", params={"id": document_id}).json()["items"]
    assert [document[name] for name in names] == [listed[name] for name in names]
    return tuple(document[name] for name in names)


@pytest.mark.parametrize("title", ["A" + "é" * 700, "A" + "🚲" * 999, "A" + "\\" * 999])
def test_a_list_takes_back_the_cursor_of_the_longest_titles(assistant: System, title: str) -> None:
    client = assistant.person("cursors@example.com")
    for name in ("a", "b"):
        assistant.send(name, TEXT, client=client, wait=False, title=title, external_id=title[:9] + name)
    found: set[str] = set()
    cursor = None
    while cursor is not None or not found:
        page = client.get(
            "/v1/documents", params={"limit": 1, "q": title[:9], **({"cursor": cursor} if cursor else {})}
        )
        assert page.status_code == 200, page.text
        found |= {document["external_id"] for document in page.json()["items"]}
        cursor = page.json()["next_cursor"]
    assert found == {title[:9] + "a", title[:9] + "b"}


def test_names_that_differ_behind_their_five_hundredth_character_are_two_documents(assistant: System) -> None:
    names = ["n" * 500 + f"{number}.txt" for number in range(2)]
    documents = [assistant.send(f"folder/{name}", TEXT) for name in names]
    assert [document["external_id"] for document in documents] == names
    assert [document["media_type"] for document in documents] == ["text/plain"] * 2


@pytest.mark.parametrize("name", ["foo/", "foo\\", "/", "n" * 1001])
def test_a_name_that_cannot_be_an_external_id_is_refused(assistant: System, name: str) -> None:
    assert problem(upload(assistant.admin, name, TEXT)) == (422, "invalid_file_name")
    sent = assistant.admin.post("/v1/documents/batch", files=[("file", (name, TEXT))]).json()["items"]
    assert [(item["status"], item["error"]["code"]) for item in sent] == [(422, "invalid_file_name")]


def test_a_stray_part_of_a_form_is_refused_and_its_type_is_read_without_case(assistant: System) -> None:
    stray = assistant.admin.post("/v1/documents", files={"file": ("stray.txt", TEXT)}, data={"data_source": "hr"})
    assert problem(stray) == (422, "invalid_form")
    request = assistant.admin.build_request("POST", "/v1/documents", files={"file": ("case.txt", TEXT)})
    request.headers["content-type"] = request.headers["content-type"].replace(
        "multipart/form-data", "Multipart/Form-Data"
    )
    assert assistant.admin.send(request).status_code == 202


def test_what_is_shown_of_a_document_is_all_of_one_version(assistant: System) -> None:
    ann, bob = assistant.person("ann-versions@example.com"), assistant.person("bob-versions@example.com")
    said: dict[str, Any] = {"external_id": "clock", "grants": ["everyone", "user:ann-versions@example.com"]}
    id_ = assistant.send("clock.txt", TEXT, client=ann, **said)["id"]
    assert shown(ann, id_, "version", "chunks", "sha256", "size", "newest_sha256") == (
        (1, 1, digest(TEXT), len(TEXT), None)
    )
    assert assistant.send("clock.pdf", RUBBISH, client=ann, **said)["state"] == "failed"
    fields = ("state", "version", "chunks", "sha256", "size", "newest_sha256")
    first = ("failed", 1, 1, digest(TEXT), len(TEXT))
    assert shown(ann, id_, *fields) == (*first, digest(RUBBISH))
    assert shown(bob, id_, *fields) == (*first, None)
    assert bob.get(f"/v1/documents/{id_}/file").content == TEXT


def test_the_original_of_what_never_became_readable_is_there_for_whoever_may_read_it(assistant: System) -> None:
    ann, bob = assistant.person("ann-original@example.com"), assistant.person("bob-original@example.com")
    document = assistant.send("broken.pdf", RUBBISH, client=ann)
    where = f"/v1/documents/{document['id']}/file"
    assert (document["state"], ann.get(where).content) == ("failed", RUBBISH)
    assert problem(bob.get(where)) == problem(assistant.admin.get(where)) == (404, "not_found")
    assert bob.get(where).content == bob.get("/v1/documents/none/file").content
    assert problem(ann.get(where.replace("/file", "/text"))) == (404, "not_found")


def test_a_range_that_is_malformed_is_ignored_and_one_beyond_the_end_is_a_problem(assistant: System) -> None:
    document = assistant.send("ranges.txt", TEXT)

    def asked(header: str, **more: str) -> httpx.Response:
        return assistant.admin.get(f"/v1/documents/{document['id']}/file", headers={"Range": header, **more})

    assert (asked("bytes=4-8").status_code, asked("bytes=4-8").content) == (206, b"clock")
    for header in ("bytes=", "bytes=a-b", "bytes=8-4", "items=0-3"):
        assert (asked(header).status_code, asked(header).content) == (200, TEXT)
    beyond = asked("bytes=1000-")
    assert problem(beyond) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(TEXT)}"
    mine = {"If-Range": f'"{digest(TEXT)}"'}
    assert [asked("bytes=4-8", **mine).status_code, asked("bytes=1000-", **mine).status_code] == [206, 416]
    assert [asked(header, **{"If-Range": '"another"'}).status_code for header in ("bytes=4-8", "bytes=1000-")] == [
        200
    ] * 2


def test_a_change_of_metadata_alone_answers_the_job_that_was_queued_for_it(assistant: System) -> None:
    first = upload(assistant.admin, "job.txt", TEXT, external_id="job").json()
    assistant.settled(first["id"])
    changed = upload(assistant.admin, "job.txt", TEXT, external_id="job", url="https://example.com/job")
    answer = changed.json()
    assert (changed.status_code, answer["state"], answer["version"], answer["new_version"]) == (202, "queued", 1, False)
    assert answer["job_id"] != first["job_id"]
    again = upload(assistant.admin, "job.txt", TEXT, external_id="job", url="https://example.com/job")
    assert (again.status_code, again.json()["state"], again.json()["job_id"]) == (200, "ready", first["job_id"])


def test_null_takes_back_what_was_said_and_what_is_left_out_stays(assistant: System) -> None:
    moments = {"modified_at": "2024-01-01", "effective_from": "2024-02-01", "effective_until": "2099-03-01"}
    said: dict[str, Any] = {name: f"{day}T00:00:00Z" for name, day in moments.items()}
    said["url"] = "https://example.com/null"
    id_ = assistant.send("null.txt", TEXT, external_id="null", **said)["id"]
    assert upload(assistant.admin, "null.txt", TEXT, external_id="null").status_code == 200
    assert shown(assistant.admin, id_, *said) == tuple(said.values())
    nothing: dict[str, Any] = dict.fromkeys(said)
    assert upload(assistant.admin, "null.txt", TEXT, external_id="null", **nothing).status_code == 202
    assert shown(assistant.admin, id_, *said) == (None,) * 4
    assert upload(assistant.admin, "null.txt", TEXT, external_id="null", title=None, **nothing).status_code == 200


@pytest.mark.parametrize(
    ("name", "data", "own"),
    [
        (
            "own.html",
            b"<html><title>House rules</title><body><p>Close the doors at night.</p></body></html>",
            "House rules",
        ),
        ("own.txt", b"Close the doors at night.", "null-title-own.txt"),
    ],
)
def test_a_title_that_is_taken_back_is_the_files_own_again(assistant: System, name: str, data: bytes, own: str) -> None:
    external_id = f"null-title-{name}"
    document = assistant.send(name, data, external_id=external_id, title="Given")
    assert document["title"] == "Given"
    taken = upload(assistant.admin, name, data, external_id=external_id, title=None)
    assert (taken.status_code, taken.json()["id"]) == (202, document["id"])
    assert assistant.settled(document["id"])["title"] == own
    assert upload(assistant.admin, name, data, external_id=external_id, title=None).status_code == 200
    assert shown(assistant.admin, document["id"], "title") == (own,)


@pytest.mark.parametrize(("source", "address"), [("uploads", "uploads"), ("hr/leave", "hr%2Fleave")])
def test_a_data_source_that_the_list_names_is_there(assistant: System, source: str, address: str) -> None:
    assistant.send("source.txt", TEXT, data_source=source)
    listed = {one["name"]: one for one in assistant.admin.get("/v1/data-sources").json()["items"]}
    answer = assistant.admin.get(f"/v1/data-sources/{address}")
    assert (answer.status_code, answer.json()) == (200, listed[source])
    assert (listed[source]["connector"], listed[source]["setup"]) == ("upload", None)
    assert problem(assistant.admin.get("/v1/data-sources/none")) == (404, "unknown_data_source")
    assert assistant.person("no-admin@example.com").get(f"/v1/data-sources/{address}").status_code == 403
