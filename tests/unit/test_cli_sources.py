"""`footnote sources` against a small server: what is sent, what is said, exit codes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from ingest.cli import register
from ingest.commands.source_options import seconds, span
from tests.unit.fake_server import KEY, FakeServer, running_server

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def started_server() -> Iterator[FakeServer]:
    with running_server() as fake:
        yield fake


@pytest.fixture
def server(started_server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setattr("ingest.commands.source_waiting.INTERVAL_S", 0.01)
    started_server.reset()
    return started_server


@pytest.fixture
def run(server: FakeServer) -> Run:
    environment = {"FOOTNOTE_URL": server.url, "FOOTNOTE_API_KEY": KEY, "COLUMNS": "80", "NO_COLOR": "1"}

    def call(*words: str) -> Result:
        app = typer.Typer(name="footnote")
        register(app)
        return CliRunner(env=environment).invoke(app, ["sources", *words])

    return call


def add(run: Run, *more: str) -> Result:
    return run("add", "handbook", "folder", "./handbook", *more)


def test_a_folder_is_added_with_its_full_path_synced_and_waited_for(run: Run, server: FakeServer) -> None:
    added = add(run, "--grant", "everyone", "--every", "15m", "--set", "include=*.md", "--set", "include=*.txt")
    assert added.exit_code == 0, added.stderr
    assert server.sources.bodies == [
        {
            "name": "handbook",
            "connector": "folder",
            "options": {"path": str(Path.cwd() / "handbook"), "include": ["*.md", "*.txt"]},
            "secrets": {},
            "grants": ["everyone"],
            "every_s": 900,
            "sync": True,
        }
    ]
    assert added.stdout == "3 documents in handbook: 2 new, 1 unchanged, 0 failed.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x", "ftp", "y"], "There is no connector 'ftp'; there are folder, imap."),
        (["x", "folder"], "needs path"),
        (["x", "folder", ".", "--set", "size=1"], "no option 'size'"),
        (["x", "folder", ".", "--set", "size"], "takes key=value"),
        (["x", "folder", ".", "--secret", "password=x"], "no secret 'password'"),
        (["x", "imap", "mail.example", "--set", "username=ann"], "--secret password=NAME"),
        (["x", "imap", "mail.example", "--set", "username=ann", "--set", "password=hunter2"], "password is a secret"),
        (["x", "folder", ".", "--every", "5s"], "15m"),
        (["x", "folder", ".", "--grant", "all"], "not a grant"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_says_what_there_is(
    run: Run, server: FakeServer, words: list[str], said: str
) -> None:
    result = run("add", *words)
    assert (result.exit_code, result.stdout, server.sources.bodies) == (2, "", [])
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert "hunter2" not in result.stderr


def test_failing_items_are_shown_and_end_with_4(run: Run, server: FakeServer) -> None:
    server.sources.outcome = {"outcome": "partly"}
    server.sources.failures = [{"external_id": "a.pdf", "state": "failed", "reason": "It is encrypted."}]
    result = add(run)
    assert result.exit_code == 4
    assert "a.pdf" in result.stdout
    assert "It is encrypted." in result.stdout
    assert "only you may read" in result.stderr


def test_a_source_that_cannot_be_read_ends_with_1_and_its_reason(run: Run, server: FakeServer) -> None:
    server.sources.outcome = {"outcome": "failed", "code": "data_source_unavailable", "reason": "/mnt is not a folder."}
    result = add(run, "--grant", "everyone")
    assert (result.exit_code, "/mnt is not a folder." in result.stderr) == (1, True)


def test_vanished_documents_need_a_word_and_the_command_for_it_is_shown(run: Run, server: FakeServer) -> None:
    server.sources.outcome = {"outcome": "needs_confirmation", "unconfirmed": 3}
    result = add(run, "--grant", "everyone")
    assert result.exit_code == 4
    assert "footnote sources sync handbook --confirm" in result.stderr.replace("\n", " ")
    assert "--confirm" in run("list").stderr
    server.sources.outcome = {"outcome": "done"}
    assert run("sync", "handbook", "--confirm").exit_code == 0
    assert server.sources.bodies[-1] == {"confirm": True}


def test_json_is_one_document_and_nothing_else(run: Run, server: FakeServer) -> None:
    server.sources.failures = [{"external_id": "a.pdf", "state": "failed", "reason": "It is encrypted."}]
    said: dict[str, Any] = json.loads(add(run, "--json").stdout)
    assert said["setup"]["sync"]["outcome"] == "done"
    assert [one["external_id"] for one in said["failures"]] == ["a.pdf"]
    assert [json.loads(line)["name"] for line in run("list", "--json").stdout.splitlines()] == ["handbook", "hr"]
    assert [json.loads(line)["name"] for line in run("connectors", "--json").stdout.splitlines()] == ["folder", "imap"]
    assert json.loads(run("remove", "handbook", "--yes", "--json").stdout)["deleted"] == 3


def test_removing_asks_where_it_can_and_is_refused_where_it_cannot(run: Run, server: FakeServer) -> None:
    add(run, "--no-wait")
    refused = run("remove", "handbook")
    assert (refused.exit_code, "--keep-documents" in refused.stderr) == (2, True)
    assert "documents deleted: 3" in run("remove", "handbook", "--yes").stdout
    assert "documents kept: 3" in run("remove", "handbook", "--keep-documents").stdout


def test_changes_keep_what_is_not_named(run: Run, server: FakeServer) -> None:
    add(run, "--no-wait", "--set", "depth=2")
    assert run("change", "handbook", "--set", "include=*.md", "--every", "manual").exit_code == 0
    options = {"path": str(Path.cwd() / "handbook"), "depth": "2", "include": ["*.md"]}
    assert server.sources.bodies[-1] == {"options": options, "secrets": {}, "every_s": None}
    assert run("change", "handbook").exit_code == 2
    run("pause", "handbook")
    assert server.sources.bodies[-1] == {"paused": True}


def test_lists_and_details_fit_80_columns(run: Run, server: FakeServer) -> None:
    add(run, "--grant", "everyone")
    for words in (["list"], ["show", "handbook"], ["connectors"], ["connectors", "imap"]):
        result = run(*words)
        assert result.exit_code == 0
        assert max(map(len, result.stdout.splitlines())) <= 80
        assert "handbook" in result.stdout or "imap" in result.stdout


@pytest.mark.parametrize(("words", "number"), [("1m", 60), ("15m", 900), ("1h", 3600), ("2d", 172800), ("manual", 0)])
def test_spans_are_read_and_shown_alike(words: str, number: int) -> None:
    assert (seconds(words), span(number)) == (number, words)


@pytest.mark.parametrize("words", ["", "0m", "1s", "h", "-1h", "1.5h", "400d", "9999999m"])
def test_other_spans_are_refused(words: str) -> None:
    with pytest.raises(typer.BadParameter):
        seconds(words)
