"""A model server with the pace of a real one, as a process of its own: `python -m tests.bench.paced_model PORT`.

It answers in OpenAI's protocol with sentences of its prompt's sources, each with its number, so that they hold, and a
token an event as vLLM does. How many is in the plan: `PUT /plan` {"pace": {...}, "tokens": {number: tokens}}, where the
number is the one of "report N" in the question. `GET /log` has for each when the request was there, when its first
sentence was out, how many sentences it sent, by the clock that all processes of the machine share.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

# Of text like ours: a token of Llama's in letters.
LETTERS_A_TOKEN = 4
_QUESTION = re.compile(r"\nQuestion: .*?\breport (\d+)")
_SOURCE = re.compile(r"^----- \d+ source \[(\d+)\]:[^\n]*\n(.*?)\n----- \d+ end \[\1\]$", re.MULTILINE | re.DOTALL)
_SENTENCE = re.compile(r"[A-Z][^.\n]+\.(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds: until the first token, for each token of the prompt, for each token written."""

    first: float
    prompt_token: float
    token: float


@dataclass(slots=True)
class Seen:
    """When a request came and its first sentence was out, seconds; sentences sent; tokens of the prompt, about."""

    began: float
    first_sentence: float = 0.0
    sentences: int = 0
    prompt_tokens: int = 0


def server() -> FastAPI:
    """The application. It does nothing of its own before the first plan."""
    app = FastAPI()
    plan: dict[str, dict[str, float]] = {}
    log: dict[str, Seen] = {}

    @app.get("/v1/models")
    def models() -> dict[str, object]:
        return {"object": "list", "data": [{"id": "paced", "object": "model"}]}

    @app.put("/plan")
    def planned(new: dict[str, dict[str, float]]) -> None:
        plan.clear()
        plan.update(new)
        log.clear()

    @app.get("/log")
    def logged() -> dict[str, Seen]:
        return log

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> StreamingResponse:
        began = time.perf_counter()
        prompt = str((await request.json())["messages"][-1]["content"])
        asked = _QUESTION.search(prompt)
        number = asked.group(1) if asked else ""
        seen = log[number] = Seen(began, prompt_tokens=len(prompt) // LETTERS_A_TOKEN)
        written = _written(prompt, int(plan["tokens"][number]), seen, Pace(**plan["pace"]))
        return StreamingResponse(written, media_type="text/event-stream")

    return app


async def _written(prompt: str, tokens: int, seen: Seen, pace: Pace) -> AsyncIterator[str]:
    due = seen.began + (pace.first + pace.prompt_token * seen.prompt_tokens) / 1000
    for sentence in _sentences(prompt, tokens):
        for start in range(0, len(sentence), LETTERS_A_TOKEN):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due += pace.token / 1000
            yield _event({"content": sentence[start : start + LETTERS_A_TOKEN]}, None)
        seen.sentences += 1
        seen.first_sentence = seen.first_sentence or time.perf_counter()
    yield _event({}, "stop") + "data: [DONE]\n\n"


def _sentences(prompt: str, tokens: int) -> Iterator[str]:
    """Sentences of the sources in their order, with their numbers, until they come to so many tokens."""
    said: set[str] = set()
    for source in _SOURCE.finditer(prompt):
        for sentence in _SENTENCE.findall(source.group(2)):
            if sentence not in said and tokens > 0:
                said.add(sentence)
                marked = f"{sentence[:-1]} [{source.group(1)}]. "
                tokens -= len(marked) // LETTERS_A_TOKEN
                yield marked


def _event(delta: dict[str, str], finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "paced", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


if __name__ == "__main__":
    uvicorn.run(server(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", lifespan="off")
