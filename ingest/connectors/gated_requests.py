"""A `requests` session for readers of others that keeps our rules: connections go where the gate permits, time-outs are
set, answers have a cap. Knows nothing of readers.
"""

import socket
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from ingest.connectors.addresses import AddressGate, RefusedAddressError
from ingest.connectors.contract import ConnectorError

_TIMEOUT_S = (20.0, 60.0)
_TOTAL_S = 300.0
_PIECE_BYTES = 64 * 1024
_MAX_BYTES = 64 * 2**20


class AnswerTooLargeError(requests.RequestException):
    """An answer went beyond the cap on its size or its time."""


def gated_session(gate: AddressGate, *, user_agent: str) -> requests.Session:
    """A session without proxies, netrc or other settings of its surroundings."""
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 8
    session.headers["User-Agent"] = user_agent
    session.mount("https://", _GatedAdapter(gate))
    session.mount("http://", _GatedAdapter(gate))
    return session


def fault_in_words(error: Exception) -> str:
    """What went wrong with a request, short enough to be shown and without the address, which may hold secrets."""
    if isinstance(error, requests.Timeout):
        return "there was no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached"
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    if isinstance(error, AnswerTooLargeError):
        return str(error)
    return f"{type(error).__name__}: {str(error)[:200]}"


class _GatedAdapter(HTTPAdapter):
    """Connections of urllib3 are made by the gate, so redirects and second look-ups are judged too.

    A refused address ends in ConnectorError, whatever the reader thinks of other exceptions.
    """

    def __init__(self, gate: AddressGate) -> None:
        self._gate = gate
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._gate)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["stream"] = True
        kwargs["timeout"] = kwargs.get("timeout") or _TIMEOUT_S
        response = super().send(request, *args, **kwargs)
        ends = time.monotonic() + _TOTAL_S
        taken = bytearray()
        for piece in response.iter_content(_PIECE_BYTES):
            taken += piece
            if len(taken) > _MAX_BYTES or time.monotonic() > ends:
                response.close()
                raise AnswerTooLargeError("the answer is too large or too slow")
        response._content = bytes(taken)  # what `requests` does itself without `stream`
        return response


def _pools(gate: AddressGate) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, gate)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, gate)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connected(connection: HTTPConnection, gate: AddressGate) -> socket.socket:
    timeout = connection.timeout if isinstance(connection.timeout, (int, float)) else _TIMEOUT_S[0]
    try:
        return gate.connect(connection.host, connection.port, timeout_s=timeout)
    except RefusedAddressError as error:
        raise ConnectorError(error.message) from error  # no fault of the network, which readers would try again
    except OSError as error:
        raise NewConnectionError(connection, f"{connection.host} cannot be reached: {error}") from error
