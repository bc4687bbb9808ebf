"""Runs the application under uvicorn until it is told to stop. Knows nothing of routes."""

from collections.abc import Callable

import uvicorn

from services.api.app import create_app
from services.api.dependencies import Parts

# Open streams get this long to end; then they are cut, and their readers see it.
GRACE_SECONDS = 6
BACKLOG = 512


def serve(parts: Parts, *, close: Callable[[], None], host: str, port: int) -> None:
    """Listen on `host:port`. Returns after SIGTERM or Ctrl-C, when the requests under way have ended."""
    uvicorn.run(
        create_app(parts, close=close),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
