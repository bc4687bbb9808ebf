"""A proxy that misbehaves on order, between one of our processes and the index, the broker or the database.

It runs in a thread with an event loop of its own. `Wire` passes bytes on and can be slow or cut every connection;
`Exchange` understands enough HTTP/1.1 to act on one request: to be told of it before it is passed on, or to lose its
answer after it was applied. Knows nothing of which fault is wanted when; the schedule does.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.private_servers import free_port

Answer = Literal["500", "reset"]
READ = 1 << 16
FAILED = b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@dataclass(frozen=True, slots=True)
class Trap:
    """What happens to the next request whose first line and body `matches`, once.

    `before` is called when the request has come in and was not passed on yet, `after` when it was applied and its
    answer not passed back yet. `answer` replaces the real answer.
    """

    matches: Callable[[bytes], bool]
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None
    answer: Answer | None = None


class Wire:
    """Passes bytes between a free port of 127.0.0.1 and `target`, in both directions."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.target = target
        self.delay = 0.0
        self.refusing = False
        self.traps: list[Trap] = []
        self.passed = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{target}", daemon=True)
        self._listening = threading.Event()

    def __enter__(self) -> "Wire":
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def reset(self) -> None:
        """Cut every open connection with a TCP reset."""
        self._loop.call_soon_threadsafe(self._cut)

    def set(self, trap: Trap) -> None:
        """Arm a trap."""
        self.traps.append(trap)

    def disarm(self, trap: Trap) -> bool:
        """Take a trap back; True where it had not been sprung."""
        with contextlib.suppress(ValueError):
            self.traps.remove(trap)
            return True
        return False

    async def passes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, until either side ends it."""
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._open.add(server_writer)
        try:
            await asyncio.gather(self._pump(reader, server_writer, asked=True), self._pump(server_reader, writer))
        finally:
            self._open.discard(server_writer)
            server_writer.close()

    async def trapped(self, request: bytes) -> Trap | None:
        """The trap that this request springs, its `before` done."""
        for trap in list(self.traps):
            if trap.matches(request) and self.disarm(trap):
                if trap.before:
                    await asyncio.to_thread(trap.before)
                return trap
        return None

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool = False) -> None:
        while data := await reader.read(READ):
            if self.delay:
                await asyncio.sleep(self.delay)
            trap = await self.trapped(data) if asked and self.traps else None
            writer.write(data)
            await writer.drain()
            if trap and trap.after:
                await asyncio.to_thread(trap.after)
        writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            _abort(writer)
            return
        self._open.add(writer)
        self.passed += 1
        try:
            await self.passes(reader, writer)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            _abort(writer)  # the other side is gone: so are we
        finally:
            self._open.discard(writer)
            writer.close()

    def _cut(self) -> None:
        for writer in list(self._open):
            _abort(writer)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", self.port))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        waiting = asyncio.all_tasks(self._loop)
        for task in waiting:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


class Exchange(Wire):
    """The same for HTTP/1.1, one request after the other on each connection."""

    async def passes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await _message(reader)) is not None:
            if self.delay:
                await asyncio.sleep(self.delay)
            trap = await self.trapped(request)
            # A connection for each request: a server that was killed in between is not mistaken for a slow one.
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
            try:
                server_writer.write(request)
                await server_writer.drain()
                answer = await _message(server_reader)
            finally:
                server_writer.close()
            if answer is None:
                raise ConnectionResetError
            if trap and trap.after:
                await asyncio.to_thread(trap.after)
            if trap and trap.answer == "reset":
                raise ConnectionResetError
            writer.write(FAILED if trap and trap.answer == "500" else answer)
            await writer.drain()


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """One HTTP message, head and body; None where the other side has ended."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return head + await _chunks(reader)
    return head + await reader.readexactly(int(fields.get(b"content-length", b"0")))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        whole += line + await reader.readexactly(size + 2)
        if size == 0:
            return whole


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, as a machine that went away does."""
    with contextlib.suppress(OSError, AttributeError):  # it may be closed already
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def is_upsert(request: bytes) -> bool:
    """Whether this request writes points."""
    line = request.split(b"\r\n", 1)[0]
    return line.startswith(b"PUT ") and b"/points" in line and b"/points/" not in line


def is_count(request: bytes) -> bool:
    """Whether this request counts points."""
    return b"/points/count" in request.split(b"\r\n", 1)[0]


def is_commit(data: bytes) -> bool:
    """Whether these bytes of PostgreSQL's protocol end a transaction."""
    return b"COMMIT" in data
