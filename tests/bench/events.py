"""What reading a model's stream costs: processor time a token, merged as in production and event by event.

    python -m tests.bench --only Events

The client library is the real one; the stream comes from memory, so that it alone is measured.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from statistics import median

import httpx

from retrieval.llm import ChatModel
from retrieval.merged_events import merge_events

TOKENS, ROUNDS = 2000, 5
# A reader of a model that writes a token in 25 ms.
TOKENS_A_SECOND = 40
SENTENCE = "The limit of the department is raised to thirty days from the first of next month on [1]. "


def measure() -> Iterator[tuple[str, str]]:
    """(what, figure), both ways in turn."""
    costs: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for merged, some in costs.items():
            some.append(asyncio.run(_seconds(merged)) / TOKENS)
    apart, together = (median(costs[merged]) for merged in (False, True))
    yield "a token read, event by event; merged", f"{1e6 * apart:.0f}, {1e6 * together:.0f} µs"
    readers = (f"{1 / (TOKENS_A_SECOND * cost):.0f}" for cost in (apart, together))
    yield f"streams of {TOKENS_A_SECOND} tokens a second that a core can read", ", ".join(readers)


async def _seconds(merged: bool) -> float:
    hooks = {"response": [merge_events]} if merged else {}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=_HEADERS, stream=_Tokens()))
    async with httpx.AsyncClient(transport=transport, event_hooks=hooks) as client:
        model = ChatModel(base_url="http://model/v1", model="any", http_client=client)
        began = time.process_time()
        async for _ in model.stream([("human", "How long?")], max_tokens=TOKENS):
            pass
        return time.process_time() - began


_HEADERS = {"content-type": "text/event-stream"}


class _Tokens(httpx.AsyncByteStream):
    """One read of the network each, as they come from a server that is not quick."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tokens = [SENTENCE[start : start + 4] for start in range(0, len(SENTENCE), 4)]
        for number in range(TOKENS):
            yield _event({"content": tokens[number % len(tokens)]}, None)
            await asyncio.sleep(0)
        yield _event({}, "stop") + b"data: [DONE]\n\n"


def _event(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "any", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()
