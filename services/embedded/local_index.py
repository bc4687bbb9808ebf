"""An embedded index server for as long as a context is open, on a free port, with a key that nobody else has.

Knows nothing of what it is for: an evaluation's scratch index, or this machine's own while `footnote up` does not run.
"""

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from retrieval.errors import UnavailableError
from services.embedded.data_directory import write_private

GREETING = "index server ready on "


@contextmanager
def local_index(directory: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Serve the collections in `directory`; yields the address and the key. Raises UnavailableError."""
    key = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="footnote-index-") as folder, tempfile.TemporaryFile() as errors:
        key_file = Path(folder) / "key"
        write_private(key_file, key)
        command = [sys.executable, "-P", "-m", "services.embedded.index_server", "--data-dir", str(directory)]
        process = subprocess.Popen(
            [*command, "--port", "0", "--api-key-file", str(key_file), "--end-with-stdin"],
            env=dict(environment),
            stdin=subprocess.PIPE,  # ours alone: a server that outlived us would keep everybody else from its directory
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith(GREETING):
                process.wait()
                errors.seek(0)
                why = errors.read().decode(errors="replace").strip()[-500:]
                raise UnavailableError(f"The index does not start. {why}", code="index_unavailable")
            yield line.removeprefix(GREETING).strip(), key
        finally:
            process.terminate()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
