"""E-mail as it travels (RFC 5322, MIME) to a Message. Knows nothing of mailboxes or of what attachments say."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.encoding import decoded
from ingest.parsing.media_types import EMAIL
from ingest.parsing.message import MAX_DEPTH, Attachment, Message, add_message
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
    bodies, attached = _parts(message)
    plain = next((part for part in bodies if part.get_content_type() == "text/plain"), None)
    html = next((part for part in bodies if part.get_content_type() == "text/html"), None)
    return Message(
        headers=tuple((name, _header(message, name)) for name in _HEADERS),
        plain=_text(plain) if plain is not None else "",
        html=_text(html).encode("utf-8", "replace") if html is not None else b"",
        attachments=tuple(_attachment(part, depth) for part in attached),
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
        content = _text(part).encode("utf-8", "replace")
    return Attachment(part.get_filename() or _NAMES.get(kind, ""), content, inline=shown)


def _parts(message: EmailMessage) -> tuple[list[EmailMessage], list[EmailMessage]]:
    """The parts that may be the body, in order, and the attachments."""
    bodies: list[EmailMessage] = []
    attachments: list[EmailMessage] = []
    stack = [message]
    seen = 0
    while stack:
        part = stack.pop()
        seen += 1
        if seen > _MAX_PARTS:
            raise DocumentError(f"The e-mail has more than {_MAX_PARTS} parts.", code="parse_limit")
        kind = part.get_content_type()
        if kind == "message/rfc822":
            attachments.append(part)
        elif part.is_multipart():
            stack += [inner for inner in reversed(list(part.iter_parts())) if isinstance(inner, EmailMessage)]
        elif kind in ("text/plain", "text/html") and not part.get_filename():
            bodies.append(part)
        elif kind not in _SIGNATURES:
            attachments.append(part)
    return bodies, attachments


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
