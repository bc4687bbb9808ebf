"""The last look: ledger against registry against index against originals, when nothing is going on any more.

An independent check beside the product's own auditor: it reads the tables and the index's points for itself. Knows
nothing of faults.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select, update

from services.db.database import Database, clock
from services.db.jobs import MAX_ATTEMPTS
from services.db.models import Document, DocumentGrant, Job, Version
from tests.faults.ledger import Ledger, Violation
from tests.faults.words import read_back

PAGE = 500
ENDED = ("ready", "failed", "quarantined")


@dataclass(frozen=True, slots=True)
class Row:
    """A live document with its latest job and active version."""

    document: Document
    job: Job
    active: Version | None
    latest: Version
    grants: frozenset[str]


def rows(database: Database) -> list[Row]:
    """Every document that is not deleted."""
    query = select(Document, Job).join(Job, Job.id == Document.job_id).where(Document.deleted_at.is_(None))
    with database.read() as session:
        found = session.execute(query).all()
        versions = {(v.document_id, v.number): v for v in session.scalars(select(Version))}
        grants: dict[str, set[str]] = defaultdict(set)
        for grant in session.scalars(select(DocumentGrant)):
            grants[grant.document_id].add(grant.grant_name)
    return [
        Row(
            document,
            job,
            versions.get((document.id, document.active_version or 0)),
            versions[document.id, document.latest_version],
            frozenset(grants[document.id]),
        )
        for document, job in found
    ]


def let_grace_pass(database: Database) -> None:
    """Bring the clearing up of old versions forward: nobody reads any more who could have begun with one."""
    with database.write() as session:
        waiting = (Job.kind == "retire", Job.state == "queued")
        session.execute(update(Job).where(*waiting).values(next_attempt_at=clock(session)))


def waits(database: Database, kind: str) -> bool:
    """Whether jobs of this kind are not done yet."""
    with database.read() as session:
        return session.scalar(select(Job.id).where(Job.kind == kind, Job.state.in_(("queued", "running")))) is not None


def lost(ledger: Ledger, found: list[Row]) -> Iterator[Violation]:
    """Accepted, not deleted, and neither ready at the accepted revision nor ended with a reason."""
    by_id = {row.document.id: row for row in found}
    for entry in ledger.live():
        row = by_id.get(entry.id or "")
        if row is None:
            yield Violation("lost", f"{entry.name} is not in the registry")
        elif row.job.state not in ENDED:
            yield Violation("lost", f"{entry.name} is still {row.job.state} ({row.job.reason})")
        elif row.job.state != "ready":
            if not row.job.reason:
                yield Violation("lost", f"{entry.name} is {row.job.state} without a reason")
        elif row.active is None or entry.by_sha256.get(row.active.sha256, 0) < entry.accepted:
            yield Violation("lost", f"{entry.name}: revision {entry.accepted} was accepted and is not the active one")


def against_index(found: list[Row], points: list[dict[str, Any]]) -> Iterator[Violation]:
    """The index holds exactly the active versions' chunks, with the right grants and the right words."""
    held: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for point in points:
        held[point["document_id"], point["version"]].append(point)
    for row in found:
        if row.active is None:
            continue
        name = row.document.external_id
        mine = held.pop((row.document.id, row.active.number), [])
        numbers = Counter(point["number"] for point in mine)
        wanted = Counter(range(row.active.chunks or 0))
        if missing := wanted - numbers:
            yield Violation(
                "missing", f"{row.document.external_id}: {sum(missing.values())} passages are not in the index"
            )
        if extra := numbers - wanted:
            yield Violation("duplicate", f"{name}: {sum(extra.values())} passages too many")
        if wrong := {tuple(point["grants"]) for point in mine if set(point["grants"]) != row.grants}:
            yield Violation(
                "grants", f"{row.document.external_id}: the index says {sorted(wrong)}, not {sorted(row.grants)}"
            )
        if len({marker for point in mine for marker in read_back(point["text"])}) > 1:
            yield Violation("torn", f"{name}: the index mixes revisions")
    for (document_id, version), left in held.items():
        yield Violation("phantom", f"{len(left)} passages of {document_id} version {version} are still in the index")


def originals(found: list[Row], blobs: Path) -> Iterator[Violation]:
    """Every active version's original lies in the blob store, byte for byte."""
    for row in found:
        if row.active is None:
            continue
        path = blobs / row.active.sha256[:2] / row.active.sha256
        if not path.is_file():
            yield Violation("lost", f"{row.document.external_id}: its original is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != row.active.sha256:
            yield Violation("lost", f"{row.document.external_id}: its original is damaged")


def verified(url: str, key: str) -> Iterator[Violation]:
    """What the product's own auditor says.

    Surplus blobs of uploads that were cut off are expected, and cleared away by `--repair`; nothing else is.
    """
    found = json.loads(_verify(url, key).stdout or "{}")
    for kind in ("missing", "duplicate", "malformed"):
        if found.get(kind, {}).get("count", 1):
            yield Violation(f"verify: {kind}", str(found.get(kind)))
    again = _verify(url, key, "--repair")
    if again.returncode:
        yield Violation("verify: not clean after a repair", (again.stdout or again.stderr)[:500])


def _verify(url: str, key: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services", "verify", "--json", "--url", url, *options]
    environment = {**os.environ, "FOOTNOTE_API_KEY": key}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def hostile(sent: dict[str, str], found: list[Row]) -> Iterator[Violation]:
    """Each hostile file was read, or refused with a reason after at most three attempts."""
    by_id = {row.document.id: row for row in found}
    for name, document_id in sent.items():
        job = by_id[document_id].job
        if job.state not in ENDED or (job.state != "ready" and not job.reason) or job.attempts > MAX_ATTEMPTS:
            yield Violation("poison", f"{name} is {job.state} after {job.attempts} attempts ({job.reason})")


def points(port: int, collection: str = "chunks") -> list[dict[str, Any]]:
    """Every point's payload, by Qdrant's own interface."""
    found: list[dict[str, Any]] = []
    offset: Any = None
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60.0) as index:
        while True:
            asked = {"limit": PAGE, "with_payload": True, "with_vector": False, "offset": offset}
            answer = index.post(f"/collections/{collection}/points/scroll", json=asked)
            answer.raise_for_status()
            result = answer.json()["result"]
            found += [point["payload"] for point in result["points"]]
            offset = result["next_page_offset"]
            if offset is None:
                return found


def comes_to_rest(database: Database, port: int, document_id: str, *, seconds: float = 60.0) -> None:
    """Bring the grace of old versions forward and look until the index holds what it should of this document."""
    deadline = time.monotonic() + seconds
    while True:
        let_grace_pass(database)
        mine = [row for row in rows(database) if row.document.id == document_id]
        wrong = list(against_index(mine, [point for point in points(port) if point["document_id"] == document_id]))
        if not wrong:
            return
        assert time.monotonic() < deadline, wrong
        time.sleep(0.5)
