"""`footnote status` on a terminal: calm, 80 columns wide, what needs somebody in plain sight."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from ingest.commands.status_report import duration, report
from ingest.resources import Status, value_of

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "at": NOW,
    "documents": {"queued": 412, "running": 2, "ready": 1240, "failed": 1, "quarantined": 0},
    "queue": {"waiting": 415, "due": 412, "later": 3, "running": 2, "oldest_waiting_s": 340.0},
    "throughput": {
        "documents_per_minute": 12.5,
        "chunks_per_minute": 3120,
        "last_minute": {"documents_per_minute": 14, "chunks_per_minute": 3300},
    },
    "remaining_s": 480.0,
    "stages": [
        {"stage": "parse", "mean_ms": 35.2, "p95_ms": 78.0, "documents": 500},
        {"stage": "embed", "mean_ms": 1400.0, "p95_ms": 12_000.0, "documents": 500},
    ],
    "ready_time": {"p50_s": 2.1, "p95_s": 4.8, "documents": 500},
    "index": {"chunks": 31002, "engine": "an engine 1.2.3"},
    "parts": {"database": "up", "index": "up"},
    "version": "0.1.0",
}
HELD = {
    "id": "d1",
    "title": "A very long title of a document that does not fit into any column of a terminal",
    "kind": "ingest",
    "stage": "embed",
    "progress": {"chunks_done": 1280, "chunks_total": 5120},
    "attempts": 1,
}
TROUBLE: dict[str, Any] = {
    "stuck": [{"what": "queue", "since_s": 400.0, "count": 412, "detail": "Jobs are due and no job ends."}],
    "workers": [
        {"name": "node-1.example.com:4711", "document": HELD, "progress_at": NOW - timedelta(seconds=7)},
        {"name": "node-2:12", "document": None, "progress_at": NOW - timedelta(seconds=200)},
    ],
    "data_sources": [
        {"name": "wiki", "connector": "confluence", "state": "failed", "reason": "The token is refused."},
        {"name": "Contracts", "connector": "s3", "state": "needs_confirmation", "unconfirmed": 1240},
    ],
    "failures": [
        {"id": "d2", "title": "Lease", "state": "failed", "reason": "It is encrypted.", "attempts": 1},
        {
            "id": "d3",
            "title": "Scan",
            "state": "queued",
            "reason": "The search index does not answer.",
            "attempts": 2,
            "next_attempt_at": NOW + timedelta(seconds=12),
        },
    ],
}


def shown(width: int = 80, **changes: Any) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, highlight=False)
    console.print(report(value_of(Status, PLAIN | changes)))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("trouble", [{}, TROUBLE], ids=["calm", "trouble"])
def test_nothing_is_wider_than_the_terminal(trouble: dict[str, Any]) -> None:
    for width in (80, 60):
        assert max(map(len, shown(width, **trouble).splitlines())) <= width


def test_a_pipe_gets_names_and_titles_whole() -> None:
    text = shown(100_000, **TROUBLE)
    assert str(HELD["title"]) in text
    assert "node-1.example.com:4711" in text
    assert max(map(len, text.splitlines())) < 1000


def test_all_is_well_in_a_dozen_lines() -> None:
    lines = shown().splitlines()
    assert len(lines) <= 12
    assert lines[0].split() == "Documents 412 queued, 2 running, 1,240 ready, 1 failed, 0 quarantined".split()
    text = " ".join(" ".join(lines).split())
    for words in (
        "Queue 412 waiting, 2 running, 3 for later, the oldest for 6 min",
        "Throughput 12 documents, 3,120 chunks a minute (14 and 3,300 in the last one)",
        "Remaining about 8 min",
        "Ready 2.1 s after it was sent (p95 4.8 s)",
        "Stages parse 35 ms, embed 1.4 s",
        "p95 parse 78 ms, embed 12 s",
        "Index 31,002 chunks (an engine 1.2.3)",
    ):
        assert words in text


def test_without_a_basis_no_remaining_time_is_promised() -> None:
    text = shown(remaining_s=None, ready_time=None, stages=[])
    for word in ("Remaining", "Ready", "Stages", "p95"):
        assert word not in text


def test_what_needs_somebody_is_named_with_what_to_do() -> None:
    text = " ".join(shown(**TROUBLE).split())
    assert "Stuck for 7 min (412): Jobs are due and no job ends." in text
    assert "wiki failed The token is refused." in text
    assert "1,240 deletions wait" in text
    assert "Again in 12 s." in text
    assert "embed 1,280/5,120 7 s ago" in text
    assert "idle 3 min ago" in text


def test_a_server_of_an_earlier_release_is_shown_with_what_it_says() -> None:
    old = {"documents": {"ready": 3}, "queue": {"waiting": 2, "running": 1}, "throughput": {"documents_per_minute": 1}}
    console = Console(file=io.StringIO(), width=80)
    console.print(report(value_of(Status, old)))
    assert "2 waiting, 1 running" in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (150, "2 min"), (7300, "2 h"), (400_000, "5 days")]
)
def test_a_span_is_as_exact_as_one_needs_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words
