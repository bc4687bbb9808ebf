"""When the watch audits: what it sees and what an audit comes to are given by fakes, at the seams of both."""

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from retrieval.errors import UnavailableError
from retrieval.index import ChunkIndex
from services.auditing import watch
from services.auditing.findings import Finding, Report
from services.auditing.verification import Verification
from services.auditing.watch import Watch
from services.db.audit import AuditRegistry

MISSING = Finding("missing", "chunks", document_id="a", version=1)


class World:
    """A registry of one document of three chunks, an index that holds `held` of them or is gone, and audits that end
    as `reports` says: None, because a part went away."""

    def __init__(self, *reports: Report | None) -> None:
        self.held: int | None = 3
        self.answers = True
        self.reports = list(reports)
        self.audits = 0
        self.watch = Watch(
            registry=cast(AuditRegistry, self),
            index=lambda: cast(ChunkIndex, self),
            verification=cast(Verification, self),
        )

    def documents(self) -> int:
        return 1

    def expected_chunks(self) -> int:
        return 3

    def is_idle(self) -> bool:
        return True

    def newest(self) -> list[tuple[str, int, int]]:
        return []

    def is_prepared(self) -> bool:
        return self.held is not None

    def total(self) -> int:
        if not self.answers:
            raise UnavailableError("The index went away.")
        return self.held or 0

    def repair(self, *, cautious: bool, originals: bool) -> Iterator[Report]:
        self.audits += 1
        report = self.reports.pop(0)
        if report is None:
            raise UnavailableError("The index went away.")
        yield report

    def looks(self, times: int) -> int:
        """How many audits come of looking so often."""
        before = self.audits
        for _ in range(times):
            self.watch.step(threading.Event())
        return self.audits - before


def unclean(*, in_flight: int = 0) -> Report:
    report = Report(in_flight=in_flight)
    report.add(MISSING)
    return report


def test_only_what_is_wrong_twice_is_audited() -> None:
    world = World(Report())
    assert world.looks(3) == 0
    world.held = 2
    assert world.looks(1) == 0
    assert world.looks(1) == 1


def test_what_an_audit_could_not_mend_is_not_audited_again_at_once() -> None:
    world = World(unclean())
    world.held = 2
    assert world.looks(10) == 1


def test_another_loss_is_audited_though_the_one_before_was_not_mended() -> None:
    world = World(unclean(), Report())
    world.held = 2
    assert world.looks(2) == 1
    world.held = None
    assert world.looks(2) == 1


def test_the_same_loss_is_audited_again_once_all_was_well_between() -> None:
    world = World(unclean(), Report())
    world.held = 2
    assert world.looks(2) == 1
    world.held = 3
    assert world.looks(1) == 0
    world.held = 2
    assert world.looks(2) == 1


def test_where_work_was_under_way_the_next_audit_comes_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "UNDER_WAY_SECONDS", 0.0)
    world = World(unclean(in_flight=1), Report())
    world.held = 2
    assert world.looks(4) == 2


def test_an_audit_that_an_outage_ended_is_made_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "UNDER_WAY_SECONDS", 0.0)
    world = World(None, Report())
    world.held = None
    with pytest.raises(UnavailableError):
        world.looks(2)
    assert world.looks(2) == 1


def test_an_audit_whose_index_goes_away_right_after_it_is_made_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "UNDER_WAY_SECONDS", 0.0)
    world = World(unclean(), Report())
    world.held = None
    world.answers = False  # only who counts notices
    with pytest.raises(UnavailableError):
        world.looks(2)
    assert world.audits == 1
    world.answers = True
    assert world.looks(2) == 1


def test_an_audit_without_a_reason_comes_an_hour_after_the_start_and_then_daily(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now))
    world = World(Report(), Report())
    assert world.looks(3) == 0
    now += 3601
    assert world.looks(3) == 1
    now += 3601
    assert world.looks(3) == 0
    now += 86_400
    assert world.looks(3) == 1
