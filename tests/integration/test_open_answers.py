"""Promises R10 and R11 over HTTP: nobody is cut without a last word, and who comes too many is told so at once."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests import system
from tests.integration.test_generated import GOOD, QUESTION
from tests.integration.test_journeys import POLICY
from tests.scripted_model import Hangs, Says, ScriptedModel, Trickles, scripted_model
from tests.system import System

STREAMS = 50
MOST = 60
BODY = {"question": QUESTION, "stream": True}
# A word a second keeps an answer open for as long as one may take: a model that says nothing is given up after some
# seconds. Without a full stop no sentence comes twice, which would end the answer too.
GOES_ON = Trickles("Employees may work remotely", seconds=1.0)


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as started:
        yield started


@pytest.fixture
def generating(model: ScriptedModel, tmp_path: Path, model_cache: Path) -> Iterator[System]:
    settings = {
        "FOOTNOTE_LLM_URL": model.url,
        "FOOTNOTE_LLM_MODEL": "llama-3.1",
        "FOOTNOTE_MAX_ANSWERS": str(MOST),
        "FOOTNOTE_DRAIN_SECONDS": "2",
    }
    with system.running(system.ONE_MACHINE, tmp_path, model_cache, **settings) as started:
        assert started.send("remote.md", POLICY, title="Remote work policy", grants=["everyone"])["state"] == "ready"
        yield started


@contextmanager
def reading(client: httpx.Client) -> Iterator[httpx.Response]:
    """A stream whose first event has come."""
    with client.stream("POST", "/v1/ask", json=BODY) as response:
        assert response.status_code == 200
        yield response


def last_event(response: httpx.Response) -> tuple[str, dict[str, object]]:
    lines = [line for line in response.iter_lines() if line]
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


def test_every_stream_has_its_last_event_when_the_process_is_told_to_stop(
    generating: System, model: ScriptedModel
) -> None:
    model.does(Hangs(text=GOOD))
    api = generating.processes["api"]
    with ExitStack() as stack, ThreadPoolExecutor(STREAMS) as pool:
        streams = [stack.enter_context(reading(generating.admin)) for _ in range(STREAMS)]
        api.send_signal(signal.SIGTERM)
        ends = list(pool.map(last_event, streams))
    api.wait(timeout=30)
    assert len(ends) == STREAMS
    assert {name for name, _ in ends} <= {"done", "error"}
    assert {end["code"] for name, end in ends if name == "error"} <= {"server_stopping"}
    assert model.idle()


def test_a_question_too_many_is_told_so_and_when_to_come_again(generating: System, model: ScriptedModel) -> None:
    model.does(GOES_ON)
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(reading(generating.admin))
        refused = generating.admin.post("/v1/ask", json={"question": QUESTION})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_busy")
        assert int(refused.headers["retry-after"]) > 0
        openai = generating.admin.post(
            "/v1/chat/completions", json={"model": "footnote", "messages": [{"role": "user", "content": QUESTION}]}
        )
        assert (openai.status_code, openai.json()["error"]["code"]) == (429, "too_busy")
    assert model.idle()
    model.does(Says(GOOD))
    assert generating.admin.post("/v1/ask", json={"question": QUESTION}).status_code == 200
