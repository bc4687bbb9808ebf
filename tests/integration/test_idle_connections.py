"""A connection that is kept for the next question is still there then, whichever of the two ends keeps it."""

import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from retrieval.index import ChunkIndex, connect
from tests.integration.json_server import json_server
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


def seven_points(*_: object) -> tuple[int, object]:
    return 200, {"result": {"count": 7}, "status": "ok", "time": 0.0}


def test_the_index_is_asked_over_one_connection_which_is_given_up_before_a_server_would() -> None:
    with json_server(seven_points, keeps=True) as server, closing(connect(server.url)) as client:
        index = ChunkIndex(client)
        assert [index.total() for _ in range(5)] == [7] * 5
        assert server.connections == 1
        time.sleep(3)  # of the 5 s after which Qdrant closes it
        assert index.total() == 7
        assert server.connections == 2
