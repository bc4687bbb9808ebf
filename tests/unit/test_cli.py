"""The REST verbs of the command line, run against a small server on this machine: output, exit codes, connection."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from rich.text import Text
from typer.testing import CliRunner, Result

from ingest.cli import register
from ingest.client import Client
from ingest.commands.connection import ConnectionOptions, open_client
from ingest.commands.usage import WrongUsageError
from tests.unit.fake_server import (
    ANSWER,
    EXPLANATION,
    KEY,
    NOT_RECORDED,
    REFUSAL,
    SENTENCES,
    SOURCE,
    FakeServer,
    running_server,
)

Run = Callable[..., Result]

VERBS = [
    "ingest", "search", "ask", "status", "verify", "documents list", "documents show", "documents delete",
    "documents retry", "documents grants", "sources list", "sources add", "sources show", "sources sync",
    "sources change", "sources pause", "sources resume", "sources remove", "sources connectors",
    "users create", "users list", "users disable", "users enable", "users link", "groups add", "groups remove",
    "groups list", "keys create", "keys list", "keys revoke",
]  # fmt: skip


# Those that print and need nothing but what the server has from the start.
READING_VERBS = [
    "search leave", "search leave --explain", "ask leave", "ask leave --explain", "status", "documents list",
    "sources list", "sources connectors", "users list", "groups list", "keys list",
]  # fmt: skip


def footnote() -> typer.Typer:
    app = typer.Typer(name="footnote", no_args_is_help=True, add_completion=False)
    register(app)
    return app


@pytest.fixture(scope="module")
def started_server() -> Iterator[FakeServer]:
    with running_server() as fake:
        yield fake


@pytest.fixture
def server(started_server: FakeServer) -> FakeServer:
    started_server.reset()
    return started_server


@pytest.fixture
def run(server: FakeServer, tmp_path: Path) -> Run:
    """Runs `footnote` with the given words, on a terminal of 80 columns or, as here, none."""
    environment = {
        "FOOTNOTE_URL": server.url,
        "FOOTNOTE_API_KEY": KEY,
        "FOOTNOTE_DATA_DIR": str(tmp_path / "none"),
        "COLUMNS": "80",
        "FORCE_COLOR": None,
        "NO_COLOR": "1",
    }

    def call(*words: str, **changed: str | None) -> Result:
        return CliRunner(env={**environment, **changed}).invoke(footnote(), list(words))

    return call


def upload(run: Run, folder: Path, *names: str) -> None:
    """Put files of these names, with their names as content, into the data source `uploads`."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name, encoding="utf-8")
    run("ingest", str(folder), "--grant", "everyone")


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def uncoloured(result: Result) -> str:
    return Text.from_ansi(result.stdout).plain


