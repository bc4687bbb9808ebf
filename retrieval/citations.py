"""Citation markers in text that is still being written, and the sentences they stand in.

Knows nothing of what a source says: `retrieval/support.py` checks that. Both readers give the same result however the
text is cut into pieces, and take time linear in its length, whatever it is.
"""

import re
from dataclasses import dataclass

from retrieval.sentences import split_sentences

# "[3]", "[1, 2]", "[2-4]", "[Source 1]", and the brackets some models prefer: "【1】", "【1†L3】".
_OPENING = re.compile(r"[\[【]")
_INSIDE = re.compile(
    r"\s{0,2}(?P<word>[A-Za-z]{0,9})\.?\s{0,2}(?P<numbers>[\d\s,;&–-]{0,40})(?P<place>†[^\[\]【】\n]{0,24})?"
)
_CLOSED = re.compile(r"\s*[A-Za-z]*\.?\s*(?P<numbers>\d{1,4}(?:\s*[,;&–-]\s*\d{1,4})*)\s*[,;]?\s*(?:†.*)?")
_WORDS = ("source", "sources", "src", "passage", "document", "doc", "ref")
_RANGE = re.compile(r"(\d{1,4})\s*[–-]\s*(\d{1,4})|(\d{1,4})")
_LONGEST_RANGE = 20

_MARKER = re.compile(r"\[(\d{1,3})\]")
_MARKERS_ONLY = re.compile(r"(?:\s*\[\d{1,3}\])+[\s.,;]*")
# Behind a marker a full stop ends a sentence, whatever comes.
_SURE_END = re.compile(r"\[\d{1,3}\][.!?]\s\Z")
_SURE_END_LENGTH = 7
_WIDE_END = "。！？｡।॥"
_TRIGGER = re.compile(rf"[\s{_WIDE_END}]")
POSSIBLE_END = re.compile(rf"[.!?…؟۔\n\r\x0b\x0c\x85\u2028\u2029{_WIDE_END}]")
# A "sentence" longer than this is checked in pieces.
MAX_SENTENCE = 800


@dataclass(frozen=True, slots=True)
class Marker:
    """A citation marker: the source numbers it names that exist. None left: it was dangling and vanishes."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A finished sentence, not yet checked. `gap` is the white space before it; `text` has markers as "[1]"."""

    gap: str
    text: str

    @property
    def cited(self) -> tuple[int, ...]:
        """Source numbers in the order of their first mention."""
        return tuple(dict.fromkeys(int(number) for number in _MARKER.findall(self.text)))


class MarkerParser:
    """Cuts streamed text into prose and markers. Holds back at most the start of what may become a marker."""

    def __init__(self, sources: int) -> None:
        self._sources = sources
        self._held = ""

    def feed(self, delta: str) -> list[str | Marker]:
        """Return what `delta` completes."""
        out: list[str | Marker] = []
        position = 0
        while position < len(delta):
            if self._held:
                position += self._continue(delta[position], out)
                continue
            opening = _OPENING.search(delta, position)
            end = opening.start() if opening else len(delta)
            _append(out, delta[position:end])
            self._held = delta[end : end + 1]
            position = end + 1
        return out

    def finish(self) -> list[str | Marker]:
        """Return what was held back: the text ended within it, so it is no marker."""
        held, self._held = self._held, ""
        return [held] if held else []

    def _continue(self, character: str, out: list[str | Marker]) -> int:
        """Go on with a bracket; return how many characters that took (0: it was none, look at this one afresh)."""
        held = self._held
        if character in "]】":
            self._held = ""
            numbers = self._numbers(held[1:])
            if numbers is None:
                _append(out, held + character)
            else:
                out.append(Marker(numbers))
            return 1
        if _may_become_marker(held[1:] + character):
            self._held += character
            return 1
        self._held = ""
        _append(out, held)
        return 0

    def _numbers(self, inside: str) -> tuple[int, ...] | None:
        """Existing sources that the inside of a bracket names, or None where it is no marker."""
        closed = _CLOSED.fullmatch(inside)
        if not closed:
            return None
        named: dict[int, None] = {}
        for first, last, single in _RANGE.findall(closed["numbers"]):
            low, high = (int(first), int(last)) if first else (int(single), int(single))
            named.update(dict.fromkeys(range(low, min(high, low + _LONGEST_RANGE) + 1)))
        return tuple(number for number in named if 1 <= number <= self._sources)


