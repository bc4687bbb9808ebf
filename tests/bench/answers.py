"""Answers written by a model: what we add to the model's own time, how many may be open at once, what they cost.

    python -m tests.bench --only Answers

Real processes as in ingestion.py; the model is a server with the pace of a real one (paced_model.py), and questions
come as requests came in a public trace (trace.py). What is added to the first text: from asking until the model has the
prompt, and from the end of its first sentence until the reader has that. Who calls the model directly waits for both
too, a millisecond or two, which is taken off.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median
from subprocess import Popen
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from tests import private_servers
from tests.bench.assistant import percentiles
from tests.bench.ingestion import ingest
from tests.bench.reports import REPORTS, passages, question_about, written
from tests.bench.running import Running, running
from tests.bench.trace import CONVERSATIONS, Asked, replayed
from tests.bench.usage import own_processor_seconds

Figures = Iterator[tuple[str, str]]
# As Llama 3.1 8B on one H100 under load: a median of 25 ms between tokens (vLLM's pull request 18566 prints it).
PACE = {"first": 40.0, "prompt_token": 0.05, "token": 25.0}
NO_TIME = {"first": 0.0, "prompt_token": 0.0, "token": 0.0}
AT_ONCE = 25
LONGEST = 300.0
RATES, QUESTIONS = (1.0, 4.0), 60
# All streams are open before the first one ends: so many come in a second, and a token takes so long. That makes
# answers of two and a half minutes, which they have to be allowed. A few more than the 500 that are to be open: a
# question whose passages are not taken for an answer is refused at once.
STREAMS, ANSWER_SECONDS = 510, 400
STREAMS_RATE, STREAM_TOKENS, STREAM_PACE = 4.0, 100, {"first": 40.0, "prompt_token": 0.0, "token": 1400.0}


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer as its reader had it: when it was asked for, its first text, the model's sentences, how it ended.

    `refused`: the passages were not taken for an answer, so there is none.
    """

    number: int
    asked: float
    first_text: float
    sentences: int
    last_event: str
    usage: Mapping[str, int]
    refused: bool = False


Ask = Callable[[httpx.AsyncClient, int], Coroutine[Any, Any, Heard]]
Part = Callable[[httpx.AsyncClient, httpx.AsyncClient], Coroutine[Any, Any, list[tuple[str, str]]]]


def measure() -> Figures:
    """(what, figure) for each figure."""
    if not CONVERSATIONS.exists():
        yield "left out", f"{CONVERSATIONS} is not here"
        return
    with _paced_model() as model, running(**_settings(model)) as (assistant, folder):
        ingest(assistant.client, "reports", written(folder / "reports"))
        parts: list[Part] = [_warmed_up, *(partial(_added, rate) for rate in RATES), _many]
        parts.append(partial(_cost, assistant.system.processes["api"].pid))
        for part in parts:
            yield from asyncio.run(_with_clients(assistant, model, part))


def _settings(model: str) -> dict[str, str]:
    return {
        "FOOTNOTE_LLM_URL": f"{model}/v1",
        "FOOTNOTE_LLM_MODEL": "paced",
        "FOOTNOTE_LLM_ANSWER_SECONDS": str(ANSWER_SECONDS),
    }


async def _with_clients(assistant: Running, model: str, part: Part) -> list[tuple[str, str]]:
    """Each part on connections of its own: one that has been idle for long is closed at the other end."""
    headers = {"Authorization": assistant.system.admin.headers["Authorization"]}
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=assistant.system.url, headers=headers, limits=limits, timeout=LONGEST) as ours,
        httpx.AsyncClient(base_url=model, limits=limits, timeout=LONGEST) as direct,
    ):
        return await part(ours, direct)


async def _warmed_up(ours: httpx.AsyncClient, direct: httpx.AsyncClient) -> list[tuple[str, str]]:
    await _replay(ours, direct, _through_us, replayed(10, rate=2.0), NO_TIME)
    return []


async def _added(rate: float, ours: httpx.AsyncClient, direct: httpx.AsyncClient) -> list[tuple[str, str]]:
    asked = replayed(QUESTIONS, rate=rate)
    heard, open_, log = await _replay(ours, direct, _through_us, asked, PACE)
    added = _not_the_models(heard, log)
    plain, _, plain_log = await _replay(direct, direct, _directly, asked, PACE)
    less = median(_not_the_models(plain, plain_log))
    what = f"{rate:.0f} questions a second, {open_} answers open at most: added to the first text, p50 / p95"
    times = percentiles([1000 * (one - less) for one in added])
    return [(what, f"{times}, of {len(added)} answers, {_whole(heard, log)} of them whole")]


