"""A running assistant, in both sizes, clears away what nothing needs any more, and what is shown of it still is."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from ingest.audit_stream import AuditReport
from ingest.client import Client
from services.blobs.directory import DirectoryStore
from services.bootstrap import CLI_FILE
from services.db.database import clock
from services.db.models import Document, Version
from tests.system import System, upload

PATIENCE_S = 240.0
SECRET = b"The old safe opens with the numbers seven, eleven and thirteen."


def version(assistant: System, document_id: str, number: int) -> Version:
    with assistant.database.read() as session:
        return session.get_one(Version, (document_id, number))


def names(of: Version) -> tuple[str, str]:
    """The digests of its original and its text."""
    assert of.parsed_sha256 is not None
    return of.sha256, of.parsed_sha256


def lies(folder: Path, name: str) -> bool:
    """Whether the store still has the file. Not asked of BlobStore: it puts back what is just being deleted."""
    return (folder / name[:2] / name).exists() or any(folder.glob(f".aside-{name}-*"))


def two_hours_pass(assistant: System, document_ids: list[str], digests: list[str]) -> None:
    blobs, then = DirectoryStore(assistant.data_dir / "blobs"), time.time() - 7200
    for digest in digests:
        os.utime(blobs.path(digest), (then, then))
    with assistant.database.write() as session:
        past = clock(session) - timedelta(hours=2)
        mine = update(Version).where(Version.document_id.in_(document_ids), Version.activated_at.is_not(None))
        session.execute(mine.values(activated_at=past))
        gone = update(Document).where(Document.id.in_(document_ids), Document.deleted_at.is_not(None))
        session.execute(gone.values(deleted_at=past))


def test_originals_of_deleted_documents_and_of_replaced_versions_leave_the_store(assistant: System) -> None:
    reader = assistant.person("keyholder@example.com", "safes")
    other = assistant.person("butler@example.com", "cellar")
    new, safes, cellar = b"The new safe opens with a card.", ["group:safes"], ["group:cellar"]
    shown = assistant.send("safe.txt", SECRET, grants=safes)["id"]
    unseen = assistant.send("cellar.txt", b"The cellar door was green.", grants=cellar)["id"]
    gone = assistant.send("gone.txt", b"This leaves the company.", grants=safes)["id"]
    answer: dict[str, Any] = reader.post("/v1/ask", json={"question": "With which numbers does the safe open?"}).json()
    (citation,) = [one for sentence in answer["sentences"] for one in sentence["citations"]][:1]
    assert (citation["document_id"], citation["version"]) == (shown, 1)
    assistant.send("safe.txt", new, grants=safes)
    assistant.send("cellar.txt", b"The cellar door is blue.", grants=cellar)
    deleted = names(version(assistant, gone, 1))
    replaced, overtaken = names(version(assistant, shown, 1)), names(version(assistant, unseen, 1))
    current = names(version(assistant, shown, 2))
    assistant.admin.delete(f"/v1/documents/{gone}")
    two_hours_pass(assistant, [shown, unseen, gone], [*deleted, *replaced, *overtaken, *current])

    leaving = {*deleted, replaced[0], *overtaken}
    deadline = time.monotonic() + PATIENCE_S
    while left := [name for name in leaving if lies(assistant.data_dir / "blobs", name)]:
        assert time.monotonic() < deadline, left
        time.sleep(1)

    text = reader.get(f"/v1/documents/{shown}/text", params={"version": 1}).json()["text"]
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert reader.get(f"/v1/documents/{shown}/file").content == new
    missing = other.get(f"/v1/documents/{unseen}/text", params={"version": 1})
    assert (missing.status_code, missing.json()["code"]) == (404, "version_not_kept")
    key = json.loads((assistant.data_dir / CLI_FILE).read_text())["key"]
    with Client(assistant.url, key) as client:
        report = list(client.verify())[-1]
    assert isinstance(report, AuditReport)
    assert report.clean, report

    again = upload(reader, "gone.txt", b"This leaves the company.", grants=safes)
    assert again.status_code == 202
    assert assistant.settled(again.json()["id"], client=reader)["state"] == "ready"
    assert reader.get(f"/v1/documents/{again.json()['id']}/file").content == b"This leaves the company."
