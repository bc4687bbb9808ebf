"""A real OpenAI-compatible server on 127.0.0.1 that does what a test tells it to, good and bad.

Each request takes the next behaviour of the script, or the last one for ever. What was asked is kept in `requests`;
`running` counts the requests whose client is still there, as a model server's gauge does.
"""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from retrieval.llm import Timeouts

WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class Says:
    """Streams `text`, `piece` characters an event, then `finish` and the token counts."""

    text: str
    piece: int = 7
    finish: str = "stop"
    usage: bool = True


@dataclass(frozen=True)
class Hangs:
    """Streams `text` and then nothing more, until the client goes; without `headers` not even a status line."""

    text: str = ""
    headers: bool = True


@dataclass(frozen=True)
class Fails:
    """Answers with an error status."""

    status: int
    message: str = "something is wrong"


@dataclass(frozen=True)
class Breaks:
    """Streams `text`, then `tail` as it is, and closes the connection in mid-stream."""

    text: str = ""
    tail: str = ""


@dataclass(frozen=True)
class Ends:
    """Streams `text` and ends the response properly, without a finish reason or [DONE]."""

    text: str = ""
    tail: str = ""


@dataclass(frozen=True)
class Talks:
    """Streams `text` again and again, never to end by itself."""

    text: str


@dataclass(frozen=True)
class Trickles:
    """Streams `text` a word at a time, `seconds` apart, never to end by itself."""

    text: str
    seconds: float


@dataclass(frozen=True)
class Waits:
    """Streams one piece of text each time that `go` is released, and then ends as `Says` does."""

    pieces: tuple[str, ...]
    go: threading.Semaphore


@dataclass(frozen=True)
class RefusesConstraints:
    """Answers 400 to a request with structured outputs, as servers do that do not know them, else says `text`."""

    text: str


Behaviour = Says | Hangs | Fails | Breaks | Ends | Talks | Trickles | Waits | RefusesConstraints


@dataclass
class ScriptedModel:
    """The server's script and what it has seen."""

    script: list[Behaviour] = field(default_factory=lambda: [Says("NO_ANSWER")])
    requests: list[dict[str, Any]] = field(default_factory=list)
    running: int = 0
    url: str = ""
    # What it says of itself in GET /v1/models, as vLLM does; None: nothing.
    context_tokens: int | None = None

    def does(self, *behaviours: Behaviour) -> None:
        """Replace the script."""
        self.script = list(behaviours)
        self.requests.clear()

    def timeouts(self) -> Timeouts:
        """Short only for the waits that the script makes last for ever; whatever comes may take a busy machine's time.

        Where it hangs without a word it is the first word that is waited for in vain, after some text the next one.
        """
        silences = [behaviour.text for behaviour in self.script if isinstance(behaviour, Hangs)]
        if "" in silences:
            return Timeouts(connect=0.5, first_token=0.3, between_tokens=0.3, total=5.0)
        return Timeouts(connect=10.0, first_token=20.0, between_tokens=1.0 if silences else 20.0, total=60.0)

    def asked(self) -> bool:
        """Wait for a request; False if none has come within WAIT_SECONDS."""
        until = time.monotonic() + WAIT_SECONDS
        while not self.requests and time.monotonic() < until:
            time.sleep(0.01)
        return bool(self.requests)

    def idle(self, *, seconds: float = WAIT_SECONDS) -> bool:
        """Wait until no client is left; False if one still is after so long."""
        until = time.monotonic() + seconds
        while self.running and time.monotonic() < until:
            time.sleep(0.01)
        return self.running == 0

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            await self._describe(send)
            return
        request = json.loads(await _body(receive))
        self.requests.append(request)
        behaviour = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(behaviour, RefusesConstraints):
            constrained = "structured_outputs" in request
            behaviour = Fails(400, "unknown field structured_outputs") if constrained else Says(behaviour.text)
        self.running += 1
        try:
            await _behave(behaviour, receive, send)
        finally:
            self.running -= 1

    async def _describe(self, send: ASGISendCallable) -> None:
        described: dict[str, Any] = {"id": "scripted", "object": "model"}
        if self.context_tokens:
            described["max_model_len"] = self.context_tokens
        await _start(send, 200, "application/json")
        await _send(send, json.dumps({"object": "list", "data": [described]}), more=False)


async def _behave(behaviour: Behaviour, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    match behaviour:
        case Fails(status, message):
            body = json.dumps({"error": {"message": message, "type": "scripted", "code": status}}).encode()
            await _start(send, status, "application/json")
            await send({"type": "http.response.body", "body": body, "more_body": False})
        case Says(text, piece, finish, usage):
            await _start(send)
            await _stream(send, text, piece)
            await _send(send, _event(_chunk(None, finish)))
            if usage:
                counted = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
                await _send(send, _event({**_chunk(None, None), "choices": [], "usage": counted}))
            await _send(send, "data: [DONE]\n\n", more=False)
        case Hangs(text, headers):
            if headers:
                await _start(send)
                await _stream(send, text, 7)
            await _gone(receive)
        case Breaks(text, tail):
            await _start(send)
            await _stream(send, text, 7)
            await _send(send, tail)
            await asyncio.sleep(0.02)  # or nothing of it is on the wire yet
            raise ConnectionAbortedError("scripted")
        case Ends(text, tail):
            await _start(send)
            await _stream(send, text, 7)
            await _send(send, tail, more=False)
        case Talks(text):
            await _start(send)
            leaving = asyncio.create_task(_gone(receive))
            while not leaving.done():
                await _stream(send, text, 7)
                await asyncio.sleep(0)
        case Trickles(text, seconds):
            await _trickle(text, seconds, receive, send)
        case Waits(pieces, go):
            await _say_when_told(pieces, go, send)
        case RefusesConstraints():
            raise AssertionError("resolved before")


async def _trickle(text: str, seconds: float, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await _start(send)
    leaving = asyncio.create_task(_gone(receive))
    for word in itertools.cycle(text.split()):
        if leaving.done():
            return
        await _send(send, _event(_chunk(f"{word} ", None)))
        await asyncio.wait([leaving], timeout=seconds)


async def _say_when_told(pieces: tuple[str, ...], go: threading.Semaphore, send: ASGISendCallable) -> None:
    await _start(send)
    for piece in pieces:
        assert await asyncio.to_thread(go.acquire, timeout=WAIT_SECONDS)
        await _send(send, _event(_chunk(piece, None)))
    await _send(send, _event(_chunk(None, "stop")) + "data: [DONE]\n\n", more=False)


async def _start(send: ASGISendCallable, status: int = 200, media_type: str = "text/event-stream") -> None:
    headers = [(b"content-type", media_type.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})


async def _stream(send: ASGISendCallable, text: str, piece: int) -> None:
    for start in range(0, len(text), piece):
        await _send(send, _event(_chunk(text[start : start + piece], None)))


async def _send(send: ASGISendCallable, text: str, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": more})


async def _gone(receive: ASGIReceiveCallable) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: ASGIReceiveCallable) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += message["body"]
        if not message["more_body"]:
            return body


def _chunk(content: str | None, finish: str | None) -> dict[str, Any]:
    delta = {"role": "assistant", "content": content} if content is not None else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": [choice]}


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """Run the server in a thread on a free port."""
    model = ScriptedModel()
    config = uvicorn.Config(
        model, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="scripted-model", daemon=True)
    thread.start()
    until = time.monotonic() + WAIT_SECONDS
    while not server.started and time.monotonic() < until:
        time.sleep(0.005)
    model.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        server.should_exit = True
        thread.join(WAIT_SECONDS)
