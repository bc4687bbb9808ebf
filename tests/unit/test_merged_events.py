"""A model's events merged: the same text in fewer events, none that a reader waits for held up, all else as it was."""

import asyncio
import itertools
import json
import random
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.citations import SentenceReader
from retrieval.merged_events import HELD_SECONDS, LONGEST_EVENT, Merger, merge_events

TEXT = "The limit is 30 days for everybody [1]. It was 20 before that change. [2] Ask Dr. Weiß or the desk 😀."
DONE = b"data: [DONE]\n\n"
HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def event(content: str, **more: object) -> bytes:
    """As vLLM sends it."""
    choice = {"index": 0, "delta": {"content": content}, "logprobs": None, "finish_reason": None, **more}
    return b"data: " + json.dumps({**HEAD, "choices": [choice], "usage": None}).encode() + b"\n\n"


def contents(stream: bytes) -> list[str]:
    events = [part for part in stream.split(b"\n\n") if part]
    return [json.loads(part[5:])["choices"][0]["delta"]["content"] for part in events]


def letters(text: str) -> list[bytes]:
    return [event(letter) for letter in text]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_text_is_the_same_in_fewer_events_however_the_bytes_are_cut() -> None:
    stream = b"".join(letters(TEXT))
    chance = random.Random(0)
    for _ in range(50):
        merger, out = Merger(Clock()), b""
        cuts = sorted(chance.sample(range(len(stream)), 40))
        for start, end in itertools.pairwise([0, *cuts, len(stream)]):
            out += merger.feed(stream[start:end])
        out += merger.finish()
        assert "".join(contents(out)) == TEXT
        assert len(contents(out)) < len(TEXT) / 2


def test_a_sentence_is_finished_at_the_very_event_at_which_it_is_without_merging() -> None:
    plain, merged, merger = SentenceReader(2), SentenceReader(2), Merger(Clock())
    for letter in TEXT:
        expected = plain.feed(letter)
        found = [draft for content in contents(merger.feed(event(letter))) for draft in merged.feed(content)]
        assert found == expected


@given(st.lists(st.sampled_from([*"ab. \n]!-é", " a", "word", "]. "]), max_size=40))
def test_a_sentence_is_known_to_have_begun_by_its_first_word(tokens: list[str]) -> None:
    """Held is only what stands behind a word and a blank, since the last end."""
    merger, since = Merger(Clock()), ""
    for token in tokens:
        known = re.search(r"\w\S*\s", since) is not None
        ends = [end.end() for end in re.finditer(r"[.!\n\]]", token)]
        assert (merger.feed(event(token)) == b"") == (known and not ends)
        since = token[ends[-1] :] if ends else since + token


def test_a_token_waits_for_the_next_ones_no_longer_than_it_may() -> None:
    clock = Clock()
    merger = Merger(clock)
    assert contents(merger.feed(event("The limit "))) == ["The limit "]
    assert merger.feed(event("is ")) == b""
    clock.now += HELD_SECONDS
    assert contents(merger.feed(event("30 "))) == ["is 30 "]


@pytest.mark.parametrize(
    "other",
    [
        event("end", finish_reason="stop"),
        event("and", logprobs={"content": []}),
        b'data: {"choices": [], "usage": {"prompt_tokens": 1}}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"tool_calls": [], "content": "x"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "x"}}, {"delta": {"content": "y"}}]}\n\n',
        b'data: {"error": {"message": "out of memory"}}\n\n',
        b'data: {"choices": [{"index": 0, "delta": null}]}\n\n',
        b"data: [1, 2]\n\n",
        b"data: 1\n\n",
        b"data: {broken\n\n",
        b'event: ping\ndata: {"choices": [{"delta": {"content": "x"}}]}\n\n',
        b": still here\n\n",
        DONE,
    ],
)
def test_every_other_event_passes_as_it_is_behind_what_was_held(other: bytes) -> None:
    merger = Merger(Clock())
    merger.feed(event("The limit "))
    assert merger.feed(event("is ")) == b""
    out = merger.feed(other)
    assert out.endswith(other)
    assert contents(out[: -len(other)]) == ["is "]


def test_windows_line_ends_are_line_ends() -> None:
    merger = Merger(Clock())
    stream = b"".join(letters("The limit is 30 days")).replace(b"\n", b"\r\n")
    assert "".join(contents(merger.feed(stream) + merger.finish())) == "The limit is 30 days"


def test_what_is_no_event_stream_goes_on_unread() -> None:
    merger = Merger(Clock())
    merger.feed(event("The limit "))
    merger.feed(event("is "))
    endless = b"x" * (LONGEST_EVENT + 1)
    out = merger.feed(endless)
    assert out.endswith(endless)
    assert contents(out[: -len(endless)]) == ["is "]
    assert merger.feed(b"yz") == b"yz"
    assert merger.finish() == b""


def test_halves_of_a_letter_in_two_events_come_together() -> None:
    """A lone surrogate is legal JSON."""
    merger = Merger(Clock())
    merger.feed(event("The limit "))
    merger.feed(event("is \ud83d"))
    assert contents(merger.feed(event("\ude00.")))[0] == "is 😀."


class Served(httpx.AsyncByteStream):
    """What a server sends before it breaks off."""

    def __init__(self, events: Iterable[bytes]) -> None:
        self.events, self.closed = events, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for one in self.events:
            yield one
        raise httpx.ReadError("broken off")

    async def aclose(self) -> None:
        self.closed = True


def received(served: Served, **headers: str) -> bytes:
    """What a client with the hook reads until the stream breaks off."""

    async def run() -> bytes:
        out = b""
        transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=served))
        client = httpx.AsyncClient(transport=transport, event_hooks={"response": [merge_events]})
        async with client, client.stream("GET", "http://model/") as response:
            with suppress(httpx.ReadError):
                async for data in response.aiter_bytes():
                    out += data
                pytest.fail("it did not break off")
        return out

    return asyncio.run(run())


def test_what_came_before_a_fault_comes_before_the_fault() -> None:
    served = Served(letters("The limit is thirty"))
    out = received(served, **{"content-type": "text/event-stream; charset=utf-8"})
    assert "".join(contents(out)) == "The limit is thirty"
    assert len(contents(out)) < len("The limit is thirty")
    assert served.closed


def test_other_answers_are_left_alone() -> None:
    sent = letters("The limit is thirty")
    assert received(Served(sent), **{"content-type": "application/json"}) == b"".join(sent)
