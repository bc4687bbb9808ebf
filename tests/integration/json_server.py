"""A server of JSON for tests: one function answers, and what was asked is kept."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Responder = Callable[[str, str, dict[str, str], Any], tuple[int, Any]]


class JsonServer(ThreadingHTTPServer):
    """`status` other than 200 answers everything so; `redirect` sends everything to another server. `connections` are
    counted; each is kept for further requests where it `keeps` them.
    """

    daemon_threads = True

    def __init__(self, respond: Responder, *, keeps: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _KeepingHandler if keeps else _Handler)
        self.connections = 0
        self.respond = respond
        self.status = 200
        self.redirect: str | None = None
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        self.connections += 1
        return super().get_request()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: JsonServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        self.server.asked.append(parts.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.server.redirect is not None:
            self.send_response(302)
            self.send_header("Location", self.server.redirect + self.path)
            self.end_headers()
            return
        status, value = self.server.status, {"message": "fault"}
        if status == 200:
            arguments = (dict(parse_qsl(parts.query)), json.loads(body or b"null"))
            status, value = self.server.respond(self.command, parts.path, *arguments)
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _KeepingHandler(_Handler):
    protocol_version = "HTTP/1.1"


@contextmanager
def json_server(respond: Responder, *, keeps: bool = False) -> Iterator[JsonServer]:
    """A running server, stopped at the end."""
    server = JsonServer(respond, keeps=keeps)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
