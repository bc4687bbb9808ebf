"""Numbers that are written in words: "two hundred and fifty thousand", "forty-two", "twelfth".

Knows nothing of units, and of English alone: in another language a number in words is left to the overlap of words.
"""

import re
from collections.abc import Iterator, Mapping
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
    rf"\b(?a:(?:{_PLAIN})(?:(?:[ -](?:{_SCALE})(?:[ -]and)?)*[ -](?:{_PLAIN}))*(?:[ -](?:{_SCALE}))*|"
    rf"{'|'.join((*_OTHERS, *ORDINALS))})\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z]+")


def number_words(text: str) -> Iterator[tuple[str, int, Decimal]]:
    """The numbers of `text` in words, each as it is written, where it ends, and its value."""
    for match in _RUN.finditer(text):
        run = match.group().lower()
        if run in _OTHERS or run in ORDINALS:
            yield match.group(), match.end(), Decimal(_OTHERS.get(run) or ORDINALS[run])
        else:
            yield from _numbers(match)


def _numbers(match: re.Match[str]) -> Iterator[tuple[str, int, Decimal]]:
    """Usually one; "two three" are two."""
    run, offset = match.group().lower(), match.start()
    start = end = total = current = room = 0
    for word in _WORD.finditer(run):
        name = word.group()
        if name == "and":
            continue
        if name in SCALES:
            if SCALES[name] == SCALES["hundred"]:
                current = (current or 1) * SCALES[name]
            else:
                total, current = total + (current or 1) * SCALES[name], 0
            room = SCALES[name]
        else:
            value = TENS.get(name) or ONES[name]
            if end and value >= room:
                yield match.string[offset + start : offset + end], offset + end, Decimal(total + current)
                start, total, current = word.start(), 0, 0
            current += value
            room = 10 if name in TENS else 0
        end = word.end()
    yield match.string[offset + start : offset + end], offset + end, Decimal(total + current)
