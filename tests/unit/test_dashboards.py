"""The dashboard and the alert rules ask for metrics, labels and label values that the code has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from ruamel.yaml import YAML

from retrieval.types import Mode, Outcome
from services import telemetry
from services.api import scrape
from services.api.routes import admin
from services.db.source_health import STATES as SOURCE_STATES

FOLDER = Path(__file__).parents[2] / "deploy" / "dashboards"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "ingestion.json").read_text())
GROUPS: list[dict[str, Any]] = YAML(typ="safe").load(FOLDER / "alerts.yaml")["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [
    rule["expr"] for rule in RULES
]
SELECTOR = re.compile(r"(footnote_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
SUFFIXES = {Counter: ("_total",), Histogram: ("_bucket", "_count", "_sum"), Gauge: ("",)}
# The values that code gives a label, where there are few and they are fixed.
VALUES: dict[tuple[str, str], set[str]] = {
    ("footnote_documents", "state"): set(scrape.STATES),
    ("footnote_queue_jobs", "when"): {"due", "later", "running"},
    ("footnote_stuck_seconds", "what"): set(scrape.STUCK),
    ("footnote_part_up", "part"): {"database", "index", "broker", "originals"},
    ("footnote_jobs_finished_total", "kind"): {"ingest", "metadata", "retire", "delete"},
    ("footnote_jobs_finished_total", "outcome"): set(scrape.OUTCOMES),
    ("footnote_data_sources", "state"): set(SOURCE_STATES),
    ("footnote_answers_total", "outcome"): {*Outcome},
    ("footnote_answers_total", "mode"): {*Mode},
    ("footnote_requests_total", "status"): {"200", "404", "500", "503"},
    ("footnote_requests_total", "route"): {route.path for route in admin.router.routes if isinstance(route, APIRoute)},
}
# What each process counts of its own; all else every one shows of the whole system.
OF_QUESTIONS = {
    "footnote_requests_total",
    "footnote_answers_total",
    "footnote_answer_seconds",
    "footnote_open_answers",
    "footnote_audit_lost_total",
    "footnote_rate_limited_total",
    "footnote_rate_limits_local",
}


def exported() -> dict[str, MetricWrapperBase]:
    """Every sample's name that /metrics can show, with its metric."""
    metrics = [value for value in vars(telemetry).values() if isinstance(value, MetricWrapperBase)]
    names = {}
    for metric in metrics:
        (suffixes,) = (suffixes for kind, suffixes in SUFFIXES.items() if isinstance(metric, kind))
        names.update({f"{metric._name}{suffix}": metric for suffix in suffixes})
    return names


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_name_and_label_in_an_expression_exists(expression: str) -> None:
    selectors = SELECTOR.findall(expression)
    assert selectors
    for name, matchers in selectors:
        assert name in exported(), name
        for label, values in MATCHER.findall(matchers):
            assert label in exported()[name]._labelnames, f"{name}{{{label}}}"
            for value in values.split("|"):
                assert any(re.fullmatch(value, known) for known in VALUES[name, label]), value


def test_the_labels_that_lines_are_named_by_exist() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            labels = {label for name, _ in SELECTOR.findall(target["expr"]) for label in exported()[name]._labelnames}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels, panel["title"]


def test_every_metric_of_ingestion_is_on_the_dashboard() -> None:
    shown = {name for expression in EXPRESSIONS for name, _ in SELECTOR.findall(expression)}
    missing = {metric._name for name, metric in exported().items()} - {exported()[name]._name for name in shown}
    assert missing - {name.removesuffix("_total") for name in OF_QUESTIONS} == set()


def test_no_expression_adds_up_what_every_api_process_shows() -> None:
    """Each shows the whole system: twice the processes would be twice the documents."""
    for expression in EXPRESSIONS:
        if {name for name, _ in SELECTOR.findall(expression)} <= OF_QUESTIONS:
            assert "max" not in expression, expression
            continue
        bare = re.sub(r"sum by \(instance, kind\)", "", expression)
        assert not re.search(r"(?<!_)\bsum(?: by \([^)]*\))? ?\((?!max)", bare), expression
        assert "max" in expression, expression


def test_there_is_an_alert_where_no_api_is_left_where_requests_fail_and_where_the_model_is_gone() -> None:
    expressions = {rule["alert"]: rule["expr"] for rule in RULES}
    assert expressions["FootnoteDown"].startswith("absent(")
    assert 'status=~"5.."' in expressions["FootnoteErrors"]
    model = expressions["FootnoteModelDown"]
    assert 'mode="extractive"' in model
    assert 'mode="generated"' in model  # without a model all answers are extractive


def test_alerts_say_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
