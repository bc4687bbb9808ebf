"""The supervisor's end of the pipe whose closing makes `guard.py` end all parts.

Knows nothing of what the parts are or when they restart.
"""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

GUARD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")))

log = logging.getLogger(__name__)


class Lifeline:
    """Tells the guard process which process groups to end should this process vanish; opened by `lifeline()`."""

    def __init__(self, keep_open: Sequence[int]) -> None:
        self._keep_open = tuple(keep_open)
        self._groups: set[int] = set()
        self._closed = False
        self.fd = -1

    def launcher(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The command that enters itself with the guard and then becomes `argv`. It must inherit `fd`."""
        return (*GUARD, "launch", str(self.fd), str(os.getpid()), *argv)

    def add(self, group: int) -> None:
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def discard(self, group: int) -> None:
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):  # the guard was killed: the next one finds everything in its pipe
            os.write(self.fd, line.encode())

    async def guard(self) -> Process:
        """Start a guard with a pipe of its own, in which all groups stand before it starts."""
        reader, writer = os.pipe()
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = writer
        for group in self._groups:
            self._tell(f"+{group}\n")
        try:
            return await asyncio.create_subprocess_exec(
                *GUARD,
                "watch",
                str(reader),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal, or a kill of our group, must not reach it
                pass_fds=(reader, *self._keep_open),
            )
        finally:
            os.close(reader)

    async def keep_guarded(self, guard: Process) -> None:
        """Whenever the guard ends, start another, until `close`."""
        while True:
            await guard.wait()
            if not self._closed:
                log.warning("the guard process ended; starting another")
                await asyncio.sleep(0.2)
            if self._closed:
                return
            guard = await self.guard()

    def close(self) -> None:
        """Let the guard go. All parts have ended, so it has nothing to do but end."""
        self._closed = True
        os.close(self.fd)


@asynccontextmanager
async def lifeline(keep_open: Sequence[int] = ()) -> AsyncIterator[Lifeline]:
    """A guarded stretch of time.

    `keep_open` are descriptors that the guard inherits: the lock on the data directory stays taken until the guard has
    ended the last part, even when this process was killed.
    """
    line = Lifeline(keep_open)
    keeper = asyncio.create_task(line.keep_guarded(await line.guard()))
    try:
        yield line
    finally:
        line.close()
        await keeper
