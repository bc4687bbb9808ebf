"""What operators' verbs of `footnote` take over from the command line, and how they end. Their work is stood in for."""

import errno
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from retrieval.errors import FootnoteError, IndexUnavailableError, NotFoundError, UnavailableError
from retrieval.evaluation import Scores
from services import cli
from services.blobs.errors import storage_errors
from services.evaluation import Evaluated
from services.settings import Settings

LOGGING_VERB = """
import sys, structlog
from retrieval.errors import NotFoundError
from services.cli import main
from services.wiring import core
def logs_and_stops(_settings):
    structlog.get_logger().warning("something_to_know")
    raise NotFoundError("stopped")
core.Core = logs_and_stops
main()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, in which a data directory would be made that nobody asked for."""
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("FOOTNOTE_DATA_DIR", raising=False)
    # A logger kept from another test would write to that test's standard error, and others must not keep ours.
    monkeypatch.setattr(cli, "configure_logging", lambda *_: None)
    return here


@pytest.fixture
def backups(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The data directories that were to be backed up; each time the file cannot be written."""
    seen: list[Path] = []

    def back_up(settings: Settings, *_: object) -> None:
        seen.append(settings.data_dir)
        raise UnavailableError("The file cannot be written.", code="backup_unwritable")

    monkeypatch.setattr("services.wiring.backup.back_up", back_up)
    return seen


def footnote(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setattr("sys.argv", ["footnote", *arguments])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    return exited.value.code


# --- options before the verb


def test_the_data_directory_may_stand_before_the_verb(here: Path, tmp_path: Path, backups: list[Path]) -> None:
    footnote("--data-dir", str(tmp_path / "before"), "backup", "x.tar")
    footnote("--data-dir", str(tmp_path / "before"), "backup", "x.tar", "--data-dir", str(tmp_path / "behind"))
    assert backups == [tmp_path / "before", tmp_path / "behind"]
    assert list(here.iterdir()) == []


def test_json_may_stand_before_the_verb() -> None:
    assert len(json.loads(footnote("--json", "settings").stdout)) == len(Settings.model_fields)


@pytest.mark.parametrize(
    "words",
    [
        ("--url", "http://127.0.0.1:9", "backup", "x.tar"),
        ("--api-key", "fn_key", "backup", "x.tar"),
        ("--data-dir", "elsewhere", "settings"),
        ("--json", "migrate"),
        ("--json", "api"),
    ],
)
def test_an_option_that_the_verb_does_not_take_is_refused_before_it_too(
    here: Path, backups: list[Path], words: tuple[str, ...]
) -> None:
    result = footnote(*words)
    assert (result.exit_code, backups, list(here.iterdir())) == (cli.WRONG_USAGE, [], [])
    assert words[0] in result.stderr


def test_variables_for_clients_are_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch, backups: list[Path]) -> None:
    monkeypatch.setenv("FOOTNOTE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("FOOTNOTE_API_KEY", "fn_key")
    footnote("backup", "x.tar")
    assert len(backups) == 1


# --- exit codes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnavailableError("The registry (database) does not answer.", code="database_unavailable"), cli.UNREACHABLE),
        (IndexUnavailableError("The search index does not answer."), cli.UNREACHABLE),
        (UnavailableError("The disk is full.", code="storage_full"), cli.FAILED),
        (NotFoundError("There is no such thing."), cli.FAILED),
    ],
)
def test_a_server_that_does_not_answer_ends_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: FootnoteError, code: int
) -> None:
    def raising(*_: object) -> None:
        raise error

    monkeypatch.setattr("services.wiring.core.Core", raising)
    assert ended(monkeypatch, "migrate") == code
    assert capsys.readouterr().err == f"{error.message}\n"


def test_a_registry_whose_file_cannot_be_opened_ends_with_1(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / ".footnote" / "db.sqlite3").mkdir(parents=True)
    assert ended(monkeypatch, "sign-in") == cli.FAILED


def test_a_registry_that_is_locked_ends_with_1(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.db.database.BUSY_SECONDS", 0.1)
    assert footnote("migrate").exit_code == 0
    with closing(sqlite3.connect(here / ".footnote" / "db.sqlite3")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert ended(monkeypatch, "sign-in") == cli.FAILED


def test_a_disk_that_cannot_be_used_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        with storage_errors("originals"):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("services.wiring.backup.back_up", broken)
    assert ended(monkeypatch, "backup", "x.tar") == cli.FAILED


def test_a_registry_that_is_down_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:9/none")
    assert ended(monkeypatch, "sign-in") == cli.UNREACHABLE


@pytest.mark.parametrize(("failures", "code"), [(("a.pdf: It is encrypted.",), cli.PARTLY_DONE), ((), 0)])
def test_an_evaluation_without_some_of_its_documents_is_partly_done(
    evaluated: list[Evaluated], failures: tuple[str, ...], code: int
) -> None:
    evaluated.append(Evaluated(Scores(questions=1), (), failures))
    result = footnote("eval", "corpus", "questions.jsonl", "--json")
    assert (result.exit_code, json.loads(result.stdout)["questions"]) == (code, 1)
    assert result.stderr == "".join(f"Not ingested: {failure}\n" for failure in failures)


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[Evaluated]:
    """What an evaluation is to find. While it runs it makes `.footnote/models`."""
    found: list[Evaluated] = []

    @contextmanager
    def scratch_assistant(settings: Settings) -> Iterator[None]:
        (settings.data_dir / "models").mkdir(parents=True)
        yield

    monkeypatch.setattr("services.wiring.scratch.scratch_assistant", scratch_assistant)
    monkeypatch.setattr("services.evaluation.evaluate_folder", lambda *_, **__: found[0])
    return found


# --- files


@pytest.fixture
def usual_umask() -> Iterator[None]:
    umask = os.umask(0o022)
    yield
    assert os.umask(umask) == 0o022, "the verb has left another one behind"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("usual_umask")
def test_the_registry_is_its_owners_alone_whichever_verb_makes_it(tmp_path: Path) -> None:
    assert footnote("migrate", "--data-dir", str(tmp_path / "data")).exit_code == 0
    assert {mode(path) & 0o077 for path in (tmp_path / "data", *(tmp_path / "data").iterdir())} == {0}


@pytest.mark.usefixtures("usual_umask")
def test_an_evaluation_writes_for_others_what_it_was_told_to_write(here: Path, evaluated: list[Evaluated]) -> None:
    evaluated.append(Evaluated(Scores(questions=1), ()))
    assert footnote("eval", "corpus", "questions.jsonl", "--per-question", "each.jsonl").exit_code == 0
    assert (mode(here / "each.jsonl"), mode(here / ".footnote" / "models")) == (0o644, 0o700)


# --- output


@pytest.mark.parametrize("words", [("migrate",), ("sign-in",), ("link-identity", "ann@example.com", "1dc2")])
def test_logs_never_go_to_standard_output(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", LOGGING_VERB, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (cli.FAILED, "")
    log, said = done.stderr.splitlines()
    assert (json.loads(log)["event"], json.loads(log)["process"], said) == ("something_to_know", words[0], "stopped")


def test_a_sign_in_link_is_printed_as_json_where_that_is_asked_for(tmp_path: Path) -> None:
    data_dir = str(tmp_path / "data")
    assert footnote("migrate", "--data-dir", data_dir).exit_code == 0
    plain, as_json = footnote("sign-in", "--data-dir", data_dir), footnote("--json", "sign-in", "--data-dir", data_dir)
    start = plain.stdout.partition("#token=")[0]
    assert start.startswith("http://127.0.0.1:8000/")
    assert json.loads(as_json.stdout)["url"].startswith(f"{start}#token=")
