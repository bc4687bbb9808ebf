"""A repair whose index is lost while it waits for its work: registry, index and audits are given by fakes."""

from collections.abc import Iterator, Mapping
from typing import cast

import pytest

from retrieval.errors import IndexUnavailableError
from retrieval.index import ChunkIndex
from services.auditing import repair
from services.auditing.auditor import Auditor
from services.auditing.findings import Finding, Progress, Report
from services.auditing.repair import Mender
from services.auditing.verification import Verification
from services.blobs import BlobStore
from services.db.audit import AuditRegistry
from services.db.repairs import Repairs

JOB = "j1"


class World:
    """One document that lacks a point. Its ingestion ends at the second look after the collection is there.

    `goes` is what happens to the index meanwhile: "lost", or "down" for one look.
    """

    def __init__(self, goes: str) -> None:
        self.goes = goes
        self.is_there = True
        self.prepared = 0
        self.looks_left = 2

    def documents(self) -> int:
        return 1

    def is_prepared(self) -> bool:
        happens, self.goes = self.goes, ""
        if happens == "down":
            raise IndexUnavailableError("It does not answer.")
        self.is_there &= happens != "lost"
        return self.is_there

    def prepare(self) -> None:
        self.prepared += 1
        self.is_there = True

    def audit(self, report: Report, *, originals: bool) -> Iterator[Finding | Progress]:
        if self.looks_left:
            finding = Finding("malformed", "metadata", "a", 1)
            report.add(finding)
            yield finding

    def queued(self) -> Mapping[str, int]:
        self.looks_left -= self.is_there and self.looks_left > 0
        return {JOB: 0} if self.looks_left else {}

    def verification(self) -> Verification:
        def mender(cautious: bool) -> Mender:
            return Mender(
                registry=cast(AuditRegistry, self),
                repairs=cast(Repairs, _Jobs(self)),
                blobs=cast(BlobStore, None),
                index=lambda: cast(ChunkIndex, self),
                ring=lambda _: None,
                cautious=cautious,
            )

        return Verification(
            auditor=cast(Auditor, self), registry=cast(AuditRegistry, self), mender=mender, prepare=self.prepare
        )


class _Jobs:
    def __init__(self, world: World) -> None:
        self._world = world

    def metadata_again(self, document_id: str) -> str:
        return JOB

    def unfinished(self, jobs: set[str]) -> Mapping[str, int]:
        return self._world.queued() if jobs else {}


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(repair, "PATIENCE_SECONDS", 2.0)


@pytest.mark.parametrize("goes", ["lost", "down", ""])
def test_a_repair_makes_a_lost_index_again_and_ends_when_the_work_has(goes: str) -> None:
    world = World(goes)
    *_, report = world.verification().repair()
    assert isinstance(report, Report)
    assert report.clean
    assert world.looks_left == 0
    assert world.prepared == (3 if goes == "lost" else 2)
