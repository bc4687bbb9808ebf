"""Generated answers over HTTP: the whole assistant as processes, with a model server that keeps to a script.

The scripted server stands where Llama 3.1 under vLLM would: it speaks the same protocol over a real connection. What a
model would say cannot be held in a test; what we do with it can.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.prompts import PROMPT_VERSION
from tests import system
from tests.integration.test_journeys import POLICY, events
from tests.scripted_model import Breaks, Fails, Hangs, Says, ScriptedModel, scripted_model
from tests.system import System

QUESTION = "How many days a week may I work remotely?"
GOOD = "Employees may work remotely up to three days a week [1]."


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as started:
        yield started


@pytest.fixture(scope="module")
def generating(model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("generating")
    settings = {"FOOTNOTE_LLM_URL": model.url, "FOOTNOTE_LLM_MODEL": "llama-3.1"}
    with system.running(system.ONE_MACHINE, folder, model_cache, **settings) as started:
        document = started.send("remote.md", POLICY, title="Remote work policy", grants=["everyone"])
        assert document["state"] == "ready"
        yield started


def test_a_models_sentence_is_resolved_to_the_passage_that_supports_it(
    generating: System, model: ScriptedModel
) -> None:
    model.does(Says(GOOD))
    answer = generating.admin.post("/v1/ask", json={"question": QUESTION}).json()
    assert (answer["outcome"], answer["mode"]) == ("answered", "generated")
    (sentence,) = answer["sentences"]
    assert sentence["status"] == "supported"
    citation = sentence["citations"][0]
    text = generating.admin.get(f"/v1/documents/{citation['document_id']}/text").json()["text"]
    assert citation["quote"] == text[citation["start"] : citation["end"]]
    assert "three days" in citation["quote"]
    assert answer["usage"]["llm_calls"] == 1
    asked = model.requests[0]
    assert asked["model"] == "llama-3.1"
    assert asked["stream"] is True
    explained = generating.admin.get(f"/v1/answers/{answer['id']}/explain").json()
    assert explained["answer"]["prompt_version"] == PROMPT_VERSION


def test_a_sentence_that_the_passage_does_not_support_is_withheld(generating: System, model: ScriptedModel) -> None:
    model.does(Says(f"{GOOD} Employees may work remotely up to nine days a week [1]. See also [9]."))
    answer = generating.admin.post("/v1/ask", json={"question": QUESTION}).json()
    assert "nine" not in answer["text"]
    assert "[9]" not in answer["text"]
    assert "three days" in answer["text"]


def test_a_model_that_says_that_it_does_not_know_is_a_refusal(generating: System, model: ScriptedModel) -> None:
    model.does(Says("NO_ANSWER"))
    answer = generating.admin.post("/v1/ask", json={"question": QUESTION}).json()
    assert (answer["outcome"], answer["text"]) == ("refused", "")
    assert answer["refusal"]["closest"]


def test_a_reader_who_leaves_frees_the_model(generating: System, model: ScriptedModel) -> None:
    model.does(Hangs(text="Employees may"))
    body = {"question": QUESTION, "stream": True}
    with generating.admin.stream("POST", "/v1/ask", json=body) as response:
        lines = response.iter_lines()
        assert next(lines) == "event: sources"
        assert model.asked()
        before = open_answers(generating)
    assert before == 1
    assert model.idle()
    assert open_answers(generating) == 0


def open_answers(assistant: System) -> float:
    """How many answers are under way."""
    lines = assistant.admin.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("footnote_open_answers "))


# Last, because so many faults open the circuit breaker.
@pytest.mark.parametrize("fault", [Fails(500), Fails(429), Breaks(), Breaks(tail="data: {nonsense"), Hangs()])
def test_a_model_that_fails_is_replaced_by_an_extractive_answer(
    generating: System, model: ScriptedModel, fault: Fails | Breaks | Hangs
) -> None:
    model.does(fault)
    seen = events(generating.admin.post("/v1/ask", json={"question": QUESTION, "stream": True}))
    assert [name for name, _ in seen].count("done") == 1
    answer = seen[-1][1]
    assert (answer["outcome"], answer["mode"]) == ("answered", "extractive")
    assert "three days" in answer["text"]
