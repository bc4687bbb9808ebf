"""What is wrong with one document's points in the index, given what the registry says of it. Knows nothing of either.

The rule of fairness: what unfinished work may still be writing or deleting is no finding. A version whose ingestion
failed or was quarantined keeps what it wrote until it is retried or replaced; no reader sees it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from retrieval.index import StoredPoint, is_well_formed, point_id
from services.auditing.findings import Finding
from services.db.audit import Expected, ExpectedVersion

GIVEN_UP = ("failed", "quarantined")


def judge(expected: Expected, points: Sequence[StoredPoint], text: Callable[[], str | None]) -> list[Finding]:
    """The findings on one document. `text` gives the active version's parsed text, None where it cannot be read."""
    findings = list(_without_place(expected, points))
    if expected.deleted:
        if not expected.at_work("delete", "retire"):
            findings += _grouped("phantom", "point_of_deleted_document", expected, points)
        return findings
    findings += _unready(expected)
    tolerated = expected.at_work("ingest", "retire")
    if expected.job_state in GIVEN_UP:
        tolerated |= {expected.latest_version}
    placed = [point for point in points if is_well_formed(point.payload)]
    others = [point for point in placed if point.payload["version"] != expected.active_version]
    stale = [point for point in others if point.payload["version"] not in tolerated]
    findings += _grouped("phantom", "point_of_other_version", expected, stale)
    active = expected.active
    if active is not None and not expected.is_made_again:
        mine = [point for point in placed if point.payload["version"] == expected.active_version]
        findings += _active(expected, active, mine, text)
    return findings


def _without_place(expected: Expected, points: Sequence[StoredPoint]) -> Iterator[Finding]:
    if not expected.deleted:
        bad = [point for point in points if not is_well_formed(point.payload)]
        yield from _grouped("malformed", "payload", expected, bad)


def _unready(expected: Expected) -> Iterator[Finding]:
    """A version that was accepted and that nothing will ever make ready."""
    ready = expected.active_version == expected.latest_version
    if not ready and not expected.at_work("ingest") and expected.job_state not in GIVEN_UP:
        yield Finding("missing", "job", expected.document_id, expected.latest_version)


def _active(
    expected: Expected, active: ExpectedVersion, points: Sequence[StoredPoint], text: Callable[[], str | None]
) -> Iterator[Finding]:
    """The active version's points must be exactly its manifest's."""
    total = active.chunks or 0
    beyond = [point for point in points if not 0 <= point.payload["number"] < total]
    kept, copies, misnamed = _chosen(point for point in points if 0 <= point.payload["number"] < total)
    yield from _grouped("phantom", "point_beyond_manifest", expected, beyond)
    yield from _grouped("duplicate", "point", expected, copies)
    yield from _grouped("malformed", "point_id", expected, misnamed)
    missing = total - len(kept) - len(misnamed)
    if missing:
        yield Finding("missing", "chunk", expected.document_id, expected.active_version, count=missing)
    yield from _grouped("malformed", "text", expected, _misquoting(kept, text() if kept else None))
    yield from _grouped("malformed", "labels", expected, [p for p in kept if _mislabelled(p, expected, active)])
    if not expected.at_work("metadata"):
        yield from _grouped("malformed", "metadata", expected, [p for p in kept if _outdated(p, expected)])


def _chosen(
    points: Iterator[StoredPoint],
) -> tuple[list[StoredPoint], list[StoredPoint], list[StoredPoint]]:
    """One point for each number, under its own id where there is one; the copies; the only ones under a wrong id."""
    kept: dict[int, StoredPoint] = {}
    rest: list[StoredPoint] = []
    for point in points:
        if point.id == _own_id(point):
            kept[point.payload["number"]] = point
        else:
            rest.append(point)
    misnamed: dict[int, StoredPoint] = {}
    copies: list[StoredPoint] = []
    for point in rest:
        number = point.payload["number"]
        if number in kept or number in misnamed:
            copies.append(point)
        else:
            misnamed[number] = point
    return list(kept.values()), copies, list(misnamed.values())


def _own_id(point: StoredPoint) -> str:
    payload = point.payload
    return point_id(payload["document_id"], payload["version"], payload["number"], payload["generation"])


def _misquoting(points: Sequence[StoredPoint], text: str | None) -> list[StoredPoint]:
    if text is None:  # the parsed text itself is reported as missing
        return []
    return [point for point in points if text[_span(point)] != point.payload["text"]]


def _span(point: StoredPoint) -> slice:
    start, end = point.payload["start"], point.payload["end"]
    return slice(start, end) if 0 <= start < end else slice(0, 0)


def _mislabelled(point: StoredPoint, expected: Expected, active: ExpectedVersion) -> bool:
    said = (point.payload["data_source"], point.payload["media_type"])
    return said != (expected.data_source, active.media_type)


def _outdated(point: StoredPoint, expected: Expected) -> bool:
    """Whether searches filter on something else than the registry says."""
    payload = point.payload
    if frozenset(map(str, payload["grants"])) != expected.grants:
        return True
    stored, known = payload.get("modified_at"), _epoch(expected.modified_at)
    if stored is None or known is None:
        return stored is not known
    return abs(float(stored) - known) > 0.001


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.astimezone(UTC).timestamp()


def _grouped(kind: Any, what: str, expected: Expected, points: Sequence[StoredPoint]) -> Iterator[Finding]:
    """One finding for all points of a document that are wrong in the same way, by version."""
    by_version: dict[int | None, list[str | int]] = {}
    for point in points:
        version = point.payload.get("version")
        by_version.setdefault(version if isinstance(version, int) else None, []).append(point.id)
    for version, ids in by_version.items():
        yield Finding(kind, what, expected.document_id, version, count=len(ids), points=tuple(sorted(ids, key=str)))
