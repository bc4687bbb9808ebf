"""The seam between httpcore and the network: connections go where the gate permits, and end at a deadline.

Knows nothing of HTTP.
"""

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from ingest.connectors.addresses import AddressGate


class Deadline:
    """When the exchange in progress has to be over; for one thread."""

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self.start()

    def start(self) -> None:
        self._ends = time.monotonic() + self._total_s

    def within(self, timeout_s: float | None) -> float:
        """The shorter of `timeout_s` and what is left. Raises httpcore.ReadTimeout where nothing is."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout(f"not over after {self._total_s:g} s")
        return left if timeout_s is None else min(left, timeout_s)


class GatedNetwork(httpcore.NetworkBackend):
    """Connects by TCP to addresses that the gate permits. Raises RefusedAddressError beside httpcore's errors."""

    def __init__(self, gate: AddressGate, deadline: Deadline) -> None:
        self._gate = gate
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        try:
            addresses = self._gate.addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"the name {host[:200]} does not resolve") from error
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(
                    address, port, self._deadline.within(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(stream, self._deadline)
        raise failure or httpcore.ConnectError(f"{host[:200]} cannot be reached")


class _DeadlineStream(httpcore.NetworkStream):
    """A server that sends a byte now and then does not keep us for ever."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.within(timeout))
        return _DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
