"""One connection to an IMAP server (RFC 9051), read-only: what is in a folder, headers, whole messages.

Connects where the gate permits, over TLS that checks the host's name. Knows nothing of documents.
"""

import base64
import imaplib
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from ingest.connectors.addresses import AddressGate, RefusedAddressError
from ingest.connectors.contract import ConnectorError, ItemError
from ingest.connectors.messages import HEADERS
from ingest.connectors.options import ImapOptions

_TIMEOUT_S = 60.0
_STEP = 2000
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')
_LEFT_OUT = frozenset({b"\\deleted", b"\\draft"})
_FAULTS = (imaplib.IMAP4.error, OSError, EOFError, UnicodeError)


@dataclass(frozen=True, slots=True)
class Headers:
    uid: int
    size: int
    block: bytes


class ImapSession:
    """A folder that was opened for reading. `validity` is its UIDVALIDITY. Every call raises ConnectorError."""

    def __init__(self, options: ImapOptions, gate: AddressGate, *, max_bytes: int) -> None:
        with _as_connector_errors(options.host):
            self._client = _client(options, gate, max_bytes)
        try:
            self._sign_in(options)
            with _as_connector_errors(options.host):
                status, counted = self._client.select(_quoted_folder(options.folder), readonly=True)
                if status != "OK":
                    raise ConnectorError(f"The mailbox has no folder {options.folder!r} that can be read.")
                self._count = int(counted[0] or 0)
                self.validity = _number(self._client.response("UIDVALIDITY")[1])
        except BaseException:
            self.close()
            raise
        self._host = options.host

    def close(self) -> None:
        with suppress(*_FAULTS):
            self._client.logout()

    def uids(self, *, since: datetime | None) -> list[int]:
        """The messages that are neither drafts nor marked as deleted, in ascending order."""
        found: list[int] = []
        for first in range(1, self._count + 1, _STEP):
            last = min(first + _STEP - 1, self._count)
            with _as_connector_errors(self._host):
                status, parts = self._client.fetch(f"{first}:{last}", "(UID FLAGS INTERNALDATE)")
            self._check(status, parts)
            for part in _joined(parts):
                uid = _UID.search(part)
                if uid is not None and _counts(part, since):
                    found.append(int(uid[1]))
        return sorted(set(found))

    def headers(self, uids: Sequence[int]) -> Iterator[Headers]:
        """The headers that identify messages, for those of `uids` that are still there."""
        wanted = f"(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS ({' '.join(HEADERS).upper()})])"
        for start in range(0, len(uids), _STEP):
            with _as_connector_errors(self._host):
                status, parts = self._client.uid("FETCH", ranges_of(uids[start : start + _STEP]), wanted)
            self._check(status, parts)
            for description, block in _literals(parts):
                uid, size = _UID.search(description), _SIZE.search(description)
                if uid is not None and size is not None:
                    yield Headers(int(uid[1]), int(size[1]), block)

    def message(self, uid: int) -> bytes | None:
        """A whole message; None where it is gone, which a server says by OK and no data.

        Raises ItemError where the server refuses this message, which is then still there.
        """
        with _as_connector_errors(self._host):
            status, parts = self._client.uid("FETCH", str(uid), "(UID BODY.PEEK[])")
        if status != "OK":
            raise ItemError(f"The mail server does not hand out the message: {_words(parts)}")
        return next((block for description, block in _literals(parts) if _is_of(description, uid)), None)

    def with_message_id(self, message_id: str) -> list[int]:
        """The messages of this Message-ID, in ascending order; empty where it cannot be searched for."""
        if not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", message_id):
            return []
        with _as_connector_errors(self._host):
            status, found = self._client.uid("SEARCH", "HEADER", "Message-ID", f'"<{message_id}>"')
        if status != "OK":
            return []
        return sorted(int(word) for word in (found[0] or b"").split())

    def _check(self, status: str, parts: Sequence[object]) -> None:
        """imaplib raises on BAD but hands NO over like an answer, which would make every message look gone."""
        if status != "OK":
            raise ConnectorError(f"The mail server {self._host} does not list the folder: {_words(parts)}")

    def _sign_in(self, options: ImapOptions) -> None:
        user, password = options.username, options.password.get_secret_value()
        try:
            if "AUTH=PLAIN" in self._client.capabilities:
                self._client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
            else:
                self._client.login(user, password)
        except imaplib.IMAP4.abort as error:
            raise ConnectorError(f"{options.host} broke off the connection.") from error
        except imaplib.IMAP4.error:
            raise ConnectorError(f"{options.host} refuses the user name or password.") from None
        except (OSError, UnicodeError) as error:
            raise ConnectorError(f"Signing in at {options.host} failed.") from error


