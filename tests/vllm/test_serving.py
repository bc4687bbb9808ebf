"""What deploy/vllm/ says to vLLM, said to a real one: its flags, its health check, its end."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.vllm.server import COMPOSE, KEY, NAME, PYTHON, VllmServer, serving_flags, size_values

FOLDER = COMPOSE.parent
SIZES = sorted(FOLDER.glob("*.env"))
CHECK = Path(__file__).parent / "check_flags.py"


def read(*commands: list[str]) -> list[Any]:
    """What vLLM makes of each list of flags: its values by name, or the text of its refusal."""
    given = json.dumps([["/models/llama", *flags] for flags in commands])
    done = subprocess.run([str(PYTHON), str(CHECK)], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    came: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return came


def test_vllm_knows_every_flag_of_each_size_and_no_invented_one(llama: Path) -> None:
    sizes = [size_values(file) for file in SIZES]
    *came, refused = read(*map(serving_flags, sizes), [*serving_flags({}), "--max-model-length=8192"])
    for values, parsed in zip(sizes, came, strict=True):
        assert isinstance(parsed, dict), parsed
        assert parsed["served_model_name"] == [NAME]
        assert parsed["tensor_parallel_size"] == int(values["VLLM_GPUS"])
        assert parsed["max_model_len"] == int(values["VLLM_MAX_MODEL_LEN"])
        assert parsed["max_num_seqs"] == int(values["VLLM_MAX_NUM_SEQS"])
        assert parsed["gpu_memory_utilization"] == float(values["VLLM_GPU_MEMORY"])
        assert parsed["enable_prefix_caching"] is True
    assert "unrecognized arguments: --max-model-length" in refused


def healthy(vllm: VllmServer, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    given = ["--url", vllm.root, "--model", NAME, "--key-file", str(key), "--seconds", "3"]
    command = [sys.executable, str(FOLDER / "progress.py"), *given]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_engine_that_hangs_is_unhealthy_though_the_server_answers(vllm: VllmServer, tmp_path: Path) -> None:
    before = healthy(vllm, tmp_path)
    assert before.returncode == 0, before.stderr
    with vllm.frozen_engine():
        frozen = healthy(vllm, tmp_path)
        assert vllm.answers(), "the plain health check sees nothing"
    assert frozen.returncode == 1, frozen.stdout
    assert vllm.eventually(lambda: healthy(vllm, tmp_path).returncode == 0, seconds=30.0)
