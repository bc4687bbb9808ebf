"""One vLLM for all tests, and the model that it serves, which is built once and kept."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.token_counting import ChatTokenizer, load_chat_tokenizer
from tests.vllm.server import PYTHON, VllmServer

BUILD = Path(__file__).parent / "build_model.py"


@pytest.fixture(scope="session")
def llama(pytestconfig: pytest.Config) -> Path:
    """The folder of a tiny Llama with random weights and Llama 3.1's own tokenizer."""
    if not PYTHON.exists():
        pytest.fail("vLLM is not installed: run make test-vllm")
    recipe = hashlib.sha256(BUILD.read_bytes()).hexdigest()[:12]
    folder = pytestconfig.cache.mkdir("vllm") / recipe
    if not (folder / "model.safetensors").exists():
        shutil.rmtree(folder, ignore_errors=True)
        building = folder.with_name(f"{recipe}-building")
        shutil.rmtree(building, ignore_errors=True)
        subprocess.run([str(PYTHON), str(BUILD), str(building)], check=True)
        building.rename(folder)
    return folder


@pytest.fixture(scope="session")
def vllm(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    server = VllmServer(llama, tmp_path_factory.mktemp("vllm") / "vllm.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def tokens(llama: Path) -> ChatTokenizer:
    return load_chat_tokenizer(str(llama))
