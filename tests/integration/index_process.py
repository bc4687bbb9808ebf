"""The embedded index server as a process of its own, for tests and benchmarks."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

import httpx
from qdrant_client import QdrantClient

GREETING = "index server ready on "
PATIENCE_S = 30


class IndexProcess:
    """A context manager. `url` is set once the process listens; leaving kills it if it still runs."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.data_dir = data_dir
        self.url = ""
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self._errors = TemporaryFile("w+")  # noqa: SIM115 - a pipe that nobody reads would stop the server once full

    def __enter__(self) -> "IndexProcess":
        command = [sys.executable, "-m", "services.embedded.index_server", "--data-dir", str(self.data_dir)]
        self._process = subprocess.Popen(
            [*command, "--port", "0", *self._arguments], stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(GREETING):
            raise AssertionError(f"the index server did not start: {line}{self.ended()[1]}")
        self.url = line.removeprefix(GREETING).strip()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def client(self, **options: Any) -> QdrantClient:
        return QdrantClient(url=self.url, timeout=PATIENCE_S, check_compatibility=False, **options)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.ended()

    def stop(self) -> tuple[int, str]:
        """SIGTERM. Returns the exit status and what was written to standard error."""
        os.kill(self.pid, signal.SIGTERM)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        assert self._process is not None
        self._process.communicate(timeout=PATIENCE_S)
        with self._errors as errors:
            errors.seek(0)
            return self._process.returncode, errors.read()


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["status"]["error"]
