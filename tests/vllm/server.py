"""A real vLLM on the processors: started with the flags of deploy/vllm/compose.yaml, watched, frozen, killed.

It runs in vLLM's own environment and in a process group of its own, of which only its own processes are ended.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from tests.private_servers import free_port

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
COMPOSE = ROOT / "deploy" / "vllm" / "compose.yaml"
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::?-([^}]*))?\}")
NAME = "llama-3.1"
KEY = "0123456789abcdef" * 4
START_SECONDS = 240.0
# Small, so that a usual question already fills it: what the shipped 8192 do for a hundred thousand characters.
CONTEXT = 2048
SOON_TOKENS = 100


@dataclass
class VllmServer:
    """One server on one port, which may be started again after it was killed."""

    model: Path
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    # One for all looks: making one takes longer than looking.
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60.0))

    @property
    def url(self) -> str:
        """Its base address, ending in /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def root(self) -> str:
        """The address of what is not OpenAI's protocol: /metrics, /tokenize, /health."""
        return self.url.removesuffix("/v1")

    def start(self) -> None:
        """Start it and wait until it answers."""
        environment = {
            **os.environ,
            "VLLM_API_KEY": KEY,
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", f"--model={self.model}", *self._flags()],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ready = self.eventually(self.answers, seconds=START_SECONDS, every=0.25)
        assert ready, f"vLLM does not start:\n{self.log.read_text(errors='replace')[-4000:]}"

    def kill(self) -> None:
        """End it at once, with all that it started."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, as `docker compose stop` does, and end what is left of it."""
        self.http.close()
        if self.process is None or not self.alive():
            return
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=30.0)
        self._signal(signal.SIGKILL)

    @contextmanager
    def frozen_engine(self) -> Iterator[None]:
        """The engine's process stopped, while the one that speaks HTTP goes on."""
        engines = self._engines()
        assert engines, "the engine is a process of its own"
        for pid in engines:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in engines:
                os.kill(pid, signal.SIGCONT)

    def alive(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None

    def running(self) -> int:
        """Requests that it is generating for."""
        return int(self.metric("vllm:num_requests_running"))

    def metric(self, name: str) -> float:
        """A figure of /metrics, added up over its labels."""
        lines = self.http.get(f"{self.root}/metrics").raise_for_status().text.splitlines()
        values = [float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{re.escape(name)}[ {{]", line)]
        assert values, f"vLLM has no {name}"
        return sum(values)

    def is_freed(self) -> bool:
        """Whether it soon generates for nobody any more: asked when its only reader has just left.

        Soon is counted in tokens: how long they take depends on the machine. An answer that nobody ended would go on
        for several hundred.
        """
        written = self.metric("vllm:generation_tokens_total")
        idle = self.eventually(lambda: self.running() == 0, seconds=30.0)
        return idle and self.metric("vllm:generation_tokens_total") - written < SOON_TOKENS

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What it answers to a request of ours."""
        headers = {"Authorization": f"Bearer {KEY}"}
        response = self.http.post(f"{self.root}{path}", json=body, headers=headers)
        answered: dict[str, Any] = response.raise_for_status().json()
        return answered

    def eventually(self, holds: Callable[[], bool], *, seconds: float, every: float = 0.02) -> bool:
        """Whether `holds` within that time."""
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                return False
            time.sleep(every)
        return True

    def _flags(self) -> list[str]:
        changed = {"--host": "127.0.0.1", "--port": str(self.port), "--max-model-len": str(CONTEXT)}
        for_gpus = {"--tensor-parallel-size", "--gpu-memory-utilization"}
        flags = dict(_halves(flag) for flag in serving_flags({}))
        kept = {flag: value for flag, value in flags.items() if flag not in for_gpus} | changed
        return [*(f"{flag}={value}" if value else flag for flag, value in kept.items()), "--enforce-eager"]

    def answers(self) -> bool:
        """Whether its own health check is content."""
        assert self.process is not None
        assert self.process.poll() is None, f"vLLM ended:\n{self.log.read_text(errors='replace')[-4000:]}"
        try:
            return self.http.get(f"{self.root}/health", timeout=5.0).status_code == 200
        except httpx.HTTPError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait(timeout=30.0)

    def _engines(self) -> list[int]:
        """The engine's processes, which are of the server's session."""
        assert self.process is not None
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != self.process.pid:
                try:
                    ours = os.getsid(int(folder.name)) == self.process.pid
                    engine = "EngineCor" in (folder / "comm").read_text() + (folder / "cmdline").read_text()
                except OSError:
                    continue
                if ours and engine:
                    found.append(int(folder.name))
        return found


def serving_flags(values: dict[str, str]) -> list[str]:
    """The flags of the compose file, without the model's folder, with `values` for its variables."""
    command = YAML(typ="safe").load(COMPOSE)["services"]["vllm"]["command"]
    return [VARIABLE.sub(lambda found: values.get(found[1], found[2]), flag) for flag in command[1:]]


def size_values(file: Path) -> dict[str, str]:
    """The variables of one of the files of sizes beside the compose file."""
    lines = file.read_text().splitlines()
    return dict(_halves(line) for line in lines if line and not line.startswith("#"))


def _halves(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value
