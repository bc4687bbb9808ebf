"""The connector of IMAP mailboxes, against pymap (MIT): a real IMAP server in a process of its own. It speaks STARTTLS;
for TLS from the first byte a thread stands in front of it.
"""

import asyncio
import imaplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingest.connectors.contract import ConnectorError
from tests.integration.connector_contract import ConnectorContract, SmallSync, Source, closing, policy_for
from tests.integration.test_connectors_files import a_message
from tests.private_servers import free_port, stop, wait_until

USER, PASSWORD = "reader", "pässword with spaces"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that signs itself, with its key beside it."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def mail_port(certificate: Path) -> Iterator[int]:
    port = free_port()
    server = subprocess.Popen(
        [
            *(Path(sys.executable).with_name("pymap"), "--host", "127.0.0.1", "--port", str(port)),
            *("--cert", str(certificate), "--key", str(certificate.with_name("key.pem"))),
            *("dict", "--demo-user", USER, "--demo-password", PASSWORD),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _listens(port), process=server)
        yield port
    finally:
        stop(server)


class ImapSource(Source):
    """A folder of its own on the server, into which the test appends."""

    kind = "imap"
    number = 0

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder)
        ImapSource.number += 1
        self.name = f"Töpfe & {ImapSource.number}"
        self.quoted = f'"T&APY-pfe &- {ImapSource.number}"'
        self.port = port
        self.messages: dict[str, EmailMessage] = {}
        self.client = imaplib.IMAP4("127.0.0.1", port)
        self.stack.callback(self.client.logout)
        self.client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
        self.make()

    def options(self) -> dict[str, object]:
        return {
            "host": "localhost",
            "port": self.port,
            "security": "starttls",
            "folder": self.name,
            "username": USER,
        }

    def secrets(self) -> dict[str, str]:
        return {"password": PASSWORD}

    def make(self) -> None:
        self._do("create", self.quoted)
        self._do("select", self.quoted)

    def remake(self) -> None:
        """The same folder with the same messages, all of them with new numbers."""
        self._do("close")
        self._do("delete", self.quoted)
        self.make()
        for message in self.messages.values():
            self.append(message)

    def append(self, message: EmailMessage) -> None:
        self._do("append", self.quoted, "", imaplib.Time2Internaldate(0), bytes(message))

    def put(self, name: str, text: str) -> None:
        if name in self.messages:
            self.delete(name)
        self.messages[name] = a_message(name, text)
        self.append(self.messages[name])

    def delete(self, name: str) -> None:
        message_id = self.messages.pop(name)["Message-ID"]
        self._do("noop")
        (found,) = self._do("search", None, "HEADER", "Message-ID", f'"{message_id}"')
        for number in found.split():
            self._do("store", number.decode(), "+FLAGS", r"(\Deleted)")
        self._do("expunge")

    def move(self, name: str, to: str) -> None:
        """To the end of the folder, where it has another number."""
        message = self.messages[name]
        self.delete(name)
        self.messages[to] = message
        self.append(message)

    def take_down(self) -> None:
        self.port = free_port()

    def id_of(self, name: str) -> str:
        message = self.messages.get(name) or a_message(name, "")
        return str(message["Message-ID"]).strip("<>")

    def _do(self, command: str, *arguments: object) -> list[bytes]:
        status, answer = getattr(self.client, command)(*arguments)
        assert status == "OK", (command, arguments, answer)
        return answer  # type: ignore[no-any-return]


