"""Status, readiness and metrics of a running system: what they say is what happened."""

import time
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.system import System

BROKEN = b"%PDF-1.7\nnot really"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(assistant: System) -> Samples:
    text = assistant.client(None).get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


def later(assistant: System, true: Callable[[Samples], bool], seconds: float = 30.0) -> Samples:
    """The metrics once they show it: they are read anew at most once in five seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        samples = scraped(assistant)
        if true(samples):
            return samples
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s: {samples}")


@pytest.fixture(scope="module")
def before(assistant: System) -> Samples:
    return scraped(assistant)


@pytest.fixture(scope="module")
def after(assistant: System, before: Samples) -> Samples:
    """One document more that became ready, and one more that failed."""
    fine = assistant.send("fine.md", b"# Metrics\n\nA document of one passage.\n", external_id="metrics-fine")
    broken = assistant.send("broken.pdf", BROKEN, external_id="metrics-broken")
    assert (fine["state"], broken["state"]) == ("ready", "failed"), (fine, broken)

    def counted(samples: Samples) -> bool:
        name = "footnote_jobs_finished_total"
        return all(
            value(samples, name, kind="ingest", outcome=outcome)
            > value(before, name, kind="ingest", outcome=outcome)
            for outcome in ("ready", "failed")
        )  # fmt: skip

    return later(assistant, counted)


def gained(before: Samples, after: Samples, name: str, **labels: str) -> float:
    return value(after, name, **labels) - value(before, name, **labels)


def test_jobs_are_counted_by_their_outcome_and_failures_by_their_reason(before: Samples, after: Samples) -> None:
    assert gained(before, after, "footnote_jobs_finished_total", kind="ingest", outcome="ready") == 1
    assert gained(before, after, "footnote_jobs_finished_total", kind="ingest", outcome="failed") == 1
    assert gained(before, after, "footnote_job_failures_total", outcome="failed", code="corrupt") == 1
    assert gained(before, after, "footnote_job_attempts_total", kind="ingest") == 2


def test_each_stage_and_the_whole_way_are_measured_for_what_became_ready(before: Samples, after: Samples) -> None:
    for stage in ("parse", "chunk", "embed", "upsert"):
        assert gained(before, after, "footnote_stage_seconds_count", stage=stage) == 1, stage
    assert gained(before, after, "footnote_ready_seconds_count") == 1
    assert gained(before, after, "footnote_ready_seconds_sum") > 0
    assert gained(before, after, "footnote_chunks_total", how="embedded") == 1


def test_gauges_show_how_things_are_now(before: Samples, after: Samples) -> None:
    assert gained(before, after, "footnote_documents", state="failed") == 1
    assert value(after, "footnote_documents", state="ready") >= 1
    assert value(after, "footnote_index_chunks") >= 1
    for part in ("database", "index", "broker", "originals"):
        assert value(after, "footnote_part_up", part=part) == 1
    for what in ("queue", "job", "lease"):
        assert value(after, "footnote_stuck_seconds", what=what) == 0


def test_no_label_carries_a_name_or_a_text(after: Samples) -> None:
    labels = {label for _, pairs in after for label, _ in pairs}
    assert labels <= {
        "state", "when", "what", "part", "kind", "outcome", "code", "how", "stage", "le", "method", "route", "status",
        "mode",
    }  # fmt: skip


def test_the_status_names_states_stages_workers_and_failures(assistant: System, after: Samples) -> None:
    status = assistant.admin.get("/v1/admin/status").json()
    assert status["documents"]["failed"] == value(after, "footnote_documents", state="failed")
    assert [stage["stage"] for stage in status["stages"]][:4] == ["parse", "chunk", "embed", "upsert"]
    assert status["ready_time"]["documents"] >= 1
    assert any(failure["external_id"] == "metrics-broken" and failure["reason"] for failure in status["failures"])
    assert status["workers"]
    assert all(worker["progress_at"] for worker in status["workers"])
    assert status["stuck"] == []
    assert status["progress_at"] is not None


def test_readiness_is_public_and_names_no_document(assistant: System, after: Samples) -> None:
    answer = assistant.client(None).get("/readyz")
    assert answer.status_code == 200
    assert (answer.json()["ready"], answer.json()["stuck"], answer.json()["stuck_since_s"]) == (True, [], None)


def test_everybody_may_know_how_long_the_queue_is(assistant: System) -> None:
    reader = assistant.person("queue@example.com", scopes=["read"])
    assert set(reader.get("/v1/queue").json()) == {"waiting", "running", "remaining_s"}
    assert reader.get("/v1/admin/status").status_code == 403


def test_documents_can_be_asked_after_by_their_ids(assistant: System) -> None:
    mine = assistant.send("ids.md", b"Asked after by its id.\n", external_id="by-id")
    stranger = assistant.person("stranger@example.com")
    ids = [mine["id"], "00000000-0000-0000-0000-000000000000"]
    found = assistant.admin.get("/v1/documents", params={"id": ids}).json()["items"]
    assert [document["id"] for document in found] == [mine["id"]]
    assert (found[0]["stage"], found[0]["progress"]) == (None, None)  # nothing runs any more
    assert stranger.get("/v1/documents", params={"id": ids}).json()["items"] == []
