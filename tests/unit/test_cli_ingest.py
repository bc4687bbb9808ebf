"""`footnote ingest` against a small server on this machine: what is sent, what is waited for, what is deleted."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner, Result

from ingest.cli import register
from ingest.client import Client
from ingest.commands.grouping import BATCH_FILES, SMALL_BYTES
from ingest.commands.local_files import LocalFile
from ingest.commands.sending import THREADS, Sender
from ingest.problems import ServerUnreachableError
from tests.unit.fake_server import EMAIL, KEY, FakeServer, document_id, running_server

Ingest = Callable[..., Result]

FOOTNOTE = """
import typer
from ingest.cli import register
app = typer.Typer(add_completion=False)
register(app)
app()
"""


@pytest.fixture(scope="module")
def started_server() -> Iterator[FakeServer]:
    with running_server() as fake:
        yield fake


@pytest.fixture
def server(started_server: FakeServer) -> FakeServer:
    started_server.reset()
    return started_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `a.md` and `sub/b.md`."""
    made = tmp_path / "folder"
    (made / "sub").mkdir(parents=True)
    (made / "a.md").write_text("first", encoding="utf-8")
    (made / "sub" / "b.md").write_text("second", encoding="utf-8")
    return made


@pytest.fixture
def ingest(server: FakeServer) -> Ingest:
    environment = {"FOOTNOTE_URL": server.url, "FOOTNOTE_API_KEY": KEY, "COLUMNS": "80", "FORCE_COLOR": None}
    app = typer.Typer(add_completion=False)
    register(app)

    def call(*words: str | Path) -> Result:
        server.requests.clear()
        server.uploads.clear()
        server.batches.clear()
        return CliRunner(env=environment).invoke(app, ["ingest", *map(str, words)])

    return call


def summary(result: Result) -> dict[str, Any]:
    (line,) = result.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def methods(server: FakeServer) -> set[str]:
    return {method for method, _ in server.requests}


@contextmanager
def not_entered(folder: Path) -> Iterator[None]:
    """A folder that may be listed but not entered. Root enters it all the same, so looking below it is refused here."""
    look, mode = os.stat, folder.stat().st_mode

    def refusing(path: Any, *more: Any, **by_name: Any) -> os.stat_result:
        if isinstance(path, str | Path) and folder in Path(path).parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return look(path, *more, **by_name)

    folder.chmod(0o444)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "stat", refusing)
        try:
            yield
        finally:
            folder.chmod(mode)


# --- what is sent


