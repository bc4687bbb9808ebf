"""`footnote verify` against a small server on this machine: what it prints, and what its exit code says."""

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from tests.unit.fake_server import KEY, FakeServer, running_server
from tests.unit.test_cli import footnote


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with running_server() as fake:
        yield fake


def run(server: FakeServer, *words: str) -> Result:
    environment = {"FOOTNOTE_URL": server.url, "FOOTNOTE_API_KEY": KEY, "COLUMNS": "80", "NO_COLOR": "1"}
    return CliRunner(env=environment).invoke(footnote(), ["verify", *words])


def test_findings_are_named_and_fail_the_command(server: FakeServer) -> None:
    result = run(server)
    assert result.exit_code == 1
    assert result.stdout.startswith("Not clean\n")
    assert "chunks not in the index: 3, d1 version 2" in " ".join(result.stdout.split())
    assert "footnote verify --repair" in result.stdout


def test_a_repair_says_what_was_done(server: FakeServer) -> None:
    result = run(server, "--repair")
    assert result.exit_code == 0
    assert result.stdout.startswith("Clean\n")
    assert "Repaired (documents ingested again: 1)" in result.stdout


def test_json_is_the_servers_report_and_nothing_else(server: FakeServer) -> None:
    result = run(server, "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["clean"], report["missing"]["count"]) == (1, False, 3)
    assert report["missing"]["examples"] == [{"what": "chunk", "count": 3, "document_id": "d1", "version": 2}]


def test_a_stream_without_its_report_is_no_verdict(server: FakeServer) -> None:
    server.cut_audits = True
    result = run(server, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "before it was complete" in result.stderr
