"""A connection that is kept for the next question is still there then, whichever of the two ends keeps it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from retrieval.index import ChunkIndex, connect
from tests.system import System

# httpx, and what is built on it, closes a connection by itself once it was idle for 5 s: whoever asks shortly before
# that must not meet a server that does the same.
IDLE_SECONDS = 6


def test_an_idle_connection_outlives_the_client_s_own_patience(assistant: System) -> None:
    address = urlsplit(assistant.url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=30)) as connection:
        connection.connect()
        connection.auto_open = 0  # a new one would hide that the old one is gone
        for idle in (0, IDLE_SECONDS):
            time.sleep(idle)
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            response.read()
            assert response.status == 200


def test_the_index_is_asked_over_one_connection_which_is_given_up_before_a_server_would() -> None:
    with counting_server() as server, closing(connect(f"http://127.0.0.1:{server.server_port}")) as client:
        index = ChunkIndex(client)
        assert [index.total() for _ in range(5)] == [7] * 5
        assert server.connections == 1
        time.sleep(3)  # of the 5 s after which Qdrant closes it
        assert index.total() == 7
        assert server.connections == 2


class CountingServer(ThreadingHTTPServer):
    """An index that holds seven points, and counts the connections that are made to it."""

    daemon_threads = True
    connections = 0

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        self.connections += 1
        return super().get_request()


class _Seven(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"result": {"count": 7}, "status": "ok", "time": 0.0}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def counting_server() -> Iterator[CountingServer]:
    server = CountingServer(("127.0.0.1", 0), _Seven)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
