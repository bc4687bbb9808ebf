"""`footnote up`, put together: settings become a plan for the supervisor, and the sample company is sent when asked.

Knows nothing of how parts are kept running (`supervision.py`). The preparation runs in a process of its own, so that
this one, which lives as long as the assistant, stays small.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from retrieval.errors import FootnoteError, InvalidInputError, UnavailableError
from services.bootstrap import CLI_FILE
from services.embedded.sample import load_sample
from services.embedded.supervisor import UpPlan, reached_at, run
from services.settings import Settings, inherited_environment

FIRST_QUESTION = "Who should I call when my laptop is stolen?"


def run_all(settings: Settings, *, sample: bool) -> int:
    """Run everything until Ctrl-C; the exit code for the command. Raises InvalidInputError."""
    if settings.index_quantization != "none":
        raise InvalidInputError("FOOTNOTE_INDEX_QUANTIZATION: the embedded index of `footnote up` knows none only.")
    env = _environment(settings)

    def prepare(env: Mapping[str, str]) -> None:
        if not (settings.data_dir / "models").is_dir():
            Console(stderr=True).print("Preparing the embedding model (once, half a minute) …")
        _run_verb("prepare", env)

    def when_ready() -> Sequence[tuple[str, str]]:
        rows = [("Sign in (once)", _run_verb("sign-in", env).strip())]
        return [*rows, *_sample(settings)] if sample else rows

    return run(
        UpPlan(
            data_dir=settings.data_dir,
            host=settings.host,
            port=settings.port,
            url=settings.public_url,
            env=env,
            api=_verb("api"),
            worker=_verb("worker"),
            scheduler=_verb("scheduler"),
            prepare=prepare,
            when_ready=when_ready,
        )
    )


def _sample(settings: Settings) -> list[tuple[str, str]]:
    """Send the sample company; the rows that say what became of it."""
    key = json.loads((settings.data_dir / CLI_FILE).read_text())["key"]
    try:
        ready = load_sample(_listens_at(settings), key)
    except FootnoteError as error:  # whoever starts it gets the sign-in link all the same
        return [("Sample company", f"not loaded: {error.message}")]
    return [("Sample company", f"{ready} documents are ready"), ("Try", f'{_command()} ask "{FIRST_QUESTION}"')]


def _listens_at(settings: Settings) -> str:
    """The API's address on this machine: the one for people may lead through a proxy that is not there yet."""
    host = reached_at(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _run_verb(name: str, env: Mapping[str, str]) -> str:
    done = subprocess.run(_verb(name), env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"footnote {name} failed: {done.stderr.strip()[-2000:]}", code="not_prepared")
    return done.stdout


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with what the command line said on top; the parts read it as their settings."""
    said = {
        "FOOTNOTE_DATA_DIR": str(settings.data_dir),
        "FOOTNOTE_DATABASE_URL": settings.database_url,
        "FOOTNOTE_HOST": settings.host,
        "FOOTNOTE_PORT": str(settings.port),
        "FOOTNOTE_PUBLIC_URL": settings.public_url,
        "FOOTNOTE_LLM_URL": settings.llm_url,
        "FOOTNOTE_LLM_MODEL": settings.llm_model,
    }
    if "drain_seconds" not in settings.model_fields_set:
        said["FOOTNOTE_DRAIN_SECONDS"] = "2"  # who presses Ctrl-C waits for it
    if not settings.connector_folders and "connector_folders" not in settings.model_fields_set:
        # Whoever starts it on their own machine may read these anyway.
        said["FOOTNOTE_CONNECTOR_FOLDERS"] = ",".join(dict.fromkeys((str(Path.home()), str(Path.cwd()))))
    return inherited_environment() | said


def _verb(name: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "services", name)


def _command() -> str:
    """How whoever started us can call `footnote` from here."""
    if shutil.which("footnote"):
        return "footnote"
    ours = Path(sys.argv[0])
    return str(ours.relative_to(Path.cwd())) if ours.is_relative_to(Path.cwd()) else str(ours)
