"""A connection that a client keeps for its next question is still there then."""

import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

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