async def _many(ours: httpx.AsyncClient, direct: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Streams that are all open at once, each compared with what the model sent."""
    asked = [Asked(number / STREAMS_RATE, STREAM_TOKENS) for number in range(STREAMS)]
    heard, open_, log = await _replay(ours, direct, _through_us, asked, STREAM_PACE, most=STREAMS)
    answered = [one for one in heard if not one.refused]
    said = f"{_whole(answered, log)} of {len(answered)}, {len(heard) - len(answered)} refused"
    return [(f"{open_} streams open at once: whole, of those that are answers", said)]


async def _cost(api: int, ours: httpx.AsyncClient, direct: httpx.AsyncClient) -> list[tuple[str, str]]:
    """With a model that takes no time, the API's own."""
    used, began = own_processor_seconds(api), time.perf_counter()
    heard, _, _ = await _replay(ours, direct, _through_us, [Asked(0.0, 200)] * QUESTIONS, NO_TIME, most=8)
    seconds, used = time.perf_counter() - began, own_processor_seconds(api) - used
    calls, prompt = (fmean(one.usage[name] for one in heard) for name in ("llm_calls", "prompt_tokens"))
    return [
        ("answers a second from a model that takes no time", f"{len(heard) / seconds:.1f}"),
        ("answers a second and core of the API process", f"{len(heard) / used:.1f}"),
        ("model calls, prompt tokens an answer", f"{calls:.1f}, {prompt:,.0f}"),
    ]


async def _replay(
    client: httpx.AsyncClient, model: httpx.AsyncClient, ask: Ask, asked: Sequence[Asked], pace: Mapping[str, float],
    *, most: int = AT_ONCE,
) -> tuple[list[Heard], int, dict[str, dict[str, float]]]:  # fmt: skip
    """Ask as planned, at most `most` at a time; the answers, how many were open at once, and the model's log."""
    numbers = random.Random(repr(asked)).sample(range(REPORTS), len(asked))
    tokens = {str(number): one.tokens for number, one in zip(numbers, asked, strict=True)}
    (await model.put("/plan", json={"pace": dict(pace), "tokens": tokens})).raise_for_status()
    room, began, open_ = asyncio.Semaphore(most), time.perf_counter(), [0, 0]

    async def one(number: int, planned: Asked) -> Heard:
        await asyncio.sleep(began + planned.at - time.perf_counter())
        async with room:
            open_[0] += 1
            open_[1] = max(open_)
            heard = await ask(client, number)
            open_[0] -= 1
            return heard

    heard = await asyncio.gather(*map(one, numbers, asked))
    return heard, open_[1], (await model.get("/log")).json()


async def _through_us(client: httpx.AsyncClient, number: int) -> Heard:
    asked, first, sentences, last = time.perf_counter(), 0.0, 0, ""
    usage: dict[str, int] = {}
    refused = False
    body = {"question": question_about(number), "stream": True}
    async with aconnect_sse(client, "POST", "/v1/ask", json=body) as stream:
        stream.response.raise_for_status()
        async for event in stream.aiter_sse():
            last = event.event
            sentences += last == "sentence"
            first = first or (time.perf_counter() if last == "text" else 0.0)
            if last == "done":
                done = event.json()
                usage, refused = done["usage"], done["outcome"] == "refused"
                sentences -= len(done["conflicts"])  # each is said in a sentence of ours
    return Heard(number, asked, first, sentences, last, usage, refused)


async def _directly(client: httpx.AsyncClient, number: int) -> Heard:
    """The model alone, with a prompt like ours; its first sentence counts as the first text."""
    asked, first, text = time.perf_counter(), 0.0, ""
    body = {"messages": [{"role": "user", "content": _prompt(number)}], "stream": True}
    async with aconnect_sse(client, "POST", "/v1/chat/completions", json=body) as stream:
        async for event in stream.aiter_sse():
            if event.data != "[DONE]":
                text += event.json()["choices"][0]["delta"].get("content", "")
                first = first or (time.perf_counter() if ". " in text else 0.0)
    return Heard(number, asked, first, text.count("]. "), "done", {})


def _prompt(number: int) -> str:
    source = "\n".join(passages(number))
    return f"----- 0 source [1]: Report {number}\n{source}\n----- 0 end [1]\n\nQuestion: {question_about(number)}"


def _not_the_models(heard: Sequence[Heard], log: Mapping[str, Mapping[str, float]]) -> list[float]:
    """Seconds of each first text that the model was not at work: before its prompt came, behind its first sentence."""
    known = [(one, log[str(one.number)]) for one in heard if str(one.number) in log and one.first_text]
    return [seen["began"] - one.asked + one.first_text - seen["first_sentence"] for one, seen in known]


def _whole(heard: Sequence[Heard], log: Mapping[str, Mapping[str, float]]) -> int:
    """How many answers ended as they should, each sentence of the model's in them."""
    sent = {int(number): seen["sentences"] for number, seen in log.items()}
    return sum(one.last_event == "done" and one.sentences == sent.get(one.number) for one in heard)


@contextmanager
def _paced_model() -> Iterator[str]:
    """Its address."""
    port = private_servers.free_port()
    process = Popen([sys.executable, "-m", "tests.bench.paced_model", str(port)])
    try:
        url = f"http://127.0.0.1:{port}"
        private_servers.wait_until(lambda: private_servers.answers(f"{url}/v1/models"), process=process)
        yield url
    finally:
        private_servers.stop(process)
