"""A finding's command shows the finding again, whatever the length of its input."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import running

# Linux takes no longer word in a command.
_LONGEST_WORD = 128 * 1024


@pytest.mark.parametrize("length", [0, 10, 96_000])
def test_the_command_of_a_finding_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setattr(running, "_KEPT", tmp_path / "kept")
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "crash-1").write_bytes(b"x" * length)
    finding = running._finding(("readers", "cursors"), tmp_path / "artifacts", "It broke.", 1)
    kind, _, command = finding.splitlines()[-1].partition(": ")
    _, *words = shlex.split(command)
    assert (kind, max(map(len, words)) < _LONGEST_WORD) == ("crash", True)
    again = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, timeout=120)
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip()
