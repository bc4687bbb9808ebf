"""llama.cpp's server with Gemma 3 270M, once for all tests."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.private_servers import answers, free_port, stop, wait_until

PYTHON = Path(__file__).parents[2] / ".venv-llama-cpp" / "bin" / "python"
CONTEXT = 1536
SERVE = Path(__file__).parent / "serve.py"


@pytest.fixture(scope="session")
def llama_cpp(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its base address, ending in /v1."""
    if not PYTHON.exists():
        pytest.fail("llama.cpp is not installed: run make test-llama-cpp")
    port = free_port()
    command = [str(PYTHON), str(SERVE), str(port), str(CONTEXT), str(pytestconfig.cache.mkdir("llama-cpp"))]
    with (tmp_path_factory.mktemp("llama-cpp") / "server.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"), process=server, seconds=120.0)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        stop(server)
