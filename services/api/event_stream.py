"""Server-sent events as text, and the response that they go out in, whatever they say.

Knows nothing of answers. Proxies and networks drop a connection on which nothing is said for a minute, and a model on
slow hardware may think for longer: so a comment goes out in between, which every reader of such streams passes over.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

QUIET_SECONDS = 15.0
COMMENT = b": keep-alive\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Ends of lines to Unicode and to many a reader's `splitlines`, though not to JSON or to event streams.
_LINE_ENDS = tuple((end, f"\\u{ord(end):04x}") for end in "\x85\u2028\u2029")


def event_text(data: Any, *, name: str | None = None) -> str:
    """One event, `data` as JSON in one line; without a name it is a message."""
    text = json.dumps(data, ensure_ascii=False)
    for end, escaped in _LINE_ENDS:
        text = text.replace(end, escaped)
    return f"event: {name}\ndata: {text}\n\n" if name else f"data: {text}\n\n"


class EventStream(StreamingResponse):
    """`events` are whole events as text, sent as they come; a comment where `quiet` seconds pass without one."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str] | Iterator[str], *, quiet: float = QUIET_SECONDS) -> None:
        super().__init__(events, headers=_HEADERS)
        self._quiet = quiet
        self._said_at = 0.0

    async def stream_response(self, send: Send) -> None:
        """Send everything. What ends it ends the comments first: none may follow the last event."""
        beat: asyncio.Task[None] | None = None

        async def said(message: Message) -> None:
            nonlocal beat
            if beat is not None and not message.get("more_body"):
                beat.cancel()
            await send(message)
            self._said_at = asyncio.get_running_loop().time()
            if beat is None:  # the headers are out
                beat = asyncio.create_task(self._keep_alive(send))

        try:
            await super().stream_response(said)
        finally:
            if beat is not None:
                beat.cancel()
                await asyncio.wait([beat])

    async def _keep_alive(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # the reader has left: whoever sends the events is told so, too
            while True:
                await asyncio.sleep(self._said_at + self._quiet - loop.time())
                if loop.time() - self._said_at >= self._quiet:
                    await send({"type": "http.response.body", "body": COMMENT, "more_body": True})
                    self._said_at = loop.time()
