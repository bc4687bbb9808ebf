"""Messages of Outlook (.msg, MS-OXMSG) to a Message: properties in the streams of an OLE file, read with olefile.

Knows nothing of calendars and contacts that Outlook stores the same way: they are read as the text they carry.
"""

import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import olefile

from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.legacy import rich_text
from ingest.parsing.media_types import MSG
from ingest.parsing.message import MAX_DEPTH, Attachment, Body, Message, add_message, fuller
from ingest.parsing.original import Original
from ingest.parsing.outlook_rtf import unpacked_rtf
from ingest.parsing.parts import Parts
from retrieval.errors import DocumentError

_SUBJECT, _SENDER, _SENDER_ADDRESS, _SENDER_SMTP = 0x0037, 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC, _BODY, _HTML, _RTF = 0x0E04, 0x0E03, 0x1000, 0x1013, 0x1009
_SENT, _DELIVERED = 0x0039, 0x0E06
_FILE_NAME, _LONG_NAME, _DATA, _CONTENT_ID = 0x3704, 0x3707, 0x3701, 0x3712
_UNICODE, _BYTES, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAX_ATTACHMENTS = 500


def parse_outlook(original: Original, parts: Parts) -> ParsedDocument:
    """Raises DocumentError: `corrupt`, `no_text`, `parse_limit`."""
    out = TextBuilder()
    try:
        with original.open() as file, olefile.OleFileIO(file) as store:
            message = _message(_Store(store), [], 0)
    except (OSError, ValueError, IndexError, struct.error, AttributeError, TypeError) as error:
        raise DocumentError("The message is damaged and cannot be opened.", code="corrupt") from error
    add_message(out, message, parts)
    return out.build(MSG, message.header("Subject"))


class _Store:
    """The properties of an OLE file by folder and number."""

    def __init__(self, store: olefile.OleFileIO) -> None:
        self._store = store
        self._names = {tuple(name.lower() for name in entry): entry for entry in store.listdir(storages=True)}

    def folders(self, within: list[str], prefix: str) -> list[str]:
        """The names of the storages in `within` that begin with `prefix`."""
        depth = len(within)
        above = tuple(name.lower() for name in within)
        found = {
            entry[depth]
            for key, entry in self._names.items()
            if len(entry) > depth and key[:depth] == above and key[depth].startswith(prefix)
        }
        return sorted(found)[:_MAX_ATTACHMENTS]

    def has(self, within: list[str], number: int, kind: str) -> bool:
        return (*(name.lower() for name in within), f"__substg1.0_{number:04x}{kind}".lower()) in self._names

    def stream(self, within: list[str], number: int, kind: str) -> bytes:
        key = (*(name.lower() for name in within), f"__substg1.0_{number:04x}{kind}".lower())
        entry = self._names.get(key)
        return bytes(self._store.openstream(entry).read()) if entry and self._store.get_type(entry) == 2 else b""

    def text(self, within: list[str], number: int) -> str:
        wide = self.stream(within, number, _UNICODE)
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\x00")
        return self.stream(within, number, _BYTES).decode("cp1252", "replace").rstrip("\x00")

    def time(self, within: list[str], number: int) -> str:
        """A time among the properties of fixed length: 16 bytes each behind a header."""
        entry = self._names.get((*(name.lower() for name in within), "__properties_version1.0"))
        table = bytes(self._store.openstream(entry).read()) if entry else b""
        for start in range(24 if within else 32, len(table) - 15, 16):
            tag, _, value = struct.unpack_from("<IIQ", table, start)
            if tag == (number << 16 | 0x40) and value:
                with suppress(OverflowError):
                    return f"{_EPOCH + timedelta(microseconds=value // 10):%a, %d %b %Y %H:%M:%S +0000}"
        return ""


def _message(store: _Store, within: list[str], depth: int) -> Message:
    if depth > MAX_DEPTH:
        raise DocumentError("The e-mail holds too many messages inside each other.", code="parse_limit")
    address = store.text(within, _SENDER_SMTP) or store.text(within, _SENDER_ADDRESS)
    name = store.text(within, _SENDER)
    sender = f"{name} <{address}>" if "@" in address and address != name else name or address
    headers = (
        ("Subject", store.text(within, _SUBJECT)),
        ("From", sender),
        ("To", store.text(within, _TO)),
        ("Cc", store.text(within, _CC)),
        ("Date", store.time(within, _SENT) or store.time(within, _DELIVERED)),
    )
    plain = store.text(within, _BODY)
    html = store.stream(within, _HTML, _BINARY) or store.text(within, _HTML).encode("utf-8", "replace")
    if not plain.strip() and not html.strip():
        plain = rich_text(unpacked_rtf(store.stream(within, _RTF, _BINARY)))
    attachments = (
        _attachment(store, [*within, folder], depth) for folder in store.folders(within, "__attach_version1.0_")
    )
    forms: list[tuple[Body, ...]] = [(form,) if form.strip() else () for form in (plain, html)]
    return Message(tuple((key, one_line(value)) for key, value in headers), fuller(*forms), tuple(attachments))


def _attachment(store: _Store, within: list[str], depth: int) -> Attachment:
    name = store.text(within, _LONG_NAME) or store.text(within, _FILE_NAME)
    if store.has(within, _DATA, _OBJECT):
        return Attachment(name, _message(store, [*within, f"__substg1.0_{_DATA:04X}{_OBJECT}"], depth + 1))
    picture = name.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".bmp"))
    shown = picture and bool(store.text(within, _CONTENT_ID))
    return Attachment(name, store.stream(within, _DATA, _BINARY), inline=shown)
