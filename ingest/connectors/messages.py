"""What the headers of an e-mail say of it as a document: its id, its thread, its title. Knows nothing of mailboxes.

A message's external id is its Message-ID; a reply's is that of the first message of its thread and its own, so the
messages of a thread stand together.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr

from ingest.connectors.contract import Item
from ingest.connectors.names import file_name_of
from ingest.connectors.pages import http_date

HEADERS = ("Message-ID", "References", "In-Reply-To", "Subject", "From", "Date")
MAX_HEADER_BYTES = 256 * 1024
_ID = re.compile(r"<([^<>\s]{1,400})>")
_MAX_TITLE_CHARS = 200


@dataclass(frozen=True, slots=True)
class MessageHead:
    """`message_id` without its brackets, made up from the digest where the message has none."""

    message_id: str
    external_id: str
    title: str
    date: datetime | None

    def item(self, revision: str, *, external_id: str | None = None) -> Item:
        return Item(
            external_id=external_id or self.external_id,
            revision=revision,
            file_name=file_name_of(self.title, suffix=".eml"),
            title=self.title,
            modified_at=self.date,
        )


def message_head(headers: bytes, revision: str) -> MessageHead:
    """Read the header block of a message whose revision is given. Nothing in it can make this fail."""
    message: Message = BytesHeaderParser(policy=policy.compat32).parsebytes(headers[:MAX_HEADER_BYTES])
    ids = _ID.findall(_header(message, "Message-ID"))
    message_id = ids[0] if ids else f"no-id-{revision[:32]}"
    before = _ID.findall(_header(message, "References")) or _ID.findall(_header(message, "In-Reply-To"))
    thread = before[0] if before else message_id
    date = http_date(_header(message, "Date"))
    return MessageHead(
        message_id=message_id,
        external_id=message_id if thread == message_id else f"{thread} {message_id}",
        title=_title(message, date),
        date=date,
    )


def message_revision(headers: bytes, size: int) -> str:
    """What stays with a message wherever it is moved: a digest of its headers and its size."""
    return hashlib.sha256(b"%d\n%s" % (size, headers.strip())).hexdigest()[:40]


def _title(message: Message, date: datetime | None) -> str:
    """Subject, sender and day: messages of a thread share their subject."""
    name, address = parseaddr(_header(message, "From"))
    subject = _header(message, "Subject")[:_MAX_TITLE_CHARS]
    parts = (subject or "(no subject)", (name or address)[:80], date.date().isoformat() if date else "")
    return " · ".join(part for part in parts if part)


def _header(message: Message, name: str) -> str:
    raw = message.get(name)
    if raw is None:
        return ""
    try:
        text = str(make_header(decode_header(raw)))
    except (ValueError, LookupError, TypeError):
        text = str(raw)
    clean = text.encode("utf-8", "replace").decode()
    return " ".join("".join(character if character.isprintable() else " " for character in clean).split())
