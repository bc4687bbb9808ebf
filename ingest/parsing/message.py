"""An e-mail as a document: the headers people read, the body with quoted replies under headings of their own, then the
attachments, each read by the parser of its type.

Knows nothing of how messages are stored: `mail` and `outlook` make them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Union

from ingest.parsing.document import TextBuilder, normalised, one_line
from ingest.parsing.html import add_html, html_root, main_part
from ingest.parsing.html_visibility import shown_texts
from ingest.parsing.media_types import PLAIN
from ingest.parsing.parts import Parts
from ingest.parsing.plain import parse_plain
from ingest.parsing.quotes import UNKNOWN, passages
from retrieval.errors import DocumentError

MAX_DEPTH = 10
_BLANK_LINES = re.compile(r"\n\s*\n")
_WORD = re.compile(r"\w+")
_SAME = 0.9  # of the words: lists and links are written differently
_LEVEL = 2

# A part of a body: words as they were typed (str) or a page of HTML (bytes).
Body = str | bytes


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a message, or a message. `inline` are the logos and pictures that a body shows."""

    name: str
    content: Union[bytes, "Message"]
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """`headers` as people read them, decoded. `body` is in order, each part in the form that is read."""

    headers: tuple[tuple[str, str], ...]
    body: tuple[Body, ...] = ()
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


def fuller(plain: tuple[Body, ...], html: tuple[Body, ...]) -> tuple[Body, ...]:
    """Which of two forms of one body is read. The HTML form counts where the plain one is missing or only says "your
    program cannot show HTML"."""
    if not plain or not html:
        return plain or html
    little = sum(len(body.split()) for body in plain) < 20
    return html if little and sum(map(len, html)) >= 2000 else plain


def _body(out: TextBuilder, message: Message) -> None:
    quotes = _Quotes(message)
    # Neighbours of one form are one text: what a file was put into may be a quote.
    for _, run in groupby(_once(message.body), key=type):
        bodies = list(run)
        if pages := [body for body in bodies if isinstance(body, bytes)]:
            _add_pages(out, quotes, pages)
        else:
            _add_plain(out, quotes, "\n\n".join(body for body in bodies if isinstance(body, str)))


def _once(bodies: Sequence[Body]) -> list[Body]:
    """`bodies` without what says the same as the one before it: some programs do not declare two forms as such."""
    kept: list[Body] = []
    for body in bodies:
        if not kept or type(kept[-1]) is type(body) or not _say_the_same(_words(kept[-1]), _words(body)):
            kept.append(body)
    return kept


def _words(body: Body) -> set[str]:
    try:
        text = body if isinstance(body, str) else " ".join(shown_texts(html_root(body)))
    except DocumentError:
        text = ""
    return set(_WORD.findall(text.lower()))


def _say_the_same(one: set[str], other: set[str]) -> bool:
    return len(one & other) >= _SAME * max(len(one), len(other), 1)


def _add_pages(out: TextBuilder, quotes: "_Quotes", pages: Sequence[bytes]) -> None:
    roots = []
    for page in pages:
        try:
            roots.append(main_part(html_root(page)))
        except DocumentError as error:
            if error.code != "no_text":
                out.leave_out("a part of the message", error.message)
    if roots and quotes.quoting:
        out.heading(_LEVEL, quotes.closed())
    add_html(out, *roots, quotes=quotes)


def _add_plain(out: TextBuilder, quotes: "_Quotes", text: str) -> None:
    for passage in passages(normalised(text)):
        if passage.quoted_from is not None:
            out.heading(_LEVEL, quotes.opened(passage.quoted_from))
        elif quotes.quoting:
            out.heading(_LEVEL, quotes.closed())
        for paragraph in _BLANK_LINES.split(parse_plain(passage.text, PLAIN).text):
            out.verbatim(paragraph)


def quoted_heading(author: str) -> str:
    return f"Quoted: {author}"[:200] if author != UNKNOWN else f"Quoted from {UNKNOWN}"


def reply_heading(message: Message) -> str:
    sender = re.sub(r"\s*<[^>]*>", "", message.header("From")).strip(' "')
    return f"Reply by {sender}"[:200] if sender else "Reply"


class _Quotes:
    """What `add_html` asks where a page quotes somebody. `quoting` says whose words those that follow would seem to be:
    somebody else's, until the sender's are headed again."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self.level = _LEVEL
        self.quoting = False

    def opened(self, words: str) -> str:
        self.quoting = True
        return quoted_heading(words or UNKNOWN)

    def closed(self) -> str:
        self.quoting = False
        return reply_heading(self._message)
