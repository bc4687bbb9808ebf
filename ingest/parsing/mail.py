"""E-mail (RFC 5322): the headers people read, the body, and attachments that are text themselves.

Other attachments are named, not opened: each is a document of its own. Knows nothing of mailboxes.
"""

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from ingest.parsing.detection import EMAIL, PLAIN
from ingest.parsing.document import ParsedDocument, TextBuilder, normalised, one_line
from ingest.parsing.encoding import decoded
from ingest.parsing.html import add_html, html_root, main_part
from ingest.parsing.plain import parse_plain
from retrieval.errors import DocumentError

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_EVIDENCE = frozenset({"subject", "from", "to", "date", "received", "mime-version", "message-id"})
_MAX_PARTS = 500
_MAX_DEPTH = 10
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_BLANK_LINES = re.compile(r"\n\s*\n")


def parse_mail(content: bytes) -> ParsedDocument:
    """Raises DocumentError: `type_mismatch` if it is no e-mail at all, `no_text`, `parse_limit`."""
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
    if not {key.lower() for key in message} & _EVIDENCE:
        raise DocumentError("The file is not an e-mail: it has no sender, subject or date.", code="type_mismatch")
    out = TextBuilder()
    _message(out, message, depth=0)
    return out.build(EMAIL, _header(message, "Subject"))


def _message(out: TextBuilder, message: EmailMessage, *, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise DocumentError("The e-mail holds too many messages inside each other.", code="parse_limit")
    for name in _HEADERS:
        if value := _header(message, name):
            out.line(f"{name}: {value}")
    out.gap()
    bodies, attachments = _parts(message)
    if bodies:
        _body(out, _preferred(bodies))
    names = []
    for part in attachments:
        name = one_line(part.get_filename() or "")
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload(0) if part.is_multipart() else None
            if isinstance(inner, EmailMessage):
                out.heading(2, f"Attached message: {_header(inner, 'Subject')}")
                _message(out, inner, depth=depth + 1)
        elif part.get_content_maintype() == "text" and part.get_content_subtype() in (
            "plain",
            "html",
            "markdown",
            "csv",
        ):
            out.heading(2, f"Attachment: {name or 'text'}")
            _body(out, part)
        elif name:
            names.append(name)
    if names:
        out.paragraph(f"Attachments: {', '.join(names)}")


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
        if part.get_content_type() == "message/rfc822":
            attachments.append(part)
        elif part.is_multipart():
            stack += [inner for inner in reversed(list(part.iter_parts())) if isinstance(inner, EmailMessage)]
        elif part.get_content_type() in ("text/plain", "text/html") and not part.get_filename():
            bodies.append(part)
        elif part.get_content_type() not in _SIGNATURES:
            attachments.append(part)
    return bodies, attachments


def _preferred(bodies: list[EmailMessage]) -> EmailMessage:
    """The plain body; the HTML one where the plain one is missing or only says "your program cannot show HTML"."""
    plain = next((part for part in bodies if part.get_content_type() == "text/plain"), None)
    html = next((part for part in bodies if part.get_content_type() == "text/html"), None)
    if plain is None or html is None:
        return plain or html or bodies[0]
    return plain if len(_payload(plain).split()) >= 20 or len(_payload(html)) < 2000 else html


def _body(out: TextBuilder, part: EmailMessage) -> None:
    content = _payload(part)
    if not content.strip():
        return
    if part.get_content_type() == "text/html":
        add_html(out, main_part(html_root(content.encode("utf-8"))))
        return
    text = parse_plain(normalised(content), PLAIN).text
    for paragraph in _BLANK_LINES.split(text):
        out.verbatim(paragraph)


def _payload(part: EmailMessage) -> str:
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    charset = part.get_content_charset()
    if charset and charset.lower() not in ("us-ascii", "unknown-8bit"):
        try:
            return content.decode(charset, "replace")
        except LookupError:
            pass
    return decoded(content)


def _header(message: EmailMessage, name: str) -> str:
    try:
        return one_line(str(message.get(name, "")))
    except (ValueError, IndexError, TypeError, AttributeError):
        # Headers that the standard library's parser trips over are shown as they stand.
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return one_line(str(raw))
