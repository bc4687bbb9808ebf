"""The whole assistant with a real vLLM behind it: what a reader sees, and what the server says of it meanwhile.

The model's weights are random, so that nothing it writes is supported: sentences are shown all the same, marked.
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import system
from tests.integration.test_journeys import POLICY, events
from tests.system import System
from tests.vllm.server import CONTEXT, KEY, NAME, VllmServer

QUESTION = "How many days a week may I work remotely?"
# Tokens of a block of vLLM's cache on a processor.
BLOCK = 128
# Far more text on one matter than the window holds.
LONG = "# Remote work in detail\n\n" + "\n\n".join(
    f"## Team {number}\nEmployees of team {number} may work remotely up to three days a week. The team agrees on the "
    f"days in its meeting {number}, writes them down, and tells the people who plan the rooms of floor {number}."
    for number in range(120)
)


@pytest.fixture(scope="module")
def assistant(
    vllm: VllmServer, llama: Path, tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("assistant")
    settings = {
        "FOOTNOTE_LLM_URL": vllm.url,
        "FOOTNOTE_LLM_MODEL": NAME,
        "FOOTNOTE_LLM_API_KEY": KEY,
        "FOOTNOTE_LLM_TOKENIZER": str(llama),
        "FOOTNOTE_SHOW_UNSUPPORTED": "true",
    }
    with system.running(system.ONE_MACHINE, folder, model_cache, **settings) as started:
        for name, text in (("remote.md", POLICY), ("detail.md", LONG.encode())):
            assert started.send(name, text, title="Remote work policy", grants=["everyone"])["state"] == "ready"
        yield started


def asked(assistant: System, question: str = QUESTION, **body: Any) -> dict[str, Any]:
    response = assistant.admin.post("/v1/ask", json={"question": question, **body})
    answer: dict[str, Any] = response.raise_for_status().json()
    return answer


@contextmanager
def reading(assistant: System, vllm: VllmServer) -> Iterator[Iterator[str]]:
    """The lines of a stream behind its sources, while the model writes.

    A look at a busy machine may come when the answer is over already: then another one is begun.
    """
    for _ in range(5):
        body = {"question": QUESTION, "stream": True, "top_k": 1}
        with assistant.admin.stream("POST", "/v1/ask", json=body) as response:
            lines = response.iter_lines()
            assert next(lines) == "event: sources"
            if vllm.eventually(lambda: vllm.running() == 1, seconds=5.0):
                yield lines
                return
    raise AssertionError("the model never writes")


def test_an_answer_streams_sentence_by_sentence(assistant: System) -> None:
    seen = events(assistant.admin.post("/v1/ask", json={"question": QUESTION, "stream": True}))
    names = [name for name, _ in seen]
    assert names[0] == "sources"
    assert names.count("sentence") > 1
    assert [name for name, _ in itertools.groupby(names)][-1] == "done"
    assert names.count("done") == 1
    answer = seen[-1][1]
    assert answer["mode"] == "generated"
    assert "".join(data["delta"] for name, data in seen if name == "text") == answer["text"]
    assert answer["usage"]["llm_calls"] == 1
    assert answer["usage"]["completion_tokens"] > 0


def test_more_sources_than_the_window_holds_are_cut_before_the_server_refuses(assistant: System) -> None:
    answer = asked(assistant, top_k=50)
    assert sum(len(source["text"]) for source in answer["sources"]) > 4 * CONTEXT
    assert answer["mode"] == "generated"
    assert CONTEXT // 2 < answer["usage"]["prompt_tokens"] <= CONTEXT - CONTEXT // 4


def test_the_second_question_of_a_conversation_finds_its_prefix_cached(assistant: System, vllm: VllmServer) -> None:
    follow_up = "And who agrees on them?"
    asked(assistant, follow_up, conversation_id=asked(assistant)["conversation_id"])  # the rules are read once
    first = asked(assistant)
    hits, queried = (vllm.metric(f"vllm:prefix_cache_{what}_total") for what in ("hits", "queries"))
    second = asked(assistant, follow_up, conversation_id=first["conversation_id"])
    assert vllm.metric("vllm:prefix_cache_queries_total") - queried == second["usage"]["prompt_tokens"]
    # The rules of both prompts come first and are the same, in whole blocks: one of the rewrite's, two of the answer's,
    # which is not asked for where a rewrite of random words finds nothing.
    blocks = 3 if second["usage"]["llm_calls"] == 2 else 1
    assert vllm.metric("vllm:prefix_cache_hits_total") - hits >= blocks * BLOCK


def test_a_reader_who_leaves_frees_the_slot_soon(assistant: System, vllm: VllmServer) -> None:
    with reading(assistant, vllm):
        pass
    assert vllm.is_freed()
    written = vllm.metric("vllm:generation_tokens_total")
    vllm.post("/v1/completions", {"model": NAME, "prompt": ".", "max_tokens": 1})
    assert vllm.metric("vllm:generation_tokens_total") == written + 1, "nothing else is written any more"


# Last: it takes the server away.
def test_a_server_that_dies_in_mid_stream_ends_the_answer_cleanly_and_is_used_again(
    assistant: System, vllm: VllmServer
) -> None:
    with reading(assistant, vllm) as lines:
        vllm.kill()
        rest = [line for line in lines if line.startswith(("event: ", "data: "))]
    ended = [line for line in rest if line in ("event: done", "event: error")]
    assert ended == ["event: done"], rest[-2:]
    answer = json.loads(rest[-1].removeprefix("data: "))
    assert answer["outcome"] == "answered"
    assert answer["sentences"]
    assert answer["usage"]["completion_tokens"] < CONTEXT // 4, "the server did not come to its end"

    without = asked(assistant)
    assert (without["outcome"], without["mode"]) == ("answered", "extractive")
    assert "three days" in without["text"]

    vllm.start()
    again = asked(assistant)
    assert (again["mode"], again["usage"]["llm_calls"]) == ("generated", 1)


def test_the_client_knows_when_the_key_is_missing(vllm: VllmServer) -> None:
    assert httpx.get(f"{vllm.url}/models", timeout=5.0).status_code == 401