def test_a_folder_is_sent_and_waited_for(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    server.asks_until_ready = 3
    result = ingest(folder, "--grant", "everyone", "--data-source", "hr")
    assert result.exit_code == 0
    assert result.stdout == "2 ready, 0 failed (2 sent, 0 unchanged).\n"
    document = server.documents[document_id("sub/b.md", "hr")]
    assert (document["external_id"], document["data_source"], document["grants"], document["state"]) == (
        "sub/b.md", "hr", ["everyone"], "ready",
    )  # fmt: skip
    assert document["modified_at"].endswith("Z")


def test_a_second_run_sends_nothing(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder)
    result = ingest(folder)
    assert result.exit_code == 0
    assert "0 sent, 2 unchanged" in result.stdout
    assert methods(server) == {"GET"}


def test_only_the_changed_file_is_sent_again_even_at_the_same_size(
    ingest: Ingest, server: FakeServer, folder: Path
) -> None:
    ingest(folder)
    (folder / "a.md").write_text("FIRST", encoding="utf-8")
    assert ingest(folder).exit_code == 0
    assert server.uploads == ["a.md"]


def test_it_is_the_newest_version_that_is_compared_where_readers_still_see_another(
    ingest: Ingest, server: FakeServer, folder: Path
) -> None:
    ingest(folder)
    document = server.documents[document_id("a.md")]
    document |= {
        "newest_sha256": document["sha256"],
        "sha256": "0" * 64,
        "size": 1,
        "state": "failed",
        "reason": "Damaged.",
    }
    ingest(folder)
    assert server.uploads == []
    document |= {"newest_sha256": "0" * 64, "sha256": document["newest_sha256"], "size": 5, "state": "ready"}
    ingest(folder)
    assert server.uploads == ["a.md"]


def test_other_grants_are_changed_without_sending_the_file(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder, "--grant", "everyone")
    assert ingest(folder, "--grant", "group:hr", "--grant", "group:legal").exit_code == 0
    assert server.uploads == []
    assert server.documents[document_id("a.md")]["grants"] == ["group:hr", "group:legal"]


def test_grants_stay_as_they_are_when_none_are_given(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder, "--grant", "everyone")
    assert "PUT" not in methods(server)
    ingest(folder)
    assert server.documents[document_id("a.md")]["grants"] == ["everyone"]


def test_a_single_file_is_known_by_its_name(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder / "sub" / "b.md")
    assert server.uploads == ["b.md"]


def test_what_a_file_replaces_and_when_it_holds_is_said_even_of_one_that_is_there(
    ingest: Ingest, server: FakeServer, folder: Path
) -> None:
    dates = ("--effective-from", "2026-01-01", "--effective-until", "2026-12-31")
    ingest(folder / "a.md")
    ingest(folder / "a.md", "--supersedes", "old.md", "--supersedes", "older.md", *dates)
    assert "supersedes" not in server.said[0]
    assert server.said[1]["supersedes"] == ["old.md", "older.md"]
    assert server.said[1]["effective_from"] == "2026-01-01T00:00:00Z"
    assert server.said[1]["effective_until"] == "2027-01-01T00:00:00Z"  # the last day that it holds is a whole one


def test_dates_are_said_of_every_file_of_a_folder(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder, "--effective-from", "2026-01-01T12:00:00+01:00")
    assert [said["effective_from"] for said in server.said] == ["2026-01-01T11:00:00Z"] * 2


def test_a_folder_replaces_no_single_document(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    result = ingest(folder, "--supersedes", "old.md")
    assert (result.exit_code, server.uploads) == (2, [])
    assert "give one file" in result.stderr


def test_hidden_files_programs_and_archives_are_left_out(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    (folder / ".git").mkdir()
    for name in (".git/config.md", ".env", "setup.EXE", "old.rar", "lib.so"):
        (folder / name).write_text("x", encoding="utf-8")
    result = ingest(folder)
    assert sorted(server.uploads) == ["a.md", "sub/b.md"]
    assert "setup.EXE is a program or an archive" in result.stderr
    assert ".env" not in result.stderr


def test_links_never_lead_out_of_the_given_folder(
    ingest: Ingest, server: FakeServer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text("secret", encoding="utf-8")
    (folder / "file.md").symlink_to(tmp_path / "outside" / "secret.md")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    (folder / "broken.md").symlink_to(folder / "nothing.md")
    (folder / "inside.md").symlink_to(folder / "a.md")
    ingest(folder)
    assert sorted(server.uploads) == ["a.md", "inside.md", "sub/b.md"]


def test_a_link_that_leads_round_in_a_circle_stops_no_other_file(
    ingest: Ingest, server: FakeServer, folder: Path
) -> None:
    (folder / "circle.md").symlink_to("circle.md")
    result = ingest(folder)
    assert result.exit_code == 4
    assert sorted(server.uploads) == ["a.md", "sub/b.md"]
    assert f"Left out: {folder / 'circle.md'}: Too many levels of symbolic links" in result.stderr


def test_a_folder_that_may_be_listed_but_not_entered_stops_no_other_file(
    ingest: Ingest, server: FakeServer, folder: Path
) -> None:
    (folder / "sub" / "inner").mkdir()
    with not_entered(folder / "sub"):
        result = ingest(folder)
        assert result.exit_code == 4
        assert server.uploads == ["a.md"]
        assert f"Left out: {folder / 'sub' / 'b.md'}: Permission denied" in result.stderr


def test_prune_is_refused_where_a_file_cannot_be_looked_at(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder)
    with not_entered(folder / "sub"):
        result = ingest(folder, "--prune")
    assert result.exit_code == 2
    assert "--prune is refused: a file or folder could not be read" in result.stderr
    assert methods(server) == {"GET"}


def test_two_files_of_one_external_id_are_wrong_usage(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    (folder / "b.md").write_text("third", encoding="utf-8")
    result = ingest(folder, folder / "sub")
    assert result.exit_code == 2
    assert "'b.md'" in result.stderr
    assert server.requests == []


def test_a_missing_path_is_wrong_usage(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    assert ingest(folder, folder / "nothing").exit_code == 2
    assert server.requests == []


def test_a_document_of_the_same_name_that_may_not_be_changed_is_no_reason_not_to_send(
    ingest: Ingest, server: FakeServer, folder: Path
) -> None:
    ingest(folder)
    server.documents[document_id("a.md")]["grants"] = None  # somebody else's: its grants are not told
    ingest(folder)
    assert server.uploads == ["a.md"]


def test_a_name_that_several_people_use_is_left_to_the_server(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder)
    server.documents["another"] = {**server.documents[document_id("a.md")], "id": "another", "owner": "x@example.com"}
    assert "0 sent, 2 unchanged" in ingest(folder).stdout
    assert server.uploads == ["a.md"]


def test_an_empty_folder_is_done_at_once(ingest: Ingest, tmp_path: Path) -> None:
    result = ingest(tmp_path)
    assert result.exit_code == 0
    assert result.stdout == "There is nothing to ingest.\n"


# --- small files together


def test_small_files_go_together_and_a_large_one_alone(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    (folder / "large.md").write_text("x" * (SMALL_BYTES + 1), encoding="utf-8")
    assert "3 ready, 0 failed (3 sent, 0 unchanged)." in ingest(folder).stdout
    assert server.batches == [["a.md", "sub/b.md"]]
    assert sorted(server.uploads) == ["a.md", "large.md", "sub/b.md"]


@pytest.mark.parametrize("refusal", [(405, "method_not_allowed"), (404, "not_found"), (413, "too_large")])
def test_a_server_that_takes_no_batches_gets_the_files_one_by_one(
    ingest: Ingest, server: FakeServer, folder: Path, refusal: tuple[int, str]
) -> None:
    server.batch_refusal = refusal
    (folder / "big.pdf").write_text("forbidden", encoding="utf-8")
    result = ingest(folder)
    assert result.exit_code == 4
    assert "big.pdf    failed   The file is over the limit of 50 MiB." in result.stdout
    assert "2 ready, 1 failed (2 sent, 0 unchanged)." in result.stdout
    assert (server.batches, sorted(server.uploads)) == ([], ["a.md", "big.pdf", "sub/b.md"])


def test_an_old_server_is_asked_for_batches_no_more_than_once_a_thread(
    ingest: Ingest, server: FakeServer, folder: Path
) -> None:
    server.batch_refusal = (405, "method_not_allowed")
    for number in range(10 * BATCH_FILES):
        (folder / f"{number}.md").write_text(f"{number}", encoding="utf-8")
    server.page_size = 200
    assert ingest(folder, "--no-wait").exit_code == 0
    assert len(server.uploads) == 10 * BATCH_FILES + 2
    assert server.requests.count(("POST", "/v1/documents/batch")) <= THREADS


# --- how it ends


def test_no_wait_returns_once_everything_is_sent(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    result = ingest(folder, "--no-wait")
    assert result.exit_code == 0
    assert "0 ready, 2 on their way, 0 failed" in result.stdout
    assert server.documents[document_id("a.md")]["state"] == "queued"


def test_some_failures_end_with_4_and_a_table_of_reasons(ingest: Ingest, folder: Path) -> None:
    (folder / "bad.pdf").write_text("corrupt", encoding="utf-8")
    (folder / "big.pdf").write_text("forbidden", encoding="utf-8")
    result = ingest(folder)
    assert result.exit_code == 4
    assert "bad.pdf    failed   The file is damaged." in result.stdout
    assert "big.pdf    failed   The file is over the limit of 50 MiB." in result.stdout
    assert "2 ready, 2 failed (3 sent, 0 unchanged)." in result.stdout


def test_a_second_run_reports_what_still_fails(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    (folder / "bad.pdf").write_text("corrupt", encoding="utf-8")
    ingest(folder)
    result = ingest(folder)
    assert result.exit_code == 4
    assert "The file is damaged." in result.stdout
    assert server.uploads == []


def test_nothing_but_failures_ends_with_1(ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_text("corrupt", encoding="utf-8")
    assert ingest(tmp_path).exit_code == 1


def test_a_file_that_is_gone_when_its_turn_comes_fails_alone(server: FakeServer, folder: Path) -> None:
    files = [LocalFile(folder / name, name) for name in ("a.md", "gone.md", "sub/b.md")]
    with Client(server.url, KEY) as client:
        outcomes = {outcome.external_id: outcome for outcome in Sender(client, "hr", None, {}).send(files)}
    assert not outcomes["a.md"].is_failure
    assert not outcomes["sub/b.md"].is_failure
    assert outcomes["gone.md"].reason == "The file cannot be read: No such file or directory."


@pytest.mark.parametrize("away", [True, False])
def test_a_server_that_goes_away_behind_its_proxy_ends_the_run(folder: Path, *, away: bool) -> None:
    def proxy(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.url.path == "/healthz" and not away else 502, html="<h1>nginx</h1>")

    with Client("http://proxy", KEY, transport=httpx.MockTransport(proxy), sleep=lambda _: None) as client:
        sending = Sender(client, "hr", None, {}).send([LocalFile(folder / "a.md", "a.md")])
        if away:
            with pytest.raises(ServerUnreachableError, match="502"):
                list(sending)
        else:
            assert [outcome.reason for outcome in sending] == ["The server answered 502 Bad Gateway."]


def test_json_prints_one_document_with_every_file(ingest: Ingest, folder: Path) -> None:
    (folder / "bad.pdf").write_text("corrupt", encoding="utf-8")
    (folder / "x.rar").write_text("x", encoding="utf-8")
    result = ingest(folder, "--json")
    found = summary(result)
    assert {name: found[name] for name in ("files", "sent", "unchanged", "ready", "failed", "deleted")} == {
        "files": 3, "sent": 3, "unchanged": 0, "ready": 2, "failed": 1, "deleted": 0,
    }  # fmt: skip
    assert [(document["external_id"], document["state"]) for document in found["documents"]] == [
        ("a.md", "ready"), ("bad.pdf", "failed"), ("sub/b.md", "ready"),
    ]  # fmt: skip
    assert len(found["skipped"]) == 1
    assert result.exit_code == 4


def test_a_wrong_key_ends_the_run_at_once(server: FakeServer, folder: Path) -> None:
    app = typer.Typer(add_completion=False)
    register(app)
    result = CliRunner().invoke(app, ["ingest", str(folder), "--url", server.url, "--api-key", "fn_wrong"])
    assert result.exit_code == 1
    assert len(server.requests) == 1


def test_ctrl_c_says_how_far_it_came_and_what_goes_on(server: FakeServer, folder: Path) -> None:
    server.asks_until_ready = 10**9
    # A shell that starts a test run in the background has SIGINT ignored, and whatever the run starts inherits that.
    heard = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{FOOTNOTE}"
    command = [sys.executable, "-c", heard, "ingest", str(folder), "--url", server.url, "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not server.documents.get(document_id("a.md"), {}).get("asked"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, remarks = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == ""
    assert "Interrupted: 2 of 2 files are with the server, which goes on with 2 of them." in remarks
    assert "Traceback" not in remarks


# --- pruning


def test_prune_deletes_what_has_vanished_and_nothing_else(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder, "--data-source", "hr")
    ingest(folder / "a.md", "--data-source", "other")
    (folder / "a.md").unlink()
    result = ingest(folder, "--data-source", "hr", "--prune")
    assert result.exit_code == 0
    assert "1 ready, 0 failed, 1 deleted (0 sent, 1 unchanged)." in result.stdout
    assert set(server.documents) == {document_id("sub/b.md", "hr"), document_id("a.md", "other")}


def test_without_prune_nothing_is_deleted(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder)
    (folder / "a.md").unlink()
    ingest(folder)
    assert len(server.documents) == 2


def test_prune_keeps_what_others_have_put_there(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    ingest(folder)
    server.documents[document_id("a.md")]["owner"] = "ada@example.com"
    server.documents[document_id("sub/b.md")]["owner"] = EMAIL.upper()
    (folder / "a.md").unlink()
    (folder / "sub" / "b.md").rename(folder / "c.md")
    result = ingest(folder, "--prune")
    assert set(server.documents) == {document_id("a.md"), document_id("c.md")}
    assert "1 documents that others have put there are kept." in result.stderr


def test_prune_is_refused_for_an_empty_folder_until_it_is_confirmed(
    ingest: Ingest, server: FakeServer, folder: Path, tmp_path: Path
) -> None:
    ingest(folder)
    empty = tmp_path / "empty"
    empty.mkdir()
    result = ingest(empty, "--prune")
    assert result.exit_code == 2
    assert "--confirm" in result.stderr
    assert len(server.documents) == 2
    assert ingest(empty, "--prune", "--confirm").exit_code == 0
    assert server.documents == {}


def test_prune_is_wrong_usage_for_single_files(ingest: Ingest, server: FakeServer, folder: Path) -> None:
    assert ingest(folder / "a.md", "--prune").exit_code == 2
    assert server.requests == []
