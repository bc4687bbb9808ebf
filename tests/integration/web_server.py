"""A web server for tests: pages that a test can change, validators, redirects, faults, a count of what was asked."""

import gzip
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """What lies at a path. `validators`: an ETag is sent and a matching condition answered with 304."""

    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    validators: bool = True
    compressed: bool = False

    @property
    def etag(self) -> str:
        return f'"{sha256(self.body + repr(self.headers).encode()).hexdigest()[:16]}"'


class WebServer(ThreadingHTTPServer):
    """`asked` counts requests by path, `sent` bodies by path; `seen` holds the headers of each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def reset_counts(self) -> None:
        self.asked.clear()
        self.sent.clear()
        self.seen.clear()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path, Answer(b"not here", "text/plain", 404, validators=False))
        self.server.asked[self.path] += 1
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if answer.validators and self.headers.get("If-None-Match") == answer.etag:
            self._head(304, {"ETag": answer.etag}, 0)
            return
        body = answer.body
        headers = {"Content-Type": answer.content_type, **answer.headers}
        if answer.compressed:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        if answer.validators:
            headers["ETag"] = answer.etag
        if answer.status == 200:
            self.server.sent[self.path] += 1
        self._head(answer.status, headers, len(body))
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def web_server() -> Iterator[WebServer]:
    """A running server, stopped at the end."""
    server = WebServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
