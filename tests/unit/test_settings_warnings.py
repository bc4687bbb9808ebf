"""What `footnote` says of its environment when it starts. The processes themselves are stood in for."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from services.cli import app
from services.settings import Settings

MISSPELT = "FOOTNOTE_" + "LLM_ULR"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("services.wiring.core.Core.migrate", lambda _: None)
    monkeypatch.setattr("services.wiring.api.api_parts", lambda _: None)
    monkeypatch.setattr("services.api.serve.serve", lambda *_, **__: None)
    monkeypatch.setattr("services.embedded.up.run_all", lambda *_, **__: 0)
    # A logger kept from another test would write to that test's standard error, and others must not keep ours.
    monkeypatch.setattr("services.cli.configure_logging", logging_to_standard_error)
    yield monkeypatch
    structlog.reset_defaults()


def logging_to_standard_error(*_: str) -> None:
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def started(*arguments: str) -> Any:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def test_a_misspelt_variable_is_told_beside_a_whole_json_document(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(MISSPELT, "http://127.0.0.1:9/v1")
    result = started("settings", "--json")
    assert len(json.loads(result.stdout)) == len(Settings.model_fields)
    assert result.stderr == f"{MISSPELT} is not a setting and is ignored. Did you mean FOOTNOTE_LLM_URL?\n"


def test_a_process_logs_a_misspelt_variable_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(MISSPELT, "http://127.0.0.1:9/v1")
    (line,) = started("api").stderr.splitlines()
    said = json.loads(line)
    assert (said["event"], said["variable"], said["did_you_mean"]) == ("unknown_setting", MISSPELT, "FOOTNOTE_LLM_URL")


def test_nothing_is_said_of_an_environment_that_is_right(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FOOTNOTE_PORT", "8001")
    for verb in ("settings", "api", "up"):
        assert started(verb).stderr == ""


def test_an_api_that_others_reach_without_an_address_says_what_follows(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FOOTNOTE_HOST", "0.0.0.0")
    (line,) = started("api").stderr.splitlines()
    said = json.loads(line)
    assert said["event"] == "public_url_not_set"
    assert (said["sign_in_links"], said["secure_cookies"]) == ("http://127.0.0.1:8000", False)
    environment.setenv("FOOTNOTE_PUBLIC_URL", "https://footnote.example.com")
    assert started("api").stderr == ""


def test_the_whole_assistant_says_so_too(environment: pytest.MonkeyPatch) -> None:
    said = started("up", "--host", "0.0.0.0").stderr
    assert said.startswith("FOOTNOTE_PUBLIC_URL is not set")
    assert "http://127.0.0.1:8000" in said
    environment.setenv("FOOTNOTE_PUBLIC_URL", "https://footnote.example.com")
    assert started("up", "--host", "0.0.0.0").stderr == ""
