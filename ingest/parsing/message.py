"""An e-mail as a document: the headers people read, the body with quoted replies under headings of their own, then the
attachments, each read by the parser of its type.

Knows nothing of how messages are stored: `mail` and `outlook` make them.
"""

import re
from dataclasses import dataclass, field
from typing import Union

from ingest.parsing.document import TextBuilder, normalised, one_line
from ingest.parsing.html import add_html, html_root, main_part
from ingest.parsing.media_types import PLAIN
from ingest.parsing.parts import Parts
from ingest.parsing.plain import parse_plain
from ingest.parsing.quotes import UNKNOWN, passages
from retrieval.errors import DocumentError

MAX_DEPTH = 10
_BLANK_LINES = re.compile(r"\n\s*\n")
_LEVEL = 2


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a message, or a message. `inline` are the logos and pictures that a body shows."""

    name: str
    content: Union[bytes, "Message"]
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """`headers` as people read them, decoded. `plain` and `html` are two forms of one body."""

    headers: tuple[tuple[str, str], ...]
    plain: str = ""
    html: bytes = b""
    attachments: tuple[Attachment, ...] = field(default=())

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


def add_message(out: TextBuilder, message: Message, parts: Parts, *, depth: int = 0) -> None:
    """Writes a message to `out`. Raises DocumentError `parse_limit`."""
    if depth > MAX_DEPTH:
        raise DocumentError("The e-mail holds too many messages inside each other.", code="parse_limit")
    for name, value in message.headers:
        if value:
            out.line(f"{name}: {value}")
    out.gap()
    _body(out, message)
    names = [name for attachment in message.attachments if (name := _attachment(out, attachment, parts, depth))]
    if names:
        out.paragraph(f"Attachments: {', '.join(names)}")


def _attachment(out: TextBuilder, attachment: Attachment, parts: Parts, depth: int) -> str:
    """Writes what the attachment says; its name, where it cannot be read."""
    if isinstance(attachment.content, Message):
        parts.spend(count=1)
        out.heading(_LEVEL, f"Attached message: {attachment.content.header('Subject')}")
        add_message(out, attachment.content, parts, depth=depth + 1)
        return ""
    name = one_line(attachment.name)
    if attachment.inline or not attachment.content:
        return ""
    parts.spend(count=1, size=len(attachment.content))
    reason = parts.add(out, attachment.content, name, heading=f"Attachment: {name or 'text'}", level=_LEVEL)
    return name if reason else ""


def _body(out: TextBuilder, message: Message) -> None:
    if _html_says_more(message):
        root = html_root(message.html)
        add_html(out, main_part(root), quotes=_Quotes(message))
        return
    answered = False
    for passage in passages(normalised(message.plain)):
        if passage.quoted_from is not None:
            out.heading(_LEVEL, quoted_heading(passage.quoted_from))
        elif answered:
            out.heading(_LEVEL, reply_heading(message))
        answered = True
        text = parse_plain(passage.text, PLAIN).text
        for paragraph in _BLANK_LINES.split(text):
            out.verbatim(paragraph)


def _html_says_more(message: Message) -> bool:
    """The HTML form counts where the plain one is missing or only says "your program cannot show HTML"."""
    if not message.html.strip() or not message.plain.strip():
        return bool(message.html.strip())
    return len(message.plain.split()) < 20 and len(message.html) >= 2000


def quoted_heading(author: str) -> str:
    return f"Quoted: {author}"[:200] if author != UNKNOWN else f"Quoted from {UNKNOWN}"


def reply_heading(message: Message) -> str:
    sender = re.sub(r"\s*<[^>]*>", "", message.header("From")).strip(' "')
    return f"Reply by {sender}"[:200] if sender else "Reply"


class _Quotes:
    """What `add_html` asks where a page quotes somebody."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self.level = _LEVEL

    def opened(self, words: str) -> str:
        return quoted_heading(words or UNKNOWN)

    def closed(self) -> str:
        return reply_heading(self._message)
