"""A stream on which nothing is said for a while says that it is there, and nothing after its last event."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from services.api.event_stream import COMMENT, EventStream, event_text

QUIET = 0.05


async def spoken(pauses: list[float]) -> AsyncIterator[str]:
    for number, pause in enumerate(pauses):
        await asyncio.sleep(pause)
        yield f"event: {number}\n\n"


def sent(events: AsyncIterator[str], *, fails_at: int | None = None) -> list[Message]:
    """What goes out, and in the time after it."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        if fails_at is not None and len(messages) >= fails_at:
            raise OSError("gone")
        messages.append(dict(message))

    async def run() -> None:
        try:
            await EventStream(events, quiet=QUIET).stream_response(send)
        finally:
            await asyncio.sleep(3 * QUIET)

    asyncio.run(run())
    return messages


def test_a_comment_goes_out_where_nothing_else_does_for_a_while() -> None:
    messages = sent(spoken([0.0, 10 * QUIET, 0.0]))
    headers = dict(messages[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store"
    bodies = [message["body"] for message in messages[1:]]
    assert bodies[0] == b"event: 0\n\n"
    assert bodies[1:-3]
    assert set(bodies[1:-3]) == {COMMENT}
    assert bodies[-3:] == [b"event: 1\n\n", b"event: 2\n\n", b""]
    assert [message["more_body"] for message in messages[1:]] == [True] * (len(bodies) - 1) + [False]


def test_one_that_has_much_to_say_has_no_comments() -> None:
    assert COMMENT not in [message.get("body") for message in sent(spoken([0.0] * 200))]


def test_a_reader_who_has_left_ends_it() -> None:
    with pytest.raises(OSError, match="gone"):
        sent(spoken([0.0, 3 * QUIET, 0.0]), fails_at=2)


def test_an_event_is_one_line_whatever_ends_lines_elsewhere() -> None:
    data = {"title": "".join(map(chr, range(0x100))) + "\u2028\u2029é🚲"}
    for name, lines in ((None, 1), ("text", 2)):
        text = event_text(data, name=name)
        assert text.endswith("\n\n")
        assert len(text[:-2].splitlines()) == lines
        assert json.loads(text.splitlines()[lines - 1].removeprefix("data: ")) == data
    assert "é🚲" in text