# --- what every verb keeps


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example_and_fits_80_columns(run: Run, verb: str) -> None:
    result = run(*verb.split(), "--help")
    assert result.exit_code == 0
    assert f"Example: footnote {verb} " in f"{' '.join(result.stdout.split())} "
    assert max(map(len, result.stdout.splitlines())) <= 80
    for option in ("--url", "--api-key", "--data-dir", "--json"):
        assert option in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["search"],
        ["search", " "],
        ["ask", ""],
        ["search", "q", "--top-k", "0"],
        ["documents", "list", "-x"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_so_on_standard_error(run: Run, words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr


def test_an_unreachable_server_ends_with_3(run: Run) -> None:
    result = run("status", FOOTNOTE_URL="http://127.0.0.1:9")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "http://127.0.0.1:9" in result.stderr


@pytest.mark.parametrize("verb", [["status"], ["documents", "delete", "d1", "d2"], ["ingest", "note.txt"]])
@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_is_away_behind_a_proxy_ends_with_3(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, verb: list[str]
) -> None:
    proxy = httpx.MockTransport(lambda _: httpx.Response(status, html="<h1>nginx</h1>"))
    behind = partial(Client, transport=proxy, sleep=lambda _: None)
    monkeypatch.setattr("ingest.commands.connection.Client", behind)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text("text")
    result = run(*verb)
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"{status}" in result.stderr


def test_a_wrong_key_ends_with_1_and_asks_for_a_right_one(run: Run) -> None:
    result = run("status", FOOTNOTE_API_KEY="fn_wrong")
    assert result.exit_code == 1
    assert "Is the API key right" in result.stderr
    assert "fn_wrong" not in result.stderr


def test_a_refusal_of_the_server_ends_with_1_and_its_words(run: Run) -> None:
    result = run("documents", "show", "nope")
    assert result.exit_code == 1
    assert result.stderr == "Error: There is no such document, or you may not read it.\n"


# --- address and key


def write_key_file(directory: Path, *, url: str, key: str = KEY, mode: int = 0o600) -> Path:
    directory.mkdir()
    path = directory / "cli.json"
    path.write_text(json.dumps({"url": url, "key": key}), encoding="utf-8")
    path.chmod(mode)
    return directory


def test_options_are_taken_before_and_after_the_verb(run: Run, server: FakeServer) -> None:
    nothing = {"FOOTNOTE_URL": None, "FOOTNOTE_API_KEY": None}
    before = run("--url", server.url, "--api-key", KEY, "--json", "status", **nothing)
    after = run("status", "--url", server.url, "--api-key", KEY, "--json", **nothing)
    below = run("documents", "--url", server.url, "list", "--api-key", KEY, "--json", **nothing)
    assert (before.exit_code, after.exit_code, below.exit_code) == (0, 0, 0)
    assert before.stdout == after.stdout


def test_an_option_before_the_verb_wins_over_the_environment(run: Run) -> None:
    assert run("--url", "http://127.0.0.1:9", "status").exit_code == 3


def test_an_option_after_the_verb_wins_over_one_before_it(run: Run, server: FakeServer) -> None:
    assert run("--url", "http://127.0.0.1:9", "status", "--url", server.url).exit_code == 0


def test_address_and_key_are_found_in_the_data_directory(run: Run, server: FakeServer, tmp_path: Path) -> None:
    directory = write_key_file(tmp_path / "data", url=server.url)
    nothing = {"FOOTNOTE_URL": None, "FOOTNOTE_API_KEY": None}
    assert run("status", FOOTNOTE_DATA_DIR=str(directory), **nothing).exit_code == 0
    assert run("status", "--data-dir", str(directory), **nothing).exit_code == 0


def test_a_key_from_the_environment_goes_to_the_address_in_the_data_directory(
    run: Run, server: FakeServer, tmp_path: Path
) -> None:
    directory = write_key_file(tmp_path / "data", url=server.url, key="fn_of-that-file")
    assert run("status", FOOTNOTE_URL=None, FOOTNOTE_DATA_DIR=str(directory)).exit_code == 0
    assert run("status", "--url", "http://127.0.0.1:9", FOOTNOTE_DATA_DIR=str(directory)).exit_code == 3


def test_a_key_from_elsewhere_goes_to_another_machine_only_where_one_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_key_file(tmp_path / ".footnote", url="https://footnote.example.com", key="fn_of-that-file")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongUsageError, match="--url"):
        open_client(ConnectionOptions(api_key=KEY))
    for named in (
        ConnectionOptions(api_key=KEY, data_dir=directory),
        ConnectionOptions(api_key=KEY, url="https://footnote.example.com"),
        ConnectionOptions(),
    ):
        assert open_client(named).url == "https://footnote.example.com"


def test_a_key_from_the_environment_stays_on_this_machine_with_nothing_named(
    run: Run, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nothing = {"FOOTNOTE_URL": None, "FOOTNOTE_DATA_DIR": None}
    path = write_key_file(tmp_path / ".footnote", url="http://192.0.2.1:9", key="fn_of-that-file") / "cli.json"
    refused = run("status", **nothing)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "http://192.0.2.1:9" in refused.stderr
    path.write_text(json.dumps({"url": server.url, "key": "fn_of-that-file"}))
    assert run("status", **nothing).exit_code == 0


@pytest.mark.parametrize("key", [KEY, None])
def test_a_key_file_of_another_user_is_refused(
    run: Run, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    directory = write_key_file(tmp_path / "data", url=server.url)
    monkeypatch.setattr("os.geteuid", lambda: directory.stat().st_uid + 1)
    result = run("status", FOOTNOTE_URL=None, FOOTNOTE_DATA_DIR=str(directory), FOOTNOTE_API_KEY=key)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "belongs to another user" in result.stderr
    assert server.requests == []


def test_a_tilde_in_the_data_directorys_name_is_the_home_directory(
    run: Run, server: FakeServer, tmp_path: Path
) -> None:
    write_key_file(tmp_path / "data", url=server.url)
    nothing = {"FOOTNOTE_URL": None, "FOOTNOTE_API_KEY": None}
    assert run("status", HOME=str(tmp_path), FOOTNOTE_DATA_DIR="~/data", **nothing).exit_code == 0


def test_the_default_data_directory_is_in_the_working_directory(
    run: Run, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key_file(tmp_path / ".footnote", url=server.url)
    monkeypatch.chdir(tmp_path)
    result = run("status", FOOTNOTE_URL=None, FOOTNOTE_API_KEY=None, FOOTNOTE_DATA_DIR=None)
    assert result.exit_code == 0


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_file_that_others_may_read_is_refused(run: Run, server: FakeServer, tmp_path: Path, mode: int) -> None:
    directory = write_key_file(tmp_path / "data", url=server.url, mode=mode)
    result = run("status", FOOTNOTE_DATA_DIR=str(directory), FOOTNOTE_API_KEY=None)
    assert result.exit_code == 2
    assert "chmod 600" in result.stderr
    assert server.requests == []


def test_a_key_from_the_data_directory_is_never_sent_to_another_address(
    run: Run, server: FakeServer, tmp_path: Path
) -> None:
    directory = write_key_file(tmp_path / "data", url="http://127.0.0.1:8000")
    result = run("status", "--url", server.url, FOOTNOTE_DATA_DIR=str(directory), FOOTNOTE_API_KEY=None)
    assert result.exit_code == 2
    assert server.requests == []


def test_without_a_key_the_message_says_how_to_get_one(run: Run) -> None:
    result = run("status", FOOTNOTE_API_KEY=None)
    assert result.exit_code == 2
    for words in ("FOOTNOTE_API_KEY", "footnote up", "footnote keys create"):
        assert words in result.stderr


@pytest.mark.parametrize("content", ["", "[]", '{"url": "http://127.0.0.1:1"}'])
def test_a_damaged_key_file_is_refused_with_its_name(run: Run, tmp_path: Path, content: str) -> None:
    directory = write_key_file(tmp_path / "data", url="x")
    (directory / "cli.json").write_text(content, encoding="utf-8")
    result = run("status", FOOTNOTE_DATA_DIR=str(directory), FOOTNOTE_API_KEY=None)
    assert result.exit_code == 2
    assert "cli.json" in result.stderr


# --- search and ask


def test_search_shows_title_page_score_and_passage(run: Run, server: FakeServer) -> None:
    result = run("search", "leave", "--top-k", "2", "--data-source", "hr")
    assert server.bodies == [{"query": "leave", "top_k": 2, "filters": {"data_sources": ["hr"]}}]
    assert "[1] Leave policy, page 2  0.731\n    Everyone has 28 days of leave [sic]." in result.stdout
    assert "[2] Leave policy  0.200\n" in result.stdout


def test_search_prints_one_hit_a_line_with_json(run: Run) -> None:
    hits = lines(run("search", "leave", "--json"))
    assert [hit["score"] for hit in hits] == [0.731, 0.2]
    assert set(hits[0]) == {
        "document_id", "version", "title", "url", "data_source", "external_id", "page", "heading_path", "start", "end",
        "text", "score", "modified_at", "superseded_by",
    }  # fmt: skip


def test_dates_narrow_a_search_and_a_question_and_a_day_is_meant_whole(run: Run, server: FakeServer) -> None:
    dates = (
        "--as-of",
        "2024-12-31",
        "--modified-after",
        "2024-01-01",
        "--modified-before",
        "2024-06-30T12:00:00+02:00",
    )
    run("search", "leave", *dates)
    run("ask", "How many days?", *dates, "--data-source", "hr")
    narrowed = {
        "as_of": "2024-12-31T23:59:59.999999Z",
        "modified_after": "2024-01-01T00:00:00Z",
        "modified_before": "2024-06-30T10:00:00Z",
    }
    assert [body["filters"] for body in server.bodies] == [narrowed, {"data_sources": ["hr"], **narrowed}]


@pytest.mark.parametrize("verb", ["search", "ask"])
def test_a_date_that_is_none_is_wrong_usage(run: Run, server: FakeServer, verb: str) -> None:
    result = run(verb, "leave", "--as-of", "yesterday")
    assert (result.exit_code, server.bodies) == (2, [])
    assert "write 2025-12-31" in result.stderr


def test_search_names_the_newer_document_where_one_may_read_it(run: Run, server: FakeServer, tmp_path: Path) -> None:
    upload(run, tmp_path / "new", "leave-2026.md")
    (server.superseded_by,) = server.documents
    assert "[1] Leave policy, page 2  0.731, superseded by leave-2026.md\n" in run("search", "leave").stdout
    server.superseded_by = "gone"
    assert "[2] Leave policy  0.200, superseded by a newer document\n" in run("search", "leave").stdout


def test_ask_names_the_newer_document_of_a_source_and_of_a_close_passage(
    run: Run, server: FakeServer, tmp_path: Path
) -> None:
    upload(run, tmp_path / "new", "leave-2026.md")
    (newer,) = server.documents
    old = {**SOURCE, "superseded_by": newer}
    server.answer = {**ANSWER, "sources": [old]}
    assert "[1] Leave policy, page 2  superseded by leave-2026.md\n" in run("ask", "How many days?").stdout
    server.answer = {**REFUSAL, "refusal": {"reason": "no_evidence", "closest": [old]}}
    assert "[1] Leave policy, page 2  superseded by leave-2026.md\n" in run("ask", "How many days?").stdout


def test_search_explained_is_a_table_of_places_within_80_columns(run: Run, server: FakeServer) -> None:
    result = run("search", "leave", "--explain")
    assert server.bodies[0]["explain"] is True
    header, _, first, second, rest, last = [line.rstrip() for line in result.stdout.splitlines()]
    assert header.split() == ["Final", "Fused", "Dense", "Sparse", "Cosine", "Score", "Page", "Document"]
    assert first.split() == ["1", "3", "2", "-", "0.812", "0.0325", "2", "Leave", "policy"]
    assert second.split()[0] == "10"
    assert "Long Long" in second
    assert rest.strip().endswith("Long…")
    assert last == "Dropped by the registry: 4. embed 8.1 ms, search 3.2 ms."
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_search_explained_with_json_is_one_document_of_hits_and_places(run: Run) -> None:
    (result,) = lines(run("search", "leave", "--explain", "--json"))
    assert result["explain"] == EXPLANATION
    assert [hit["score"] for hit in result["hits"]] == [0.731, 0.2]


def test_ask_explained_shows_places_and_the_evidence_below_the_sources(run: Run, server: FakeServer) -> None:
    result = run("ask", "How many days?", "--explain")
    above, below = result.stdout.split("    “Everyone has 28 days of leave.”\n")
    assert above.startswith("You have 28 days of leave [1].")
    assert "Dropped by the registry: 4. Withheld from you: 2. embed 8.1 ms, search 3.2 ms.\n" in below
    assert below.endswith("Searched for “leave”. Evidence 0.83, needed 0.45.\n")
    (whole,) = lines(run("ask", "How many days?", "--explain", "--json"))
    assert whole["answer"] == server.answer
    assert whole["explain"]["answer"]["sufficiency"] == 0.831


def test_an_answer_older_than_explanations_says_so(run: Run, server: FakeServer) -> None:
    server.explanation = NOT_RECORDED
    assert "was not recorded" in run("ask", "How many days?", "--explain").stdout


def test_ask_prints_the_answer_then_each_cited_source_with_its_quote(run: Run, server: FakeServer) -> None:
    result = run("ask", "How many days?", "--conversation", "c0")
    assert server.bodies == [{"question": "How many days?", "conversation_id": "c0", "stream": False}]
    assert result.stdout == (
        "You have 28 days of leave [1]. Ask your manager.\n"
        "\n"
        "[1] Leave policy, page 2\n"
        "    “Everyone has 28 days of leave.”\n"
    )
    assert "--conversation c1" in result.stderr


def test_ask_streams_on_a_terminal(run: Run, server: FakeServer) -> None:
    result = run("ask", "How many days?", FORCE_COLOR="1")
    assert server.bodies[0]["stream"] is True
    assert "You have 28 days of leave [1]. Ask your manager.\n\n[1] Leave policy, page 2" in uncoloured(result)


def test_ask_puts_markers_behind_a_sentence_that_has_none(run: Run, server: FakeServer) -> None:
    bare = {**SENTENCES[0], "text": "You have 28 days of leave."}
    server.answer = {**server.answer, "sentences": [bare]}
    assert run("ask", "q").stdout.startswith("You have 28 days of leave. [1]\n")


def test_ask_marks_a_sentence_that_its_sources_do_not_support(run: Run, server: FakeServer) -> None:
    server.answer = {**server.answer, "sentences": [{**SENTENCES[0], "status": "unsupported"}]}
    assert "[1]. (its sources do not support this)\n" in run("ask", "q").stdout


@pytest.mark.parametrize("terminal", [None, "1"])
def test_a_refusal_is_said_kindly_with_the_closest_passages(run: Run, server: FakeServer, terminal: str | None) -> None:
    server.answer = REFUSAL
    result = run("ask", "Who am I?", FORCE_COLOR=terminal)
    assert result.exit_code == 0
    assert "Nothing that you may read answers this." in result.stdout
    assert "[1] Leave policy, page 2\n    Everyone has 28 days of leave" in uncoloured(result)


def test_ask_with_json_prints_the_answer_as_one_document(run: Run, server: FakeServer) -> None:
    (answer,) = lines(run("ask", "How many days?", "--json"))
    assert answer == server.answer


def test_a_document_cannot_send_control_characters_to_the_terminal(run: Run, server: FakeServer) -> None:
    title = "\x1b]0;owned\x07\x1b[2J\u202efdp.exe\x9b31m [bold]x[/bold]"
    source = {**server.answer["sources"][0], "title": title}
    server.answer = {**server.answer, "sources": [source]}
    result = run("ask", "q")
    assert not any(character in result.stdout for character in "\x1b\x07\x9b\u202e")
    assert "[bold]x[/bold]" in result.stdout


# --- documents, status, sources


def test_documents_list_shows_every_page(run: Run, tmp_path: Path) -> None:
    upload(run, tmp_path / "d", "a.md", "b.md", "c.md")
    result = run("documents", "list")
    assert result.exit_code == 0
    assert [name in result.stdout for name in ("a.md", "b.md", "c.md")] == [True] * 3
    assert len(lines(run("documents", "list", "--json"))) == 3
    assert len(lines(run("documents", "list", "--json", "--limit", "2"))) == 2
    assert len(lines(run("documents", "list", "--json", "--state", "failed"))) == 0
    assert len(lines(run("documents", "list", "--json", "-q", "b.md"))) == 1


def test_nothing_is_cut_or_folded_where_there_is_no_terminal(run: Run, tmp_path: Path) -> None:
    name = f"{'minutes of the board ' * 6}2026.md"
    upload(run, tmp_path / "d", name)
    listed = run("documents", "list", COLUMNS=None)
    assert [name in line for line in listed.stdout.splitlines()] == [False, False, True]
    (document,) = lines(run("documents", "list", "--json"))
    assert name in run("documents", "show", document["id"], COLUMNS=None).stdout
    assert name not in run("documents", "list", FORCE_COLOR="1").stdout


@pytest.mark.parametrize("verb", [*READING_VERBS, "sources connectors folder"])
def test_nothing_is_padded_where_there_is_no_terminal(run: Run, tmp_path: Path, verb: str) -> None:
    upload(run, tmp_path / "d", "a.md")
    result = run(*verb.split(), COLUMNS=None)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) < 1000


def test_documents_show_prints_what_is_known(run: Run, tmp_path: Path) -> None:
    upload(run, tmp_path / "d", "a.md")
    (document,) = lines(run("documents", "list", "--json"))
    result = run("documents", "show", document["id"])
    assert "State        ready" in result.stdout
    assert lines(run("documents", "show", document["id"], "--json"))[0]["external_id"] == "a.md"


def test_a_document_shows_what_it_supersedes_and_what_took_its_place(
    run: Run, server: FakeServer, tmp_path: Path
) -> None:
    upload(run, tmp_path / "f", "a.md")
    (document,) = server.documents.values()
    document["superseded_by"] = "d9"
    named = [("uploads", "old.md"), ("archive", "older.md")]
    document["supersedes"] = [{"data_source": source, "external_id": name} for source, name in named]
    rows = [line.strip().split("  ") for line in run("documents", "show", document["id"]).stdout.splitlines()]
    shown = {row[0]: row[-1].strip() for row in rows}
    assert (shown["Superseded by"], shown["Supersedes"]) == ("d9", "old.md")
    assert any(row[-1].strip() == "older.md in archive" for row in rows)
    document["supersedes"] = []
    assert "Supersedes" not in run("documents", "show", document["id"]).stdout


def test_documents_delete_ends_with_4_when_some_could_not_be_deleted(run: Run, tmp_path: Path) -> None:
    upload(run, tmp_path / "d", "a.md", "b.md")
    first, second = (document["id"] for document in lines(run("documents", "list", "--json")))
    result = run("documents", "delete", first, "nope")
    assert result.exit_code == 4
    assert f"{first} deleted" in result.stdout
    assert "nope: There is no such document" in result.stderr
    assert run("documents", "delete", "nope").exit_code == 1
    assert lines(run("documents", "delete", second, "--json")) == [{"id": second, "deleted": True, "reason": None}]


def test_documents_retry_says_why_it_is_refused(run: Run, tmp_path: Path) -> None:
    upload(run, tmp_path / "d", "a.md")
    (document,) = lines(run("documents", "list", "--json"))
    result = run("documents", "retry", document["id"])
    assert result.exit_code == 1
    assert "Only failed or quarantined documents can be retried." in result.stderr


def test_documents_grants_shows_and_sets_them_in_their_normal_form(run: Run, tmp_path: Path) -> None:
    upload(run, tmp_path / "d", "a.md")
    (document,) = lines(run("documents", "list", "--json"))
    assert run("documents", "grants", document["id"]).stdout == "everyone\n"
    result = run("documents", "grants", document["id"], "--set", "group:HR", "--set", "user:a@example.com")
    assert result.stdout == "group:hr\nuser:a@example.com\n"


def test_a_long_grant_is_printed_in_one_piece(run: Run, tmp_path: Path) -> None:
    upload(run, tmp_path / "d", "a.md")
    (document,) = lines(run("documents", "list", "--json"))
    grant = f"group:{'board-' * 20}x"
    assert run("documents", "grants", document["id"], "--set", grant).stdout == f"{grant}\n"


@pytest.mark.parametrize("grant", ["all", "user:", "group", "group:a b", "user:a@example.com,everyone"])
def test_a_malformed_grant_is_wrong_usage(run: Run, server: FakeServer, grant: str) -> None:
    assert run("documents", "grants", "d1", "--set", grant).exit_code == 2
    assert server.requests == []


def test_status_is_a_compact_table(run: Run) -> None:
    result = run("status")
    assert "Documents   1 queued, 1 running, 1,240 ready, 1 failed, 0 quarantined" in result.stdout
    assert "Scan of the lease" in result.stdout
    assert len(result.stdout.splitlines()) <= 12
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_status_prints_one_json_document(run: Run) -> None:
    (status,) = lines(run("status", "--json"))
    assert status["documents"]["ready"] == 1240
    assert status["throughput"] == {"documents_per_minute": 12.5, "chunks_per_minute": 3120}


def test_sources_list_names_the_data_sources(run: Run) -> None:
    assert "hr" in run("sources", "list").stdout
    assert lines(run("sources", "list", "--json")) == [{"name": "hr", "connector": "upload", "documents": 12}]


# --- accounts


def test_users_create_prints_the_sign_in_link_in_one_piece(run: Run, server: FakeServer) -> None:
    result = run("users", "create", "ada@example.com", "--name", "Ada", "--group", "hr", "--group", "all", "--admin")
    assert result.stdout == f"{server.url}/sign-in#token={'t' * 90}\n"
    user = server.users["ada@example.com"]
    assert (user["name"], user["groups"], user["is_admin"]) == ("Ada", ["hr", "all"], True)


def test_users_are_disabled_enabled_and_listed_by_address(run: Run) -> None:
    run("users", "create", "ada@example.com")
    assert run("users", "disable", "ADA@example.com").exit_code == 1  # the fake compares addresses as they are
    assert run("users", "disable", "ada@example.com").stdout == "ada@example.com is disabled.\n"
    assert lines(run("users", "list", "--json"))[0]["disabled"] is True
    assert run("users", "enable", "ada@example.com").stdout == "ada@example.com is enabled.\n"


def test_users_link_prints_a_new_link(run: Run, server: FakeServer) -> None:
    run("users", "create", "ada@example.com")
    assert run("users", "link", "ada@example.com").stdout == f"{server.url}/sign-in#token={'n' * 90}\n"


def test_an_unknown_account_ends_with_1(run: Run) -> None:
    result = run("users", "disable", "nobody@example.com")
    assert result.exit_code == 1
    assert "nobody@example.com" in result.stderr


def test_groups_gain_and_lose_members(run: Run, server: FakeServer) -> None:
    run("groups", "add", "hr", "ada@example.com")
    assert lines(run("groups", "list", "--json")) == [{"name": "hr", "members": 1}]
    run("groups", "remove", "hr", "ada@example.com")
    assert server.members == {"hr": []}


def test_keys_create_prints_id_and_key_with_json(run: Run, server: FakeServer) -> None:
    (made,) = lines(
        run("keys", "create", "--user", "ada@example.com", "--expires", "90d", "--scope", "write", "--json")
    )
    assert made == {"id": next(iter(server.keys)), "key": "fn_new-key"}
    sent = server.bodies[0]
    assert (sent["user"], sent["scopes"]) == ("ada@example.com", ["write"])
    ends = datetime.fromisoformat(sent["expires_at"])
    assert timedelta(days=89) < ends - datetime.now(UTC) < timedelta(days=91)


def test_keys_create_prints_the_key_alone_and_warns_that_it_is_shown_once(run: Run) -> None:
    result = run("keys", "create", "--user", "ada@example.com")
    assert result.stdout == "fn_new-key\n"
    assert "shown this once" in result.stderr


@pytest.mark.parametrize("span", ["", "0d", "-1d", "90", "90m", "99999w", "d"])
def test_a_span_that_is_none_is_wrong_usage(run: Run, server: FakeServer, span: str) -> None:
    assert run("keys", "create", "--user", "ada@example.com", "--expires", span).exit_code == 2
    assert server.requests == []


@pytest.mark.parametrize("terminal", [None, "1"])
def test_an_id_is_never_folded(run: Run, server: FakeServer, terminal: str | None) -> None:
    run(
        "keys", "create", "--user", f"{'ada' * 9}@example.com", "--name", "the nightly backup of all", "--scope", "read"
    )
    (key_id,) = server.keys
    assert key_id in uncoloured(run("keys", "list", FORCE_COLOR=terminal))


def test_keys_are_listed_without_the_key_and_revoked(run: Run, server: FakeServer) -> None:
    run("keys", "create", "--user", "ada@example.com", "--name", "backup")
    (key,) = lines(run("keys", "list", "--json"))
    assert (key["name"], key["revoked"], "key" in key) == ("backup", False, False)
    assert run("keys", "revoke", key["id"]).exit_code == 0
    assert server.keys[key["id"]]["revoked"] is True
