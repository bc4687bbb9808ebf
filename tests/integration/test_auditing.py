"""`footnote verify` on a running assistant, in both sizes: each kind of damage is planted, found, mended, and gone.

Nothing here takes a part of the assistant apart: points, rows and blobs are changed where they lie.
`tests/integration/test_lost_index.py` has the index itself lost.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from ingest.audit_stream import CLASSES, AuditReport
from ingest.client import Client
from retrieval.index import ChunkIndex, StoredPoint, connect
from services.blobs import BlobStore
from services.blobs.directory import DirectoryStore
from services.bootstrap import CLI_FILE
from services.db.generations import Generations
from services.db.jobs import new_job
from services.db.models import Document, DocumentGrant, Job, Version
from tests import private_servers
from tests.system import System, upload

LONG = "".join(f"Paragraph {n} says that shelf {n} holds box {n * 7} of the archive.\n\n" for n in range(60))
OLD = time.time() - 7200


@dataclass(frozen=True)
class Scene:
    """A running assistant with the means to damage one document, which has several chunks."""

    system: System
    index: ChunkIndex
    blobs: BlobStore
    id: str

    def points(self) -> list[StoredPoint]:
        found = [point for page in self.index.scan([self.id], vectors=True) for point in page]
        return sorted(found, key=lambda point: int(point.payload["number"]))

    def write(
        self, which: int, *, name: str | None = None, payload: dict[str, Any] | None = None, **other: Any
    ) -> None:
        """One of the document's points again, changed."""
        old = self.points()[which]
        kept = {**old.payload, **other} if payload is None else payload
        self.index.write([StoredPoint(name or old.id, kept, old.dense, old.sparse)])

    def change(self, *statements: Any) -> None:
        with self.system.database.write() as session:
            for statement in statements:
                session.execute(statement)

    def parsed(self) -> str:
        with self.system.database.read() as session:
            return str(session.get_one(Version, (self.id, 1)).parsed_sha256)


def verify(system: System, *, repair: bool = False) -> AuditReport:
    key = json.loads((system.data_dir / CLI_FILE).read_text())["key"]
    with Client(system.url, key) as client:
        report = list(client.verify(repair=repair))[-1]
    assert isinstance(report, AuditReport)
    return report


def named(report: AuditReport) -> set[tuple[str, str, str | None]]:
    """What the report shows, as (class, what, document)."""
    return {(kind, one.what, one.document_id) for kind in CLASSES for one in report.tally(kind).examples}


def new_id() -> str:
    return f"99999999-0000-4000-8000-{time.monotonic_ns() % 10**12:012}"


def lose_chunks(scene: Scene) -> None:
    scene.index.delete_points([point.id for point in scene.points()[:2]])


def leave_a_point_of_another_version(scene: Scene) -> None:
    scene.write(0, name=new_id(), version=7)


def leave_a_point_beyond_the_end(scene: Scene) -> None:
    scene.write(0, name=new_id(), number=4000)


def write_a_chunk_twice(scene: Scene) -> None:
    scene.write(1, name=new_id())


def drop_fields(scene: Scene) -> None:
    scene.write(2, payload={"document_id": scene.id, "version": 1, "grants": ["everyone"]})


def misquote(scene: Scene) -> None:
    scene.write(1, start=1)


def mislabel(scene: Scene) -> None:
    scene.write(1, media_type="application/pdf")


def change_grants_behind_the_index(scene: Scene) -> None:
    grant = {"document_id": scene.id, "grant_name": "group:archive"}
    scene.change(
        delete(DocumentGrant).where(DocumentGrant.document_id == scene.id), insert(DocumentGrant).values(**grant)
    )


def lose_the_parsed_text(scene: Scene) -> None:
    scene.blobs.path(scene.parsed()).unlink()


def damage_the_parsed_text(scene: Scene) -> None:
    scene.blobs.path(scene.parsed()).write_bytes(b'{"text": "other words"}')


def forget_the_work(scene: Scene) -> None:
    """It was accepted, no job is left on it, and it never became ready."""
    scene.index.delete(scene.id)
    scene.change(
        update(Document).where(Document.id == scene.id).values(active_version=None, ready_at=None),
        update(Job).where(Job.document_id == scene.id).values(state="cancelled"),
    )


def delete_without_the_index(scene: Scene) -> None:
    scene.change(update(Document).where(Document.id == scene.id).values(deleted_at=Document.created_at))


