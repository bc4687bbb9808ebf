"""The `footnote` command as a person or a script uses it, against a running assistant."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import system
from tests.corpus.hostile.build import build
from tests.private_servers import free_port
from tests.system import System

POLICIES = Path(__file__).parents[3] / "shared" / "data" / "inazuma" / "policies"
QUESTIONS = Path(__file__).parents[1] / "corpus" / "inazuma_questions.jsonl"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def footnote(*arguments: str, url: str, key: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command in an empty folder of 80 columns."""
    environment = {**os.environ, "FOOTNOTE_URL": url, "FOOTNOTE_API_KEY": key, "COLUMNS": "80", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "services", *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def runner(assistant: System, cwd: Path) -> Run:
    key = assistant.admin.headers["authorization"].removeprefix("Bearer ")

    def run_it(*arguments: str, url: str = assistant.url, key: str = key) -> "subprocess.CompletedProcess[str]":
        return footnote(*arguments, url=url, key=key, cwd=cwd)

    return run_it


@pytest.fixture
def run(assistant: System, tmp_path: Path) -> Run:
    return runner(assistant, tmp_path)


@pytest.fixture(params=system.SIZES)
def run_alone(request: pytest.FixtureRequest, tmp_path: Path, model_cache: Path) -> Iterator[Run]:
    """Against an assistant that holds nothing else: what other tests send changes which words are rare."""
    with system.running(request.param, tmp_path / "alone", model_cache) as assistant:
        yield runner(assistant, tmp_path)


def documents(run: Run, *arguments: str) -> list[dict[str, Any]]:
    listed = run("documents", "list", "--json", *arguments)
    assert listed.returncode == 0, listed.stderr
    return [json.loads(line) for line in listed.stdout.splitlines()]


def test_a_folder_is_ingested_and_a_second_run_sends_nothing(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "handbook"
    (folder / "it").mkdir(parents=True)
    (folder / "welcome.md").write_text("# Welcome\n\nThe reception opens at 7.40 in the morning.")
    (folder / "it" / "printer.txt").write_text("The printer on the second floor is called Gutenberg.")
    first = run("ingest", str(folder), "--data-source", "handbook", "--grant", "everyone")
    assert first.returncode == 0, first.stderr
    rows = documents(run, "--data-source", "handbook")
    assert {row["external_id"]: row["state"] for row in rows} == {"welcome.md": "ready", "it/printer.txt": "ready"}
    second = run("ingest", str(folder), "--data-source", "handbook", "--grant", "everyone", "--json")
    assert second.returncode == 0, second.stderr
    assert {row["version"] for row in documents(run, "--data-source", "handbook")} == {1}
    (folder / "it" / "printer.txt").unlink()
    pruned = run("ingest", str(folder), "--data-source", "handbook", "--grant", "everyone", "--prune")
    assert pruned.returncode == 0, pruned.stderr
    assert [row["external_id"] for row in documents(run, "--data-source", "handbook")] == ["welcome.md"]


def test_ask_and_search_print_answers_with_sources(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gate.txt").write_text("The north gate is locked at 21.30 by the night porter.")
    assert run("ingest", "gate.txt", "--data-source", "gates", "--grant", "everyone").returncode == 0
    asked = run("ask", "When is the north gate locked?")
    assert asked.returncode == 0, asked.stderr
    assert "21.30" in asked.stdout
    assert "[1]" in asked.stdout
    answer = json.loads(run("ask", "When is the north gate locked?", "--json").stdout)
    assert answer["sentences"][0]["citations"]
    assert "gate" in run("search", "north gate", "--top-k", "3").stdout


def test_failures_are_listed_with_reasons_and_the_exit_code_says_partly(run: Run, tmp_path: Path) -> None:
    files = build(tmp_path / "hostile")
    (tmp_path / "good.txt").write_text("Good files go through.")
    partly = run("ingest", "good.txt", str(files["encrypted.pdf"]), str(files["empty.txt"]), "--data-source", "mixed")
    assert partly.returncode == 4, partly.stdout + partly.stderr
    said = partly.stdout + partly.stderr
    assert "encrypted.pdf" in said
    assert "empty" in said
    assert run("ingest", str(files["truncated.pdf"]), "--data-source", "mixed").returncode == 1


def test_accounts_and_keys_are_made_from_the_command_line(run: Run) -> None:
    created = run("users", "create", "dora@example.com", "--group", "hr", "--json")
    assert created.returncode == 0, created.stderr
    key = json.loads(run("keys", "create", "--user", "dora@example.com", "--json").stdout)
    assert set(key) >= {"id", "key"}
    assert run("documents", "list", key=key["key"]).returncode == 0
    assert run("users", "create", "x@example.com", key=key["key"]).returncode == 1
    assert run("groups", "add", "finance", "dora@example.com").returncode == 0
    assert run("keys", "revoke", key["id"]).returncode == 0
    assert run("documents", "list", key=key["key"]).returncode == 1


def test_exit_codes_tell_a_server_that_is_away_from_a_wrong_key_and_wrong_usage(run: Run) -> None:
    away = run("search", "x", url=f"http://127.0.0.1:{free_port()}")
    assert (away.returncode, away.stdout) == (3, "")
    assert run("search", "x", key="fn_0000_wrong").returncode == 1
    assert run("search").returncode == 2
    assert run("nonsense").returncode == 2
    assert run("ingest", "not-there.txt").returncode == 2


@pytest.mark.parametrize("verb", ["up", "ingest", "search", "ask", "documents", "status", "users", "groups", "keys"])
def test_every_verb_has_help_with_an_example_that_fits_80_columns(run: Run, verb: str) -> None:
    helped = run(verb, "--help")
    assert helped.returncode == 0
    assert "footnote" in helped.stdout
    assert max(len(line) for line in helped.stdout.splitlines()) <= 80


def test_settings_are_listed_without_secrets(run: Run) -> None:
    listed = run("settings", "--json")
    assert listed.returncode == 0, listed.stderr
    assert all(row["meaning"] for row in json.loads(listed.stdout))


@pytest.mark.skipif(not POLICIES.is_dir(), reason="the inazuma policies are not beside this checkout")
def test_real_policies_are_ingested_without_a_failure_and_ten_questions_find_their_document(run_alone: Run) -> None:
    run = run_alone
    sent = run("ingest", str(POLICIES), "--data-source", "inazuma", "--grant", "everyone")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    rows = documents(run, "--data-source", "inazuma")
    assert len(rows) == len(list(POLICIES.glob("*.pdf"))) == 24
    assert {row["state"] for row in rows} == {"ready"}
    wrong = []
    for line in QUESTIONS.read_text().splitlines():
        question = json.loads(line)
        answer = json.loads(run("ask", question["question"], "--json").stdout)
        titles = {source["number"]: source["external_id"] for source in answer["sources"]}
        cited = {titles[c["source"]] for sentence in answer["sentences"] for c in sentence["citations"]}
        if not cited.intersection(question["expected_documents"]):
            wrong.append((question["question"], answer["outcome"], sorted(cited)))
    assert wrong == []
