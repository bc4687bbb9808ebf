"""A model's event stream with fewer events in it: tokens that nobody waits for are handed on together.

A server sends an event for each token, and the client library takes its time for each (`python -m tests.bench --only
Events`): more than a core for a hundred and fifty readers. A reader is shown whole sentences, so tokens within one can
wait for each other. Knows nothing of requests or answers; what it does not know is passed on as it is.
"""

import json
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from retrieval.citations import POSSIBLE_END

# So long a token waits for the next ones at most; a stream that stalls shows that much later.
HELD_SECONDS = 0.25
# No event of a completion is as long. What is, goes on unread.
LONGEST_EVENT = 64 * 1024
_END = re.compile(rf"{POSSIBLE_END.pattern}|[\]】]")
_EVENT_END = re.compile(rb"\r\n\r\n|\n\n")
_DATA = b"data:"
_TEXT_ALONE = {"id", "object", "created", "model", "system_fingerprint", "choices", "index", "delta", "content"}
# A sentence has ended once the first word of the next one is there (retrieval/citations.py): that is not held up.
_WORD, _BLANK = re.compile(r"\w"), re.compile(r"\s")


async def merge_events(response: httpx.Response) -> None:
    """A hook of an httpx client for its responses: event streams are merged, everything else is left alone."""
    is_events = response.headers.get("content-type", "").startswith("text/event-stream")
    if is_events and "content-encoding" not in response.headers and isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _MergedStream(response.stream)


class _MergedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        merger = Merger()
        try:
            async for data in self._stream:
                if merged := merger.feed(data):
                    yield merged
        except httpx.HTTPError:  # what came before the fault came
            if rest := merger.finish():
                yield rest
            raise
        if rest := merger.finish():
            yield rest

    async def aclose(self) -> None:
        await self._stream.aclose()


class Merger:
    """Bytes of an event stream in, bytes of an event stream out, however they are cut. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._raw = b""
        self._unread = False
        self._held: list[str] = []
        self._last: dict[str, Any] = {}
        self._passed_on = clock()
        self._said = self._begun = False

    def feed(self, data: bytes) -> bytes:
        """What can be passed on now that `data` has come."""
        if self._unread:
            return data
        *events, self._raw = _EVENT_END.split(self._raw + data)
        out = b"".join(map(self._take, events))
        if len(self._raw) > LONGEST_EVENT:
            self._unread = True
            out += self.finish()
        return out

    def finish(self) -> bytes:
        """What was held, the stream being over."""
        rest, self._raw = self._raw, b""
        return self._release() + rest

    def _take(self, event: bytes) -> bytes:
        completion = _read(event)
        if completion is None:
            return self._release() + event + b"\n\n"
        self._last = completion
        content: str = completion["choices"][0]["delta"]["content"]
        self._held.append(content)
        within = self._is_within_a_sentence(content)
        return b"" if within and self._clock() - self._passed_on < HELD_SECONDS else self._release()

    def _is_within_a_sentence(self, content: str) -> bool:
        """Whether nobody waits for this text: it ends no sentence, and the one it stands in is known to have begun."""
        begun = self._begun
        ends = [end.end() for end in _END.finditer(content)]
        if ends:
            self._said = self._begun = False
        self._follow(content[ends[-1] :] if ends else content)
        return begun and not ends

    def _follow(self, text: str) -> None:
        """Note what more there is of a sentence: some of a word, and white space behind it, which ends the word."""
        word = None if self._said else _WORD.search(text)
        if self._said or word:
            self._begun = self._begun or _BLANK.search(text, word.end() if word else 0) is not None
            self._said = True

    def _release(self) -> bytes:
        if not self._held:
            return b""
        self._last["choices"][0]["delta"]["content"] = "".join(self._held)
        self._held.clear()
        self._passed_on = self._clock()
        return b"data: " + json.dumps(self._last).encode() + b"\n\n"


def _read(event: bytes) -> dict[str, Any] | None:
    """A completion's event that says nothing but some text; None for every other event."""
    if not event.startswith(_DATA) or b"\n" in event:
        return None
    try:
        completion = json.loads(event[len(_DATA) :])
        (choice,) = completion["choices"]
        said = {**completion, **choice, **choice["delta"]}
        told = {name for name, value in said.items() if value is not None}
    except (ValueError, TypeError, KeyError):
        return None
    return completion if told <= _TEXT_ALONE and isinstance(said.get("content"), str) else None
