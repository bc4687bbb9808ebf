"""E-mail as it travels (RFC 5322, MIME) to a Message. Knows nothing of mailboxes or of what attachments say."""

import codecs
from collections.abc import Sequence
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import chain

from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.encoding import decoded
from ingest.parsing.media_types import EMAIL
from ingest.parsing.message import MAX_DEPTH, Attachment, Body, Message, add_message, fuller
from ingest.parsing.original import Original
from ingest.parsing.parts import Parts
from retrieval.errors import DocumentError

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_EVIDENCE = frozenset({"subject", "from", "to", "date", "received", "mime-version", "message-id"})
_MAX_PARTS = 500
# The standard library takes seconds for a list of ten thousand addresses, which nobody reads.
_MAX_HEADER = 50_000
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
# How an attachment without a name is called, so that its type is known.
_NAMES = {"text/html": "attachment.html", "text/calendar": "invitation.ics", "text/csv": "attachment.csv"}


def parse_mail(original: Original, parts: Parts) -> ParsedDocument:
    """Raises DocumentError: `type_mismatch` if it is no e-mail at all, `no_text`, `encrypted`, `parse_limit`."""
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(original.read())
    if not {key.lower() for key in message} & _EVIDENCE:
        raise DocumentError("The file is not an e-mail: it has no sender, subject or date.", code="type_mismatch")
    if message.get_content_type() in ("multipart/encrypted", "application/pkcs7-mime"):
        raise DocumentError("The e-mail is encrypted. Save it decrypted and upload that.", code="encrypted")
    out = TextBuilder()
    add_message(out, _message(message, 0), parts)
    return out.build(EMAIL, _header(message, "Subject"))


def _message(message: EmailMessage, depth: int) -> Message:
    if depth > MAX_DEPTH:
        raise DocumentError("The e-mail holds too many messages inside each other.", code="parse_limit")
    parts = _MessageParts()
    body = parts.body(message)
    return Message(
        headers=tuple((name, _header(message, name)) for name in _HEADERS),
        body=body,
        attachments=tuple(_attachment(part, depth) for part in parts.attached),
    )


def _attachment(part: EmailMessage, depth: int) -> Attachment:
    kind = part.get_content_type()
    if kind == "message/rfc822":
        inner = part.get_payload(0) if part.is_multipart() else None
        return Attachment("", _message(inner, depth + 1) if isinstance(inner, EmailMessage) else b"")
    raw = part.get_payload(decode=True)
    shown = part.get_content_maintype() == "image" and (
        part.get("Content-ID") is not None or part.get_content_disposition() == "inline"
    )
    content = raw if isinstance(raw, bytes) else b""
    charset = part.get_content_charset()
    if part.get_content_maintype() == "text" and charset and charset.lower() not in ("us-ascii", "utf-8"):
        content = _marked(_text(part))
    return Attachment(part.get_filename() or _NAMES.get(kind, ""), content, inline=shown)


class _MessageParts:
    """One pass over the parts of a message: what its body says, and what is attached to it."""

    def __init__(self) -> None:
        self.attached: list[EmailMessage] = []
        self._seen = 0

    def body(self, part: EmailMessage) -> tuple[Body, ...]:
        """What `part` adds to the body, in order: mail programs divide a body where a file was put into it."""
        self._seen += 1
        if self._seen > _MAX_PARTS:
            raise DocumentError(f"The e-mail has more than {_MAX_PARTS} parts.", code="parse_limit")
        kind = part.get_content_type()
        if kind == "message/rfc822":
            self.attached.append(part)
        elif part.is_multipart():
            inner = [self.body(one) for one in part.iter_parts() if isinstance(one, EmailMessage)]
            return _one_of(inner) if kind == "multipart/alternative" else tuple(chain.from_iterable(inner))
        elif kind in ("text/plain", "text/html") and not part.get_filename():
            text = _text(part)
            if text.strip():
                return (text if kind == "text/plain" else _marked(text),)
        elif kind not in _SIGNATURES:
            self.attached.append(part)
        return ()


def _one_of(forms: Sequence[tuple[Body, ...]]) -> tuple[Body, ...]:
    """The form that is read of those that say the same."""
    pages = [any(isinstance(body, bytes) for body in form) for form in forms]
    html = next((form for form, is_page in zip(forms, pages, strict=True) if is_page), ())
    plain = next((form for form, is_page in zip(forms, pages, strict=True) if form and not is_page), ())
    return fuller(plain, html)


def _marked(text: str) -> bytes:
    """`text` as UTF-8 that says so: a page may still declare the encoding that it had in the mail."""
    return codecs.BOM_UTF8 + text.encode("utf-8", "replace")


def _text(part: EmailMessage) -> str:
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    charset = part.get_content_charset()
    if charset and charset.lower() not in ("us-ascii", "unknown-8bit"):
        try:
            return content.decode(charset, "replace")
        except LookupError:
            pass
    try:
        return decoded(content)
    except DocumentError:
        return ""  # no text in any encoding


def _header(message: EmailMessage, name: str) -> str:
    length = sum(len(str(value)) for key, value in message.raw_items() if key.lower() == name.lower())
    if length > _MAX_HEADER:
        return ""
    try:
        return one_line(str(message.get(name, "")))
    except (ValueError, IndexError, TypeError, AttributeError):
        # Headers that the standard library's parser trips over are shown as they stand.
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return one_line(str(raw))