DAMAGE: dict[tuple[str, str], Callable[[Scene], None]] = {
    ("missing", "chunk"): lose_chunks,
    ("missing", "parsed_text"): lose_the_parsed_text,
    ("missing", "parsed_text "): damage_the_parsed_text,
    ("missing", "job"): forget_the_work,
    ("phantom", "point_of_other_version"): leave_a_point_of_another_version,
    ("phantom", "point_beyond_manifest"): leave_a_point_beyond_the_end,
    ("phantom", "point_of_deleted_document"): delete_without_the_index,
    ("duplicate", "point"): write_a_chunk_twice,
    ("malformed", "payload"): drop_fields,
    ("malformed", "text"): misquote,
    ("malformed", "labels"): mislabel,
    ("malformed", "metadata"): change_grants_behind_the_index,
}
UNOWNED = {("phantom", "point_of_no_document"), ("phantom", "blob"), ("phantom", "unfinished_upload")}


@dataclass(frozen=True)
class Outcome:
    """The audits before and after the damage, and which document got which."""

    before: AuditReport
    damaged: AuditReport
    mended: AuditReport
    after: AuditReport
    documents: dict[tuple[str, str], str]
    chunks: int


@pytest.fixture(scope="module")
def outcome(assistant: System) -> Outcome:
    index, blobs = index_of(assistant), DirectoryStore(assistant.data_dir / "blobs")
    scenes = {}
    for number, damage in enumerate(DAMAGE):
        sent = upload(assistant.admin, f"archive-{number}.txt", f"{number}.\n\n{LONG}".encode(), grants=["everyone"])
        scenes[damage] = Scene(assistant, index, blobs, sent.json()["id"])
    chunks = {assistant.settled(scene.id)["chunks"] for scene in scenes.values()}
    assert min(chunks) > 3, "the damage needs several chunks"
    before = verify(assistant)
    for damage, scene in scenes.items():
        DAMAGE[damage](scene)
    stray, nobody = scenes["duplicate", "point"].points()[0], new_id()
    index.write([StoredPoint(new_id(), {**stray.payload, "document_id": nobody}, stray.dense, stray.sparse)])
    for path in (
        blobs.path(blobs.put(b"nobody refers to this").sha256),
        assistant.data_dir / "blobs" / ".incoming-left",
    ):
        path.touch()
        os.utime(path, (OLD, OLD))
    blobs.put(b"this may be an upload that is not registered yet")
    return Outcome(
        before,
        verify(assistant),
        verify(assistant, repair=True),
        verify(assistant),
        {damage: scene.id for damage, scene in scenes.items()},
        min(chunks),
    )


def index_of(assistant: System) -> ChunkIndex:
    number = Generations(assistant.database).current().generation.number
    return ChunkIndex(connect(assistant.environment["FOOTNOTE_INDEX_URL"]), generation=number)


def test_a_healthy_assistant_is_clean(outcome: Outcome) -> None:
    assert outcome.before.clean, named(outcome.before)
    assert outcome.before.documents >= len(DAMAGE)
    assert outcome.before.chunks >= len(DAMAGE) * outcome.chunks
    assert outcome.before.originals >= 2 * len(DAMAGE)


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: DAMAGE[damage].__name__)
def test_damage_is_found_for_what_it_is(outcome: Outcome, damage: tuple[str, str]) -> None:
    kind, what = damage[0], damage[1].strip()
    assert (kind, what, outcome.documents[damage]) in named(outcome.damaged)


def test_what_belongs_to_no_document_is_found(outcome: Outcome) -> None:
    assert {(kind, what) for kind, what, _ in named(outcome.damaged)} >= UNOWNED
    assert not outcome.damaged.clean
    assert outcome.damaged.repaired is None


def test_nothing_else_is_found(outcome: Outcome) -> None:
    planted = {(kind, what.strip()) for kind, what in DAMAGE} | UNOWNED
    # A chunk without its fields is also one that is missing.
    assert {(kind, what) for kind, what, _ in named(outcome.damaged)} == planted
    assert outcome.damaged.phantom.count == 3 + outcome.chunks + len(UNOWNED) - 1


def test_a_repair_mends_all_of_it(outcome: Outcome) -> None:
    assert outcome.mended.clean, named(outcome.mended)
    assert outcome.mended.repaired
    assert outcome.mended.lost == ()
    assert outcome.after.clean, named(outcome.after)


def test_what_was_mended_is_found_again_in_the_version_that_it_was(outcome: Outcome, assistant: System) -> None:
    reader = assistant.person("archivist@example.com", "archive")
    for damage, document_id in outcome.documents.items():
        if damage == ("phantom", "point_of_deleted_document"):
            continue
        document = reader.get(f"/v1/documents/{document_id}").json()
        assert (document["state"], document["version"]) == ("ready", 1), damage
        query = {"query": "which box is on shelf 33", "filters": {"document_ids": [document_id]}}
        hits = reader.post("/v1/search", json=query).json()["hits"]
        text = reader.get(f"/v1/documents/{document_id}/text").json()["text"]
        assert hits, damage
        assert all(hit["text"] == text[hit["start"] : hit["end"]] for hit in hits)


