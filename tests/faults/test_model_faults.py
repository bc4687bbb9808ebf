"""Promise R8: however the model misbehaves, the reader gets one last event, and no more than was checked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.model_faults import FAULTS, GOOD, injured, seen
from tests.scripted_model import ScriptedModel
from tests.system import System

# What is left of an answer where the model failed before it had said a whole sentence.
EXTRACTIVE = {
    "answers 500", "answers 503", "answers 429", "says nothing, not even a status", "says nothing behind its status",
    "is cut before a word", "sends what is no JSON", "sends half an event", "sends a word every 9 s",
}  # fmt: skip
REFUSED = {"says what no source says", "does not know"}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[tuple[System, ScriptedModel]]:
    with injured(tmp_path_factory.mktemp("injured"), model_cache) as started:
        yield started


@pytest.mark.parametrize("fault", FAULTS)
def test_the_reader_gets_one_answer(parts: tuple[System, ScriptedModel], fault: str) -> None:
    assistant, model = parts
    found = seen(assistant.admin, model, FAULTS[fault])
    ((name, answer),) = found.ends
    assert name == "done"
    assert answer["outcome"] == ("refused" if fault in REFUSED else "answered")
    assert answer["mode"] == ("extractive" if fault in EXTRACTIVE else "generated")
    assert {sentence["status"] for sentence in answer["sentences"]} <= {"supported", "no_claim"}
    if answer["outcome"] == "answered":
        assert len(answer["sentences"]) == 1
        assert "three days" in answer["text"]
        assert answer["text"].startswith(GOOD.split(" [")[0])