class SentenceReader:
    """Cuts streamed text into finished sentences, a dangling marker removed with the blank before it.

    A sentence is finished when the first word of the next one is there: only then is it sure that its end was one, and
    that no marker follows. "... [1]. " is sure before: a reader has it some tokens earlier, and a marker behind it is
    dropped. This is looked at after white space alone, so that the cuts of the stream do not matter.
    """

    def __init__(self, sources: int) -> None:
        self._parser = MarkerParser(sources)
        self._text = ""
        self._ended = False

    def feed(self, delta: str) -> list[Draft]:
        """Return the sentences that `delta` finishes."""
        return self._take(self._parser.feed(delta))

    def finish(self) -> list[Draft]:
        """Return what is left, the text being over."""
        drafts = self._take(self._parser.finish())
        rest = self._units()
        drafts.extend(self._draft(start, end) for start, end in rest)
        self._text = ""
        return drafts

    def _take(self, pieces: list[str | Marker]) -> list[Draft]:
        drafts: list[Draft] = []
        for piece in pieces:
            if isinstance(piece, Marker):
                self._mark(piece)
                continue
            position = 0
            for trigger in _TRIGGER.finditer(piece):
                self._text += piece[position : trigger.end()]
                position = trigger.end()
                drafts.extend(self._finished())
            self._text += piece[position:]
        return drafts

    def _mark(self, marker: Marker) -> None:
        if self._ended and not self._text.strip():  # the sentence that it belongs to is with the reader
            return
        if marker.numbers:
            self._text += "".join(f"[{number}]" for number in marker.numbers)
        elif self._text.endswith(" "):
            self._text = self._text[:-1]

    def _finished(self) -> list[Draft]:
        """Drafts of all sentences but the last, which may go on unless it is sure, once there is a whole word of it."""
        if not self._text.strip():
            return []
        if not POSSIBLE_END.search(self._text):
            if len(self._text) > MAX_SENTENCE:
                self._ended = False
                return self._emit(self._units())
            return []
        units = self._units()
        self._ended = _SURE_END.search(self._text[-_SURE_END_LENGTH:]) is not None
        if len(self._text) <= MAX_SENTENCE and not self._ended:
            units = units[:-1]
        return self._emit(units)

    def _emit(self, units: list[tuple[int, int]]) -> list[Draft]:
        if not units:
            return []
        drafts = [self._draft(start, end) for start, end in units]
        self._text = self._text[units[-1][1] :]
        return drafts

    def _draft(self, start: int, end: int) -> Draft:
        before = self._text[:start]
        gap = before[len(before.rstrip()) :]
        return Draft(gap, self._text[start:end])

    def _units(self) -> list[tuple[int, int]]:
        """Sentence spans of what is held, markers that stand alone joined to the sentence before them."""
        units: list[tuple[int, int]] = []
        for start, end in split_sentences(self._text):
            if units and _MARKERS_ONLY.fullmatch(self._text, start, end):
                units[-1] = (units[-1][0], end)
            else:
                units.append((start, end))
        return units


def without_markers(text: str) -> str:
    """`text` without its markers and the blanks before them."""
    return re.sub(r"[ \t]*\[\d{1,3}\]", "", text)


def with_markers(text: str, kept: tuple[int, ...]) -> str:
    """`text` with only the markers in `kept`; those of them that it lacks are put at its end."""
    shown = re.sub(r"[ \t]*\[(\d{1,3})\]", lambda match: match.group() if int(match[1]) in kept else "", text)
    missing = [number for number in kept if f"[{number}]" not in shown]
    return shown + (" " + "".join(f"[{number}]" for number in missing) if missing else "")


def _append(out: list[str | Marker], text: str) -> None:
    if text and out and isinstance(out[-1], str):
        out[-1] += text
    elif text:
        out.append(text)


def _may_become_marker(inside: str) -> bool:
    match = _INSIDE.fullmatch(inside)
    return match is not None and any(word.startswith(match["word"].lower()) for word in _WORDS)
