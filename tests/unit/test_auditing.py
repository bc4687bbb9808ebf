"""What the auditor makes of one document's points, given what the registry says: a pure function, tried on small cases.

The rule under test most is fairness: what unfinished work may be writing or deleting is no finding.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from retrieval.index import StoredPoint, point_id
from services.auditing.findings import EXAMPLES, Finding, Report
from services.auditing.judging import judge
from services.db.audit import Expected, ExpectedVersion

TEXT = "One. Two. Three."
SPANS = [(0, 4), (5, 9), (10, 16)]
MODIFIED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
DOCUMENT = "5f0c1d9e-0000-4000-8000-000000000001"


def expected(**changed: Any) -> Expected:
    values: dict[str, Any] = {
        "document_id": DOCUMENT,
        "title": "Numbers",
        "data_source": "uploads",
        "deleted": False,
        "active_version": 1,
        "latest_version": 1,
        "metadata_revision": 0,
        "job_id": "j1",
        "job_state": "ready",
        "ready_at": MODIFIED,
        "modified_at": MODIFIED,
        "grants": frozenset({"everyone", "group:hr"}),
        "versions": {1: ExpectedVersion("a" * 64, "b" * 64, "text/plain", len(SPANS))},
        "unfinished": frozenset(),
    }
    return Expected(**(values | changed))


def point(number: int, *, version: int = 1, name: str | None = None, **changed: Any) -> StoredPoint:
    start, end = SPANS[number] if number < len(SPANS) else (0, 4)
    payload = {
        "document_id": DOCUMENT,
        "version": version,
        "number": number,
        "generation": 1,
        "start": start,
        "end": end,
        "text": TEXT[start:end],
        "page": None,
        "heading_path": [],
        "grants": ["group:hr", "everyone"],
        "data_source": "uploads",
        "media_type": "text/plain",
        "modified_at": MODIFIED.timestamp(),
        **changed,
    }
    return StoredPoint(name or point_id(DOCUMENT, version, number, 1), payload)


WHOLE = [point(0), point(1), point(2)]


def found(document: Expected, points: Sequence[StoredPoint], text: str | None = TEXT) -> list[tuple[str, str, int]]:
    return [(finding.kind, finding.what, finding.count) for finding in judge(document, points, lambda: text)]


def test_a_whole_document_has_no_findings() -> None:
    assert found(expected(), WHOLE) == []


@pytest.mark.parametrize(
    ("points", "finding"),
    [
        (WHOLE[:1], ("missing", "chunk", 2)),
        ([], ("missing", "chunk", 3)),
        ([*WHOLE, point(3)], ("phantom", "point_beyond_manifest", 1)),
        ([*WHOLE, point(0, version=9)], ("phantom", "point_of_other_version", 1)),
        ([*WHOLE, point(1, name="copy")], ("duplicate", "point", 1)),
        ([*WHOLE[:2], point(2, name="moved")], ("malformed", "point_id", 1)),
        ([*WHOLE[:2], point(2, text="Tree.")], ("malformed", "text", 1)),
        ([*WHOLE[:2], point(2, start=-6)], ("malformed", "text", 1)),
        ([*WHOLE[:2], point(2, grants=["everyone"])], ("malformed", "metadata", 1)),
        ([*WHOLE[:2], point(2, modified_at=None)], ("malformed", "metadata", 1)),
        ([*WHOLE[:2], point(2, media_type="text/html")], ("malformed", "labels", 1)),
        ([*WHOLE, point(1, name="poor", heading_path=None)], ("malformed", "payload", 1)),
        ([*WHOLE, point(1, name="poor", page="1")], ("malformed", "payload", 1)),
    ],
)
def test_each_damage_is_named(points: list[StoredPoint], finding: tuple[str, str, int]) -> None:
    assert found(expected(), points) == [finding]


def test_a_time_survives_the_way_through_a_float() -> None:
    exact = expected(modified_at=datetime(2026, 7, 1, 0, 0, 0, 1, tzinfo=UTC))
    points = [point(n, modified_at=exact.modified_at.timestamp() if exact.modified_at else None) for n in range(3)]
    assert found(exact, points) == []


def test_a_document_without_a_time_may_have_points_without_that_field() -> None:
    bare = [StoredPoint(one.id, {k: v for k, v in one.payload.items() if k != "modified_at"}) for one in WHOLE]
    assert found(expected(modified_at=None), bare) == []
    assert found(expected(), bare) == [("malformed", "metadata", 3)]


@pytest.mark.parametrize(
    ("unfinished", "points"),
    [
        (("ingest", 1), []),  # the active version is being written again in place
        (("ingest", 2), [*WHOLE, point(0, version=2)]),
        (("retire", 9), [*WHOLE, point(0, version=9)]),
        (("metadata", None), [point(n, grants=["everyone"]) for n in range(3)]),
    ],
)
def test_what_unfinished_work_explains_is_no_finding(
    unfinished: tuple[str, int | None], points: list[StoredPoint]
) -> None:
    idle = expected(latest_version=2) if unfinished == ("ingest", 2) else expected()
    at_work = replace(idle, unfinished=frozenset({("j2", *unfinished)}))
    assert found(at_work, points) == []
    assert found(idle, points) != [], "it is the work that explains it"


def test_a_deleted_documents_points_are_phantoms_once_no_work_deletes_them() -> None:
    deleted = expected(deleted=True)
    assert found(deleted, WHOLE) == [("phantom", "point_of_deleted_document", 3)]
    assert found(replace(deleted, unfinished=frozenset({("j2", "delete", None)})), WHOLE) == []


@pytest.mark.parametrize("state", ["failed", "quarantined"])
def test_what_a_given_up_version_wrote_is_kept_for_its_retry(state: str) -> None:
    given_up = expected(latest_version=2, job_state=state)
    assert found(given_up, [*WHOLE, point(0, version=2)]) == []
    replaced = replace(given_up, latest_version=3)
    assert found(replaced, [*WHOLE, point(0, version=2)]) == [("phantom", "point_of_other_version", 1)]


@pytest.mark.parametrize(
    ("job_state", "is_lost"), [("ready", True), ("cancelled", True), ("missing", True), ("failed", False)]
)
def test_a_version_that_nothing_will_make_ready_is_missing_its_job(job_state: str, is_lost: bool) -> None:
    waiting = expected(active_version=None, job_state=job_state)
    assert found(waiting, []) == ([("missing", "job", 1)] if is_lost else [])


def test_a_report_counts_everything_and_shows_the_first_with_ids_only() -> None:
    report = Report()
    for number in range(EXAMPLES + 5):
        report.add(Finding("missing", "chunk", f"d{number}", 1, count=3))
    assert not report.clean
    assert report.tallies["missing"].count == 3 * (EXAMPLES + 5)
    assert len(report.tallies["missing"].examples) == EXAMPLES
    assert report.tallies["missing"].examples[0] == {"what": "chunk", "count": 3, "document_id": "d0", "version": 1}