def ranges_of(uids: Iterable[int]) -> str:
    """A set of numbers as IMAP writes it: 1:4,7,9:12."""
    spans: list[list[int]] = []
    for uid in sorted(set(uids)):
        if spans and spans[-1][1] == uid - 1:
            spans[-1][1] = uid
        else:
            spans.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in spans)


def numbers_in(ranges: str) -> set[int]:
    """The inverse of `ranges_of`. Raises ValueError."""
    found: set[int] = set()
    for span in filter(None, ranges.split(",")):
        first, _, last = span.partition(":")
        found.update(range(int(first), int(last or first) + 1))
    return found


class _Gated(imaplib.IMAP4):
    """imaplib over a connection that the gate made, with a cap on what one answer may bring."""

    def __init__(
        self, host: str, port: int, gate: AddressGate, tls: ssl.SSLContext | None, *, clear: bool, max_bytes: int
    ) -> None:
        self._gate, self._tls, self._clear, self._max_bytes = gate, tls, clear, max_bytes
        super().__init__(host, port, _TIMEOUT_S)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = self._gate.connect(self.host, self.port, timeout_s=timeout)
        if self._clear and not self._gate.allows_private(plain.getpeername()[0]):
            plain.close()
            raise RefusedAddressError("Mail is read without TLS only in networks that the operator allows.")
        if self._tls is None:
            return plain
        return self._tls.wrap_socket(plain, server_hostname=self.host)

    def read(self, size: int) -> bytes:
        if size > self._max_bytes + 4096:
            raise self.abort("the server sends more than was announced")
        return super().read(size)


def _client(options: ImapOptions, gate: AddressGate, max_bytes: int) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    client = _Gated(
        options.host,
        options.port,
        gate,
        context if options.security == "tls" else None,
        clear=options.security == "none",
        max_bytes=max_bytes,
    )
    if options.security == "starttls":
        client.starttls(context)
    return client


@contextmanager
def _as_connector_errors(host: str) -> Iterator[None]:
    try:
        yield
    except RefusedAddressError as error:
        raise ConnectorError(error.message) from error
    except _FAULTS as error:
        raise ConnectorError(f"The mail server {host} cannot be read: {str(error)[:200]}") from error


def _counts(part: bytes, since: datetime | None) -> bool:
    flags = _FLAGS.search(part)
    if flags is not None and _LEFT_OUT & set(flags[1].lower().split()):
        return False
    date = _DATE.search(part)
    if since is None or date is None:
        return True
    arrived = datetime.strptime(date[1].decode("ascii", "replace").strip(), "%d-%b-%Y %H:%M:%S %z")
    return arrived.astimezone(UTC) >= since


def _joined(parts: Iterable[object]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, bytes):
            yield part
        elif isinstance(part, tuple):
            yield part[0]


def _literals(parts: Sequence[object]) -> Iterator[tuple[bytes, bytes]]:
    """(what stands around a literal, the literal) for each of an answer's messages."""
    for number, part in enumerate(parts):
        if isinstance(part, tuple):
            after = parts[number + 1] if number + 1 < len(parts) else b""
            yield part[0] + b" " + (after if isinstance(after, bytes) else b""), part[1]


def _words(parts: Sequence[object]) -> str:
    """What a server says beside its NO, short enough to be shown."""
    return b" ".join(_joined(parts)).decode("utf-8", "replace")[:200] or "it answers NO."


def _is_of(description: bytes, uid: int) -> bool:
    found = _UID.search(description)
    return found is not None and int(found[1]) == uid


def _number(parts: Sequence[object]) -> int:
    first = parts[0] if parts else None
    return int(first) if isinstance(first, bytes) and first.isdigit() else 0


def _quoted_folder(name: str) -> str:
    """A folder's name in IMAP's own UTF-7 (RFC 3501, section 5.1.3), quoted."""
    words = re.sub(r"&|[^\x20-\x7e]+", lambda found: _shifted(found[0]), name)
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shifted(text: str) -> str:
    if text == "&":
        return "&-"
    return f"&{base64.b64encode(text.encode('utf-16-be')).decode().rstrip('=').replace('/', ',')}-"