class TestImap(ConnectorContract):
    batches = "ingest.connectors.imap"

    @pytest.fixture
    def source(
        self, tmp_path: Path, mail_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Source]:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        yield from closing(ImapSource(tmp_path, mail_port))

    def test_a_mailbox_that_was_numbered_anew_costs_no_download(self, source: ImapSource, sync: SmallSync) -> None:
        source.put("a", "The apple is red.")
        source.put("b", "The pear is green.")
        sync.run(source.connector())
        source.remake()
        source.put("c", "The plum is blue.")
        sync.run(source.connector())
        assert sync.fetched == [source.id_of("c")]
        assert len(sync.texts) == 3

    def test_only_headers_of_new_messages_are_read(self, source: ImapSource, sync: SmallSync) -> None:
        for number in range(4):
            source.put(f"{number}", "Text.")
        sync.run(source.connector())
        source.put("new", "Text.")
        sync.run(source.connector())
        assert sync.listed == 1

    def test_a_message_that_claims_a_known_id_replaces_nothing(self, source: ImapSource, sync: SmallSync) -> None:
        source.put("a", "Pay to account 1.")
        sync.run(source.connector())
        source.append(a_message("a", "Pay to account 666."))
        sync.run(source.connector())
        assert b"account 1." in sync.texts[source.id_of("a")]
        assert sorted(b"666" in text for text in sync.texts.values()) == [False, True]

    def test_a_message_that_is_there_twice_is_one_document(self, source: ImapSource, sync: SmallSync) -> None:
        source.put("a", "The apple is red.")
        source.append(source.messages["a"])
        sync.run(source.connector())
        source.append(source.messages["a"])
        sync.run(source.connector())
        assert set(sync.texts) == {source.id_of("a")}

    def test_drafts_deleted_and_old_messages_are_left_out(self, source: ImapSource, sync: SmallSync) -> None:
        source.put("old", "Long ago.")
        for name, flags in (("draft", r"(\Draft)"), ("deleted", r"(\Deleted)"), ("seen", r"(\Seen)")):
            now = imaplib.Time2Internaldate(datetime.now(UTC))
            source._do("append", source.quoted, flags, now, bytes(a_message(name, "Text.")))
        sync.run(source.connector(since_days=7))
        assert set(sync.texts) == {source.id_of("seen")}

    def test_messages_without_an_id_or_with_a_hostile_one_come_in(self, source: ImapSource, sync: SmallSync) -> None:
        plain = a_message("x", "No id.")
        del plain["Message-ID"]
        source.append(plain)
        raw = b"Subject: =?utf-8?q?=00=E2=80=AE../../x=FF?=\r\nMessage-ID: <" + b"a" * 3000 + b">\r\n\r\nLong id.\r\n"
        source._do("append", source.quoted, "", imaplib.Time2Internaldate(0), raw)
        quoted = b'Subject: x\r\nMessage-ID: <a"b\\c@x>\r\nFrom: \xff\xfe\r\nDate: nonsense\r\n\r\nQuoted id.\r\n'
        source._do("append", source.quoted, "", imaplib.Time2Internaldate(0), quoted)
        sync.run(source.connector())
        assert len(sync.texts) == 3
        assert all(item.external_id.isprintable() and len(item.external_id) < 1000 for item in sync.items.values())
        assert all("/" not in item.file_name and item.file_name.endswith(".eml") for item in sync.items.values())
        item = next(item for item in sync.items.values() if b"Long id." in sync.texts[item.external_id])
        connector = source.connector()
        sync.folder.mkdir()
        assert connector.fetch(item, sync.folder, known_revision=None)
        connector.close()

    def test_tls_from_the_first_byte_checks_the_host_s_name(
        self, source: ImapSource, sync: SmallSync, certificate: Path
    ) -> None:
        source.put("a", "The apple is red.")
        with tls_in_front_of(source.port, certificate) as port:
            sync.run(source.connector(security="tls", port=port))
            assert set(sync.texts) == {source.id_of("a")}
            with pytest.raises(ConnectorError, match=r"(?i)certificate|hostname|mismatch"):
                sync.run(source.connector(security="tls", port=port, host="127.0.0.1"))

    def test_a_certificate_that_nobody_vouches_for_is_refused(
        self, source: ImapSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(ConnectorError, match=r"(?i)certificate"):
            sync.run(source.connector())

    def test_a_wrong_password_and_a_missing_folder_are_errors_in_words(
        self, source: ImapSource, sync: SmallSync
    ) -> None:
        with pytest.raises(ConnectorError, match="no folder 'Missing'"):
            sync.run(source.connector(folder="Missing"))
        source.secrets = lambda: {"password": "quite wrong"}  # type: ignore[method-assign]
        with pytest.raises(ConnectorError, match="refuses the user name or password") as caught:
            sync.run(source.connector())
        assert "quite wrong" not in repr(caught.value)

    def test_a_server_that_refuses_to_list_makes_no_message_look_gone(
        self, source: ImapSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.put("a", "The apple is red.")
        sync.run(source.connector())
        before = sync.cursor
        monkeypatch.setattr(imaplib.IMAP4, "fetch", lambda *_: ("NO", [b"Server busy"]))
        with pytest.raises(ConnectorError, match="Server busy"):
            sync.run(source.connector())
        assert (set(sync.texts), sync.cursor) == ({source.id_of("a")}, before)

    def test_headers_that_are_refused_come_in_later(
        self, source: ImapSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.put("a", "The apple is red.")
        sync.run(source.connector())
        source.put("b", "The pear is green.")
        with monkeypatch.context() as patch:
            patch.setattr(imaplib.IMAP4, "uid", refusing("HEADER.FIELDS"))
            with pytest.raises(ConnectorError, match="Not now"):
                sync.run(source.connector())
        sync.run(source.connector())
        assert set(sync.texts) == {source.id_of("a"), source.id_of("b")}

    def test_a_message_that_is_refused_is_not_gone_and_comes_in_later(
        self, source: ImapSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.put("a", "The apple is red.")
        with monkeypatch.context() as patch:
            patch.setattr(imaplib.IMAP4, "uid", refusing("BODY.PEEK[]"))
            sync.run(source.connector())
        assert "Not now" in sync.faults[source.id_of("a")]
        sync.run(source.connector())
        assert set(sync.texts) == {source.id_of("a")}

    def test_a_server_that_cannot_search_is_asked_for_all_headers(
        self, source: ImapSource, sync: SmallSync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.put("a", "The apple is red.")
        sync.run(source.connector())
        source.append(a_message("a", "Pay to account 666."))
        monkeypatch.setattr(imaplib.IMAP4, "uid", refusing("Message-ID\0"))
        sync.run(source.connector())
        assert len(sync.texts) == 2
        assert b"apple" in sync.texts[source.id_of("a")]

    def test_the_password_never_goes_in_the_clear_to_a_public_address(
        self, source: ImapSource, sync: SmallSync
    ) -> None:
        source.policy = lambda: policy_for(source.folder, allowed_networks=())  # type: ignore[method-assign]
        with pytest.raises(ConnectorError, match="private"):
            sync.run(source.connector(security="none"))


def refusing(part: str) -> Callable[..., tuple[str, list[Any]]]:
    """imaplib's `uid` before a server that answers NO to commands that hold `part`; an argument ends with NUL here."""
    uid = imaplib.IMAP4.uid

    def refuse(client: imaplib.IMAP4, command: str, *arguments: str) -> tuple[str, list[Any]]:
        if any(part in f"{argument}\0" for argument in arguments):
            return "NO", [b"Not now"]
        return uid(client, command, *arguments)

    return refuse


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def tls_in_front_of(port: int, certificate: Path) -> Iterator[int]:
    """A port where TLS is taken off before the bytes go on to `port`.

    On an event loop of one thread: a TLS socket that two threads use at once breaks now and then.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    ready: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        server, stopped = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context), asyncio.Event()
        ready.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stopped))
        async with server:
            await stopped.wait()
            await asyncio.sleep(0.2)  # connections end in the loop's next rounds

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    listens_at, loop, stopped = ready.result(10)
    try:
        yield listens_at
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(timeout=10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
    finally:
        writer.close()
