"""Bytes to text: which encoding a text file is in. Knows nothing of what the text means."""

import codecs
import re

from charset_normalizer import from_bytes

from ingest.parsing.document import normalised
from retrieval.errors import DocumentError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A guess needs some text, and more text does not make it better (measured: 64 KiB takes 30 ms).
_GUESS_BYTES = 32_768
# Control characters that text files do hold: tab, line feed, vertical tab, form feed, carriage return, SUB, escape.
_TEXT_CONTROLS = bytes((0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1A, 0x1B))
_CONTROLS = bytes(c for c in range(0x20) if c not in _TEXT_CONTROLS)


def decoded(content: bytes) -> str:
    """`content` as normalised text: by its byte order mark, else UTF-8, else the likeliest legacy encoding.

    Raises DocumentError `unsupported_type` if it is no text in any encoding.
    """
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return normalised(content[len(bom) :].decode(encoding, "replace"))
    if wide := _wide_without_bom(content):
        return normalised(content.decode(wide, "replace"))
    if _is_binary(content):
        raise DocumentError("The file is not text, whatever its name says.", code="unsupported_type")
    try:
        return normalised(content.decode("utf-8"))
    except UnicodeDecodeError:
        return normalised(content.decode(_legacy_encoding(content), "replace"))


def decoded_start(head: bytes) -> str | None:
    """The text that a file beginning with `head` begins with, good enough to tell its kind; None if it is binary."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return head[len(bom) :].decode(encoding, "replace")
    if wide := _wide_without_bom(head):
        return head.decode(wide, "replace")
    return None if _is_binary(head) else head.decode("utf-8", "replace")


def _wide_without_bom(content: bytes) -> str | None:
    """UTF-16 of mostly Latin text betrays itself: every other byte is zero."""
    head = content[:4096]
    head = head[: len(head) // 2 * 2]
    if len(head) < 4:
        return None
    even, odd = head[0::2], head[1::2]
    if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.7 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return None


def _is_binary(content: bytes) -> bool:
    head = content[:65_536]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    # A stray NUL or bell is a blemish; more than one in a hundred is not text.
    return controls > max(1, len(head) // 100)


def _legacy_encoding(content: bytes) -> str:
    # A file that is UTF-8 but for a few bytes is a damaged UTF-8 file, not a Cyrillic one.
    broken = content.decode("utf-8", "replace").count("\ufffd")
    valid = sum(1 for byte in content if byte >= 0xC2) if len(content) < 1_000_000 else len(content)
    if broken * 20 < valid:
        return "utf-8"
    # The bytes that are not ASCII decide, so the sample starts near the first of them.
    first = next(i for i, byte in enumerate(content) if byte >= 0x80)
    sample = content[max(0, first - _GUESS_BYTES // 4) :][:_GUESS_BYTES]
    if _looks_western(sample):
        return "cp1252"
    guess = from_bytes(sample).best()
    return guess.encoding if guess and _reads_as_words(str(guess)) else "utf-8"


def _reads_as_words(text: str) -> bool:
    """Whether most of what is not ASCII is letters: bytes that are noise turn into box drawings in some code page."""
    foreign = [character for character in text if character >= "\x80"]
    return sum(1 for character in foreign if character.isalpha()) * 3 >= len(foreign) * 2


def _looks_western(sample: bytes) -> bool:
    """Few non-ASCII characters, and none but accented letters inside words: charset-normalizer takes German in
    Latin-1 for Central European, which garbles others' accents."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    foreign = sum(1 for character in text if character >= "\x80")
    return foreign * 4 < len(text) and not _SYMBOL_IN_WORD.search(text)


_SYMBOL_IN_WORD = re.compile(r"[A-Za-z\xc0-\xff][^\x00-\x7f\xc0-\xff’–—ŒœŠšŽžŸ][A-Za-z\xc0-\xff]|[×÷ÐÞðþ]")
