"""Who says what in a plain-text reply: the author's own words, and what mail programs quote below or between them.

Knows nothing of headers, attachments or HTML.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

UNKNOWN = "an earlier message"

_MARKS = re.compile(r"\s{0,2}((?:>\s?)+)")
_WROTE = re.compile(
    r"(?:on|am|le|el|il|op|em)\b.{4,250}\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu)\b.{0,120}:\s*",
    re.IGNORECASE | re.DOTALL,
)
_BEGINS_WROTE = re.compile(r"(?:on|am|le|el|il|op|em)\s", re.IGNORECASE)
_DIVIDER = re.compile(
    r"\s*(?:-{2,}\s*(?:original message|ursprüngliche nachricht|original-nachricht|message d'origine|mensaje original"
    r"|forwarded message|weitergeleitete nachricht)\s*-{2,}|begin forwarded message:|_{20,})\s*",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"\s*\*?(from|von|de|sent|gesendet|date|datum|to|an|cc|subject|betreff|objet)\s?:\*?\s+(\S.*)", re.IGNORECASE
)
_HEADER_LINES = 6


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of one author. `quoted_from` says whose they are if they are not the sender's own."""

    text: str
    quoted_from: str | None


def passages(text: str) -> list[Passage]:
    """The passages of a plain-text body in order; quote marks (`>`) are taken off."""
    found: list[Passage] = []
    for quoted_from, lines in _runs(text.split("\n")):
        words = "\n".join(lines).strip("\n")
        if words.strip():
            found.append(Passage(words, quoted_from))
    return found


def _runs(lines: list[str]) -> Iterator[tuple[str | None, list[str]]]:
    held: list[str] = []
    depth = 0
    author: str | None = None
    rest: str | None = None  # who wrote everything from here on
    begun = 0  # where the headers of that message end at the latest
    for index, line in enumerate(lines):
        marks = _MARKS.match(line)
        now = marks.group(1).count(">") if marks else 0
        words = line[marks.end() :] if marks else line
        if not words.strip():
            held.append("")
            continue
        if now != depth:
            introduced = _introduction(held) if now > depth else None
            yield author, held
            held, depth = [], now
            author = (introduced or UNKNOWN) if now else rest
        if now == 0 and index >= begun and (begins := _forwarded(lines, index)):
            yield author, held
            held, author, rest, begun = [], begins, begins, index + _HEADER_LINES
        if not _DIVIDER.fullmatch(words):
            held.append(words)
    yield author, held


def _introduction(held: list[str]) -> str | None:
    """Takes "On Monday Ana wrote:" off the end of `held`, where programs divide it over up to three lines."""
    while held and not held[-1].strip():
        held.pop()
    for count in (1, 2, 3):
        if len(held) >= count and _BEGINS_WROTE.match(held[-count].strip()):
            words = " ".join(line.strip() for line in held[-count:])
            if _WROTE.fullmatch(words):
                del held[-count:]
                return words.rstrip(": ")
    return None


def _forwarded(lines: list[str], index: int) -> str | None:
    """Whose message begins at this line, if one does: behind a divider, or with headers written out."""
    divided = _DIVIDER.fullmatch(lines[index]) is not None
    headers: dict[str, str] = {}
    following = [line for line in lines[index + divided : index + divided + 2 * _HEADER_LINES] if line.strip()]
    for line in following[:_HEADER_LINES]:
        header = _HEADER.fullmatch(line)
        if header is None:
            break
        headers[header.group(1).lower()] = header.group(2).strip()
    if not divided and len(headers) < 3:
        return None
    if divided and not headers and "_" in lines[index]:
        return None  # a rule alone
    if not divided and not headers.keys() & {"from", "von", "de"}:
        return None
    author = next((headers[name] for name in ("from", "von", "de") if name in headers), UNKNOWN)
    date = next((headers[name] for name in ("sent", "gesendet", "date", "datum") if name in headers), "")
    return f"{author}, {date}" if date else author
