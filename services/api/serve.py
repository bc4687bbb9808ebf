"""Runs the application under uvicorn until it is told to stop. Knows nothing of routes."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from types import FrameType

import uvicorn

from services.api.app import create_app
from services.api.dependencies import Parts
from services.garbage import settle

# Behind the time that answers get: their last words go out, and other requests end.
LAST_WORDS_SECONDS = 2
BACKLOG = 512
# Longer than clients and proxies keep an idle connection (httpx 5 s, nginx and cloud balancers 60 s): if we closed it
# first, a question sent at that moment would be lost to a reset.
KEEP_ALIVE_SECONDS = 75
NOT_STARTED = 3


def serve(
    parts: Parts,
    *,
    close: Callable[[], None],
    host: str,
    port: int,
    drain_seconds: int,
    proxies: Sequence[IPv4Network | IPv6Network],
) -> None:
    """Listen on `host:port`. Returns after SIGTERM or Ctrl-C, when the requests under way have ended.

    Answers get `drain_seconds` to end; then each one ends with an event that says so. What `proxies` say of where a
    request comes from is believed, and what anybody else says is not.
    """
    config = uvicorn.Config(
        create_app(parts, close=close),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=[str(proxy) for proxy in proxies],
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=drain_seconds + LAST_WORDS_SECONDS,
    )
    server = _Server(config, lambda: parts.open_answers.drain(drain_seconds))
    settle()
    with suppress(KeyboardInterrupt):  # uvicorn passes Ctrl-C on once it has stopped
        server.run()
    if not server.started:
        sys.exit(NOT_STARTED)


class _Server(uvicorn.Server):
    """Tells when it was asked to stop, before it closes anything."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping()
        super().handle_exit(sig, frame)
