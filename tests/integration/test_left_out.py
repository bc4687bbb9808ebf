"""What a text lacks of its file is told to those who may read it, over HTTP and by the command line, in both sizes."""

import io
import json
import os
import subprocess
import sys
import zipfile
from typing import Any

import pytest

from tests.system import System

WORD = "brachylogy"
HIDDEN = "Nobody sees these words."


def packed() -> bytes:
    """An archive with one text, one page with hidden words, and one member that cannot be read."""
    written = io.BytesIO()
    page = f'<p>The desk plan is on the wall.</p><p style="display: none">{HIDDEN}</p>'
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("desks.html", page)
        archive.writestr(f"{WORD}: maps/Office.pdf", b"%PDF-1.7 broken")
    return written.getvalue()


@pytest.fixture(scope="module")
def sent(assistant: System) -> dict[str, Any]:
    assistant.person("planner@example.com", "planning")
    owner = assistant.person("filer@example.com")
    return assistant.send("office.zip", packed(), client=owner, grants=["group:planning"])


def test_a_reader_is_told_the_parts_with_their_reasons_and_how_much_was_hidden(
    assistant: System, sent: dict[str, Any]
) -> None:
    reader = assistant.person("planner@example.com", "planning")
    document = reader.get(f"/v1/documents/{sent['id']}").json()
    reason = "The PDF is damaged and cannot be opened."
    assert document["left_out"] == [{"part": f"{WORD}: maps/Office.pdf", "reason": reason}]
    assert document["hidden_chars"] == len(HIDDEN)
    listed = reader.get("/v1/documents", params={"q": "office.zip"}).json()["items"]
    assert [item["id"] for item in listed] == [sent["id"]]
    assert "left_out" not in listed[0]
    assert "hidden_chars" not in listed[0]


def test_whoever_only_manages_the_document_is_told_no_word_of_it(assistant: System, sent: dict[str, Any]) -> None:
    managed = assistant.admin.get(f"/v1/documents/{sent['id']}")
    assert (managed.status_code, managed.json()["can_edit"]) == (200, True)
    assert (managed.json()["left_out"], managed.json()["hidden_chars"]) == ([], 0)
    assert WORD not in managed.text


def test_a_document_that_is_whole_or_not_read_yet_lacks_nothing(assistant: System) -> None:
    whole = assistant.send("whole.txt", b"All of it is here.", grants=["everyone"])
    assert (whole["left_out"], whole["hidden_chars"]) == ([], 0)
    failed = assistant.send("broken.pdf", b"%PDF-1.7 broken", grants=["everyone"])
    assert (failed["state"], failed["left_out"], failed["hidden_chars"]) == ("failed", [], 0)


def test_the_command_line_prints_it(assistant: System, sent: dict[str, Any]) -> None:
    reader = assistant.person("planner@example.com", "planning")
    key = reader.headers["authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "FOOTNOTE_URL": assistant.url, "FOOTNOTE_API_KEY": key, "COLUMNS": "100"}

    def shown(*words: str) -> str:
        command = [sys.executable, "-m", "services", "documents", "show", sent["id"], *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    text = " ".join(shown().split())
    assert f"Left out {WORD}: maps/Office.pdf: The PDF is damaged and cannot be opened." in text
    assert f"Hidden {len(HIDDEN)} characters" in text
    assert json.loads(shown("--json"))["hidden_chars"] == len(HIDDEN)
