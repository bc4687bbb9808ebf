"""`footnote up` with all its real parts: Ctrl-C, the second start, the second instance, the taken port."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.embedded.broker import APPENDED
from services.embedded.data_directory import OWN, REGISTRY
from tests import private_servers

WAIT = 120


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "services", *arguments]


@contextmanager
def up(environment: dict[str, str], data_dir: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run it until `/readyz` is 200; Ctrl-C at the end must stop everything with exit code 0."""
    with (data_dir / "output.log").open("ab") as log:
        process = subprocess.Popen(command("up"), env=environment, stdout=log, stderr=log, umask=0o022)
    try:
        url = f"http://127.0.0.1:{environment['FOOTNOTE_PORT']}/readyz"
        private_servers.wait_until(lambda: private_servers.answers(url), process=process, seconds=WAIT)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


@pytest.fixture
def environment(tmp_path: Path, model_cache: Path) -> dict[str, str]:
    shutil.copytree(model_cache, tmp_path / "models")
    port = str(private_servers.free_port())
    return {**os.environ, "FOOTNOTE_DATA_DIR": str(tmp_path), "FOOTNOTE_PORT": port}


def said(environment: dict[str, str], *arguments: str) -> Any:
    done = subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True, timeout=WAIT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_second_start_finds_everything_again_and_no_second_instance_starts(
    environment: dict[str, str], tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The spare key to the archive hangs behind the barometer.")
    question = "Where does the spare key to the archive hang?"
    with up(environment, tmp_path):
        said(environment, "ingest", str(note), "--grant", "everyone")
        other = subprocess.run(
            command("up"), env=environment, capture_output=True, text=True, timeout=WAIT, check=False
        )
        assert (other.returncode, "in use" in other.stderr) == (1, True)
        port_taken = {**environment, "FOOTNOTE_DATA_DIR": str(tmp_path / "other")}
        other = subprocess.run(command("up"), env=port_taken, capture_output=True, text=True, timeout=WAIT, check=False)
        assert (other.returncode, "is taken" in other.stderr) == (1, True)
        own = [path for path in tmp_path.iterdir() if path.name not in (note.name, "output.log", "other")]
        within = [path for folder in ("blobs", "broker", "index", "run") for path in (tmp_path / folder).rglob("*")]
        assert not [path for path in (*own, *within) if path.stat().st_mode & 0o077]
        assert {path.name for path in own if not path.name.startswith(REGISTRY)} <= OWN
    with up(environment, tmp_path):
        answer = json.loads(said(environment, "ask", question, "--json"))
        assert "behind the barometer" in answer["text"]
        assert "0 failed (0 sent, 1 unchanged)" in said(environment, "ingest", str(note), "--grant", "everyone")


def test_documents_are_ingested_after_the_brokers_file_was_spoilt_and_questions_answered_without_any_broker(
    environment: dict[str, str], tmp_path: Path
) -> None:
    note, other, broker = tmp_path / "note.txt", tmp_path / "other.txt", tmp_path / "broker"
    note.write_text("The spare key to the archive hangs behind the barometer.")
    other.write_text("The spare key to the cellar lies under the doormat.")
    with up(environment, tmp_path):
        said(environment, "ingest", str(note), "--grant", "everyone")
    (manifest,) = (broker / APPENDED).glob("*.manifest")
    manifest.write_bytes(bytes(512))  # as a power cut leaves it
    with up(environment, tmp_path):
        assert "1 sent" in said(environment, "ingest", str(other), "--grant", "everyone")
        assert len(list((broker / "damaged").iterdir())) == 1
    shutil.rmtree(broker / APPENDED)
    (broker / APPENDED).touch()  # nothing that it could begin afresh from
    with up(environment, tmp_path):
        for place, question in (("barometer", "archive"), ("doormat", "cellar")):
            answer = json.loads(said(environment, "ask", f"Where is the spare key to the {question}?", "--json"))
            assert place in answer["text"]
