"""`python -m services.embedded.index_server`: the embedded index server as a process.

    --data-dir DIR --host 127.0.0.1 --port N [--api-key-file FILE] [--end-with-stdin]

Opens the data directory alone, says `index server ready on http://HOST:PORT` on standard output, serves until SIGTERM
or SIGINT, then flushes and closes. It imports little, so that it starts within a second. What it serves is in
`services/embedded/index/`. Knows nothing of settings: what it is told comes by these flags.

It is made for up to 50,000 chunks; with more, move to a Qdrant server. Every search is exact, so its time grows with
the collection. On 2 cores shared with other programs, `python -m tests.bench.index_server` saw hybrid searches with a
95th percentile of 20 ms at 10,000 chunks, 50 ms at 50,000, 60 ms at 100,000 and 125 ms at 200,000. Resident memory was
130, 470, 730 and 1,270 MB, more than half of it pages of files, which the kernel may drop.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType

import uvicorn

from retrieval.errors import ConflictError
from services.embedded.data_directory import claim
from services.embedded.index.app import index_app
from services.embedded.index.catalogue import Catalogue
from services.embedded.index.collection import ENGINE
from services.garbage import collect_less, settle

STOPPED_BY = (signal.SIGTERM, signal.SIGINT)
SHORTEST_KEY = 16
UPKEEP_S = 1.0

log = logging.getLogger("services.embedded.index_server")


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop. Returns the exit status: 0 stopped, 1 could not start."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO, stream=sys.stderr)
    collect_less()
    arguments = _arguments(argv)
    for number in STOPPED_BY:
        signal.signal(number, _leave)
    try:
        key = _api_key(arguments.api_key_file)
        listener = _listener(arguments.host, arguments.port)
        if arguments.end_with_stdin:
            threading.Thread(target=_end_with_stdin, name="lifeline", daemon=True).start()
        with claim(arguments.data_dir):
            catalogue = Catalogue(arguments.data_dir)
            log.info("%s, collections: %s", ENGINE, ", ".join(catalogue.names()) or "none")
            try:
                _serve(catalogue, listener, key)
            finally:
                for number in STOPPED_BY:  # a second signal must not cut the closing short
                    signal.signal(number, signal.SIG_IGN)
                catalogue.close()
    except (ConflictError, OSError, ValueError) as error:
        log.error("cannot start: %s", error)
        return 1
    return 0


def _serve(catalogue: Catalogue, listener: socket.socket, api_key: str | None) -> None:
    config = uvicorn.Config(
        index_app(catalogue, api_key=api_key),
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    stop = threading.Event()
    keeper = threading.Thread(target=_keep, args=(catalogue, stop), name="upkeep", daemon=True)
    keeper.start()
    host, port = listener.getsockname()[:2]
    settle()
    server = _Server(config, f"index server ready on http://{f'[{host}]' if ':' in host else host}:{port}")
    try:
        server.run(sockets=[listener])
    finally:
        stop.set()
        keeper.join()


class _Server(uvicorn.Server):
    """uvicorn, saying when it listens."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"{self._greeting}\n")
            sys.stdout.flush()


def _end_with_stdin() -> None:
    """Whoever started this server holds the other end: it closes however they end, `kill -9` included."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _keep(catalogue: Catalogue, stop: threading.Event) -> None:
    while not stop.wait(UPKEEP_S):
        try:
            catalogue.keep()
        except BaseException:  # a panic of the engine is no Exception
            log.exception("upkeep failed; it is tried again")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="index_server", description="Footnote's embedded index server")
    parser.add_argument("--data-dir", type=Path, required=True, help="where the collections lie; made if missing")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--api-key-file", type=Path, help="a file with the key that clients must send")
    parser.add_argument("--end-with-stdin", action="store_true", help="stop once standard input is closed")
    return parser.parse_args(argv)


def _api_key(file: Path | None) -> str | None:
    """Raises ValueError for a key too short to protect anything."""
    if file is None:
        return None
    key = file.read_text(encoding="utf-8").strip()
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the key in {file} is shorter than {SHORTEST_KEY} characters")
    return key


def _listener(host: str, port: int) -> socket.socket:
    """Take the address now, so that a taken one is refused before anything is opened; uvicorn listens on it later."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise OSError(f"{host}:{port} is not free: {os.strerror(error.errno or 0)}") from error
    return listener


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Until uvicorn listens, and again once it has stopped: leave through every `finally`."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