def test_a_lost_original_is_named_and_its_document_still_read(assistant: System) -> None:
    sent = assistant.send("only-copy.txt", b"The only copy of the treaty lies in Delft.", grants=["everyone"])
    blobs = DirectoryStore(assistant.data_dir / "blobs")
    with assistant.database.read() as session:
        original = blobs.path(session.get_one(Version, (sent["id"], 1)).sha256)
    kept = original.read_bytes()
    try:
        for damage in (b"bytes that a bad disk gave back", None):
            original.unlink() if damage is None else original.write_bytes(damage)
            report = verify(assistant, repair=True)
            assert not report.clean
            assert [(one.document_id, one.title) for one in report.lost] == [(sent["id"], "only-copy.txt")]
            assert assistant.admin.get(f"/v1/documents/{sent['id']}").json()["state"] == "ready"
    finally:
        assistant.send("another-name.txt", kept, grants=["everyone"])  # whoever has the file sends it again
    assert verify(assistant).clean


def test_what_is_being_made_again_is_said_not_to_have_been_judged(assistant: System) -> None:
    sent = assistant.send("made-again.txt", b"The spare key hangs behind the clock.", grants=["everyone"])
    scene = Scene(assistant, index_of(assistant), DirectoryStore(assistant.data_dir / "blobs"), sent["id"])
    assert verify(assistant).in_flight == 0
    with assistant.database.write() as session:
        job = new_job(session, "ingest", scene.id, 1, after=timedelta(seconds=30)).id
    scene.index.delete_points([point.id for point in scene.points()])
    report = verify(assistant)
    assert (report.clean, report.in_flight) == (True, 1)
    scene.change(update(Job).where(Job.id == job).values(next_attempt_at=None))
    worker = assistant.processes["worker"]
    private_servers.wait_until(lambda: len(scene.points()) == 1, process=worker)
    private_servers.wait_until(lambda: verify(assistant).in_flight == 0, process=worker)


def test_an_audit_beside_ingestion_updates_grants_and_deletions_gives_no_false_alarm(assistant: System) -> None:
    stop, sent = threading.Event(), list[str]()

    def change_things() -> None:
        with Client(assistant.url, json.loads((assistant.data_dir / CLI_FILE).read_text())["key"]) as client:
            number = 0
            while not stop.is_set():
                number += 1
                name = f"busy-{number % 5}.txt"
                text = f"Round {number} of {name}.\n\n{LONG[: 400 * (number % 7 + 1)]}".encode()
                document = upload(assistant.admin, name, text, grants=["everyone"]).json()["id"]
                sent.append(document)
                client.set_grants(document, ["everyone", f"group:round-{number}"])
                if number % 3 == 0:
                    client.delete_document(document)

    worker = threading.Thread(target=change_things)
    worker.start()
    try:
        deadline = time.monotonic() + 12
        reports = [verify(assistant)]
        while time.monotonic() < deadline:
            reports.append(verify(assistant))
    finally:
        stop.set()
        worker.join()
    assert len(sent) > 5
    assert [named(report) for report in reports if not report.clean] == []
    for document in set(sent):
        if assistant.admin.get(f"/v1/documents/{document}").status_code == 200:
            assistant.settled(document)
    assert verify(assistant).clean


def test_the_command_prints_one_document_and_says_by_its_exit_code_whether_all_is_well(assistant: System) -> None:
    environment = {**os.environ, "FOOTNOTE_DATA_DIR": str(assistant.data_dir), "COLUMNS": "80"}

    def footnote(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "services", "verify", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    clean = footnote("--json")
    assert (clean.returncode, json.loads(clean.stdout)["clean"]) == (0, True)
    blobs = DirectoryStore(assistant.data_dir / "blobs")
    stray = blobs.path(blobs.put(b"nobody refers to this either").sha256)
    os.utime(stray, (OLD, OLD))
    found = footnote()
    assert (found.returncode, found.stdout.splitlines()[0]) == (1, "Not clean")
    assert max(map(len, found.stdout.splitlines())) <= 80
    mended = json.loads(footnote("--repair", "--json").stdout)
    assert (mended["clean"], mended["repaired"]) == (True, {"blobs_deleted": 1})
    assert not stray.exists()


def test_only_administrators_may_audit(assistant: System) -> None:
    refused = assistant.person("curious@example.com").post("/v1/admin/verify", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
