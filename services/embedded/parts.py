"""What one supervised part is, and how to see that it is ready.

Knows nothing of which parts Footnote has, and nothing of starting or restarting them.
"""

import asyncio
import http.client
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

Ready = Callable[[], Awaitable[bool]]

PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Part:
    """A process to keep running. `env` is its whole environment; `argv[0]` is looked up on PATH.

    It is started once every part in `depends_on` is ready, and stopped before any of them. Without `ready` it counts
    as ready once started. `stop_signal` goes to the process itself and not to its children; what is left of its group
    after `stop_grace_s` seconds is killed.

    `rescue` gets the last lines of a part that ended and was not ready once since the supervisor started. It may remove
    what kept the part from starting; once it says that it did, it is not called again.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)  # holds secrets
    ready: Ready | None = None
    depends_on: tuple[str, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 4.0
    ready_timeout_s: float = 120.0
    rescue: Callable[[Sequence[str]], bool] | None = None


def answers(host: str, port: int, path: str) -> Ready:
    """Ready when `GET http://host:port/path` is 200."""

    def status() -> int | None:
        connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    async def probe() -> bool:
        return await asyncio.to_thread(status) == http.client.OK

    return probe


def accepts(host: str, port: int) -> Ready:
    """Ready when `host:port` takes a connection."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                _, writer = await asyncio.open_connection(host, port)
        except OSError:  # TimeoutError is one
            return False
        writer.close()
        return True

    return probe
