"""Numbers that are written in words: "two hundred and fifty thousand", "forty-two", "twelfth".

Knows nothing of units, and of English alone: German and French words are in `retrieval/continental_numbers.py`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
    "eighteen nineteen",
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"

ONES: Mapping[str, int] = {name: value for value, name in enumerate(" ".join(_SMALL).split())}
TENS: Mapping[str, int] = dict(zip(_TENS.split(), range(20, 100, 10), strict=True))
ORDINALS: Mapping[str, int] = {name: value for value, name in enumerate(_ORDINALS.split(), start=1)}
SCALES: Mapping[str, int] = {
    "hundred": 100,
    **dict.fromkeys(("thousand", "k", "tausend", "mille"), 1_000),
    **dict.fromkeys(("million", "millions", "mio", "mn", "millionen"), 1_000_000),
    **dict.fromkeys(("billion", "billions", "bn", "mrd", "milliarde", "milliarden", "milliard", "milliards"), 10**9),
    "trillion": 10**12,
}
_WRITTEN_SCALES = ("hundred", "thousand", "million", "billion", "trillion")
_OTHERS: Mapping[str, Decimal] = {"half": Decimal("0.5"), "dozen": Decimal(12)}

_PLAIN = "|".join((*TENS, *sorted(ONES, key=len, reverse=True)))
_SCALE = "|".join(_WRITTEN_SCALES)
# Only letters of ASCII are alike in both cases here: otherwise i is also the dotless i, and s the long s, and what
# matched would stand in no table.
_RUN = re.compile(
    # The first letters are for speed.
    rf"\b(?=[defhnostz])(?a:(?:{_PLAIN})(?:(?:[ -](?:{_SCALE})(?:[ -]and)?)*[ -](?:{_PLAIN}))*(?:[ -](?:{_SCALE}))*|"
    rf"{'|'.join((*_OTHERS, *ORDINALS))})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """How one language puts numbers together: what each word (lower case) adds, or multiplies by.

    `rooms` has, for a word of that value, below what the next one must be to be added: 10 behind "twenty".
    """

    values: Mapping[str, int]
    scales: Mapping[str, int]
    rooms: Mapping[int, int]
    part: re.Pattern[str] = re.compile(r"[a-z]+")


_ENGLISH = Lexicon({**ONES, **TENS}, SCALES, dict.fromkeys(TENS.values(), 10))


def number_words(text: str) -> Iterator[tuple[str, int, Decimal]]:
    """The numbers of `text` in words, each as it is written, where it ends, and its value."""
    for match in _RUN.finditer(text):
        run = match.group().lower()
        if run in _OTHERS or run in ORDINALS:
            yield match.group(), match.end(), Decimal(_OTHERS.get(run) or ORDINALS[run])
        else:
            yield from composed(match, _ENGLISH)


def composed(match: re.Match[str], lexicon: Lexicon) -> Iterator[tuple[str, int, Decimal]]:
    """The numbers of a run of number words, as `number_words` gives them: usually one; "two three" are two."""
    run, offset = match.group().lower(), match.start()
    start = end = total = current = room = 0
    for word in lexicon.part.finditer(run):
        name = word.group()
        scale, value = lexicon.scales.get(name), lexicon.values.get(name)
        if scale:
            current = (current or 1) * scale
            if scale > SCALES["hundred"]:
                total, current = total + current, 0
        elif value is None:  # "and"
            continue
        else:
            if end and value >= room:
                yield match.string[offset + start : offset + end], offset + end, Decimal(total + current)
                start, total, current = word.start(), 0, 0
            current += value
        room = scale or lexicon.rooms.get(value or 0, 0)
        end = word.end()
    yield match.string[offset + start : offset + end], offset + end, Decimal(total + current)
