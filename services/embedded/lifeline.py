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
    """Tells the guard process which process groups to end should this process vanish; made by `lifeline()`."""

    def __init__(self, guard: Process, fd: int) -> None:
        self.guard = guard
        self.fd = fd
        self._groups: set[int] = set()

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
        with suppress(BrokenPipeError):  # the guard was killed: `keep_guarded` tells the next one everything
            os.write(self.fd, line.encode())

    async def keep_guarded(self, keep_open: Sequence[int]) -> None:
        """Replace the guard whenever it ends."""
        while True:
            await self.guard.wait()
            log.warning("the guard process ended; starting another")
            await asyncio.sleep(0.2)
            guard, fd = await _start_guard(keep_open)
            os.close(self.fd)
            self.guard, self.fd = guard, fd
            for group in self._groups:
                self._tell(f"+{group}\n")


@asynccontextmanager
async def lifeline(keep_open: Sequence[int] = ()) -> AsyncIterator[Lifeline]:
    """A guarded stretch of time.

    `keep_open` are descriptors that the guard inherits: the lock on the data directory stays taken until the guard has
    ended the last part, even when this process was killed.
    """
    line = Lifeline(*await _start_guard(keep_open))
    keeper = asyncio.create_task(line.keep_guarded(keep_open))
    try:
        yield line
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        os.close(line.fd)
        await line.guard.wait()


async def _start_guard(keep_open: Sequence[int]) -> tuple[Process, int]:
    reader, writer = os.pipe()
    try:
        guard = await asyncio.create_subprocess_exec(
            *GUARD,
            "watch",
            str(reader),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal, or a kill of our group, must not reach it
            pass_fds=(reader, *keep_open),
        )
    finally:
        os.close(reader)
    return guard, writer
