"""The whole assistant with its originals in a bucket: ingested, read, audited, backed up, restored into another bucket;
and what it says, and still does, while the bucket does not answer.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from services.auditing import clearing
from services.db.database import clock
from services.db.leftovers import Leftovers
from services.db.models import Document, Version
from tests import private_servers, system
from tests.integration.buckets import new_bucket, open_store, settings_for
from tests.integration.test_auditing import verify
from tests.integration.test_backup import footnote
from tests.system import ONE_MACHINE, System, upload

QUESTION = "What is the harbour pilot called?"
PILOT = b"The harbour pilot is called Amara."


@dataclass
class Harbour:
    """An assistant, the address of its object store, and its bucket there. `pilot` is a document that it has read."""

    assistant: System
    endpoint: str
    bucket: str
    pilot: str


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, object_store: str) -> Iterator[Harbour]:
    bucket = new_bucket(object_store)
    settings = settings_for(object_store, bucket)
    with system.running(ONE_MACHINE, tmp_path_factory.mktemp("harbour"), model_cache, **settings) as assistant:
        sent = assistant.send("pilot.txt", PILOT, grants=["everyone"])
        assert sent["state"] == "ready"
        yield Harbour(assistant, object_store, bucket, sent["id"])


def original(harbour: Harbour) -> str:
    with harbour.assistant.database.read() as session:
        return session.get_one(Version, (harbour.pilot, 1)).sha256


def test_a_document_is_read_and_shown_without_a_folder_of_originals(harbour: Harbour) -> None:
    admin = harbour.assistant.admin
    assert admin.get(f"/v1/documents/{harbour.pilot}/file").content == PILOT
    assert admin.get(f"/v1/documents/{harbour.pilot}/file", headers={"Range": "bytes=4-10"}).content == b"harbour"
    assert admin.get(f"/v1/documents/{harbour.pilot}/text").json()["text"] == PILOT.decode()
    assert PILOT.decode() in ask(harbour.assistant)
    assert admin.get("/v1/admin/status").json()["parts"]["originals"] == "up"
    assert not (harbour.assistant.data_dir / "blobs").exists()


def test_a_damaged_original_is_found_named_and_mended_by_sending_it_again(harbour: Harbour, tmp_path: Path) -> None:
    assert verify(harbour.assistant).clean
    sha256 = original(harbour)
    with closing(open_store(harbour.endpoint, harbour.bucket, tmp_path)) as store:
        (stored,) = store._bucket.objects(f"{sha256[:2]}/{sha256}")
        store._bucket.put(stored.key, BytesIO(b"bytes that a bad disk gave back"))
    report = verify(harbour.assistant, repair=True)
    assert [one.document_id for one in report.lost] == [harbour.pilot]
    harbour.assistant.send("copy-of-pilot.txt", PILOT, grants=["everyone"])
    assert verify(harbour.assistant).clean


def test_what_nothing_needs_any_more_leaves_the_bucket(
    harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = harbour.assistant.send("gone.txt", b"This leaves the company.", grants=["everyone"])["id"]
    with harbour.assistant.database.write() as session:
        version = session.get_one(Version, (gone, 1))
        names = [version.sha256, str(version.parsed_sha256)]
    harbour.assistant.admin.delete(f"/v1/documents/{gone}")
    with harbour.assistant.database.write() as session:
        long_ago = clock(session) - timedelta(hours=2)
        session.execute(update(Document).where(Document.id == gone).values(deleted_at=long_ago))
    with closing(open_store(harbour.endpoint, harbour.bucket, tmp_path)) as store:
        rounds = clearing.Clearing(leftovers=Leftovers(harbour.assistant.database), blobs=store)
        assert rounds.round() == 0  # within the hour
        monkeypatch.setattr(clearing, "UPLOAD_SECONDS", -3600.0)
        with store.holds.hold():
            assert rounds.round() == 0
        assert rounds.round() == 2
        assert [store.has(name) for name in names] == [False, False]
        assert store.has(original(harbour))
    assert verify(harbour.assistant).clean


def test_a_backup_restores_into_another_part_of_the_bucket(harbour: Harbour, tmp_path: Path, model_cache: Path) -> None:
    file, data_dir = tmp_path / "monday.tar", tmp_path / "restored"
    taken = json.loads(footnote(dict(harbour.assistant.environment), "backup", str(file), "--json").stdout)
    assert (taken["absent"], taken["blobs"] >= 2) == ([], True)
    shutil.copytree(model_cache, data_dir / "models")
    elsewhere = settings_for(harbour.endpoint, harbour.bucket, "restored")
    environment = {**os.environ, **elsewhere, "FOOTNOTE_DATA_DIR": str(data_dir)}
    restored: dict[str, Any] = json.loads(footnote(environment, "restore", str(file), "--json").stdout)
    assert restored["clean"], restored
    assert restored["originals"] == taken["blobs"]
    assert not (data_dir / "blobs").exists()


def test_while_the_bucket_does_not_answer_uploads_say_so_and_questions_go_on(tmp_path: Path, model_cache: Path) -> None:
    with ExitStack() as stack:
        with private_servers.object_store() as endpoint:
            settings = settings_for(endpoint, new_bucket(endpoint))
            assistant = stack.enter_context(system.running(ONE_MACHINE, tmp_path, model_cache, **settings))
            sent = assistant.send("pilot.txt", PILOT, grants=["everyone"])
        admin = assistant.admin
        late = ("late.txt", b"It comes too late.")
        for refused in (upload(admin, *late), admin.post("/v1/documents/batch", files=[("file", late)])):
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        with assistant.database.read() as session:
            assert session.scalar(select(func.count()).select_from(Document)) == 1
        text = admin.get(f"/v1/documents/{sent['id']}/text")
        assert (text.status_code, text.json()["code"]) == (503, "storage_unavailable")
        assert admin.get(f"/v1/documents/{sent['id']}").json()["state"] == "ready"
        assert PILOT.decode() in ask(assistant)
        api = assistant.processes["api"]
        private_servers.wait_until(lambda: parts(assistant)["originals"] == "down", process=api)
        assert admin.get("/readyz").status_code == 200


def ask(assistant: System) -> str:
    """An answer from the document, or the passage that comes closest."""
    return assistant.admin.post("/v1/ask", json={"question": QUESTION}).raise_for_status().text


def parts(assistant: System) -> dict[str, str]:
    return dict(assistant.admin.get("/readyz").json()["parts"])
