"""Numbers, amounts and times of day as people write them, read as values that can be compared.

Knows nothing of sentences or sources.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from retrieval.continental_numbers import WORDS, continental_numbers
from retrieval.languages import ENGLISH
from retrieval.number_words import ONES, SCALES, TENS, number_words
from retrieval.signs import signed
from retrieval.units import is_unit, unit_of

_NUMBER = re.compile(
    r"(?=[\d$€£¥ eugc])(?P<currency>[$€£¥]|\b(?:eur|usd|gbp|chf)(?=[ \d]))?[ ]?"
    # Chinese and Japanese write a number right behind a word.
    r"(?<![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?<![.,])(?P<number>\d{1,15}(?:[.,’'\u00a0\u202f]\d{1,15}){0,6})(?P<suffix>st|nd|rd|th)?"
    rf"(?:[ -]?(?P<scale>{'|'.join(sorted(SCALES, key=len, reverse=True))})\b(?:(?<=mio)\.|(?<=mrd)\.)?)?"
    r"(?:[ -]?(?P<unit>[%€$£¥]|°[cf]|[^\W\d_]{1,12}\b))?",
    re.IGNORECASE,
)
# Behind a currency's sign: "$5m". By themselves they are metres, or a list's letter.
_MONEY_SCALES = {"m": 10**6, "b": 10**9, "t": 10**12}
_AFTER_NUMBER_WORD = re.compile(r"[ -](?P<unit>[^\W\d_]{1,12}\b|%)")
# How often something comes, that may be said by a number as well: "every three months".
_INTERVAL = re.compile(
    r"\b(?=[bfhqstv])(?:(?P<quarter>quarterly|vierteljährlich\w*|quartalsweise|trimestriel\w*)|"
    r"(?P<half>half-yearly|semi-?annual\w*|halbjährlich\w*|semestriel\w*)|"
    r"(?P<fortnight>fortnight\w*|bi-?weekly)|(?P<twice>twice))\b",
    re.IGNORECASE,
)
_INTERVALS = {"quarter": (3, "month"), "half": (6, "month"), "fortnight": (2, "week"), "twice": (2, "")}
# "1 500,50" as French and many standards write it.
_SPACED_THOUSANDS = re.compile(r"(?<![\w.,’'])\d{1,3}(?: \d{3}){1,4}(?:,\d{1,2})?(?![\w]|[.,]\d)")
_INDIAN = re.compile(r"\d{1,2}(?:,\d\d)+,\d{3}")
_TIME = re.compile(
    r"(?<![\d:.,])(?=\d)(?:(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d)(?::[0-5]\d)?)? ?(?P<half>[ap])\.?m\b\.?|"
    r"(?P<hour24>[01]?\d|2[0-4]):(?P<minute24>[0-5]\d)(?![\d:])(?: ?Uhr\b)?|"
    r"(?P<hour_said>[01]?\d|2[0-4])(?:[.](?P<minute_said>[0-5]\d))? ?(?:Uhr\b|o['’]clock\b)|"
    r"(?P<hour_h>[01]?\d|2[0-4]) ?h ?(?P<minute_h>[0-5]\d)\b(?! ?min))",
    re.IGNORECASE,
)
# "9 to 5 p.m.", "9-17 Uhr", "between 9 and 5 p.m.": what the second is, the first is too. But "room 4 until 17:00".
_TO_TIME = re.compile(
    r"(?:(?<![\d:.,])|\b(?P<from>from|between|von|zwischen|de|entre) )(?P<hour>[01]?\d|2[0-4]) ?"
    r"(?:-|–|to|à|(?(from)(?:and|until|bis|und|et)|-)) ?\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written, all values it can be read as ("1.200" is 1.2 or 1200), and its unit or ""."""

    text: str
    values: frozenset[Decimal]
    unit: str = ""


def counts(word: str) -> bool:
    """Whether `word` (lower case) behind a number makes an amount of it."""
    return is_unit(word) or word in SCALES


def take_times(text: str) -> tuple[tuple[Quantity, ...], str]:
    """Return the times of day of `text` in minutes, and `text` with blanks in their places.

    The 9 of "9 to 5 p.m." is both: a time here, and still a number there.
    """
    found = tuple(_times(text))
    return found, _TIME.sub(blank, text) if found else text


def quantities(text: str, *, generous: bool = False, language: str = ENGLISH) -> tuple[Quantity, ...]:
    """Return the numbers of `text`, which is in `language`, in digits or in words, with their units.

    "1 500" is one number; if `generous`, it may be two as well, as in "room 1 500 seats", and "quarterly" is 3 months.
    """
    joined = _SPACED_THOUSANDS.sub(lambda match: match.group().replace(" ", "'"), text)
    apart = _digit_quantities(text, text) if generous and joined != text else ()
    intervals = _intervals(text) if generous else ()
    return (*_digit_quantities(joined, text), *apart, *_word_quantities(text, language, generous=generous), *intervals)


def number_values(word: str) -> frozenset[Decimal]:
    """The values that one word (lower case) can be read as: none where it is no number, and "one" is none."""
    if word[:1].isdecimal():
        return frozenset(_readings(word))
    value = TENS.get(word) or ONES.get(word) or WORDS.get(word, 0)
    return frozenset({Decimal(value)}) if value > 1 else frozenset()


def blank(match: re.Match[str]) -> str:
    """As many blanks as the match has characters."""
    return " " * (match.end() - match.start())


def _times(text: str) -> Iterator[Quantity]:
    for match in _TIME.finditer(text):
        hour = match["hour"] or match["hour24"] or match["hour_said"] or match["hour_h"]
        minute = match["minute"] or match["minute24"] or match["minute_said"] or match["minute_h"]
        yield _time(match.group(), int(hour), int(minute or 0), match["half"])
        before = _TO_TIME.search(text, max(0, match.start() - 24), match.start())
        if before:
            yield _time(before["hour"], int(before["hour"]), 0, None)


def _time(written: str, hour: int, minute: int, half: str | None) -> Quantity:
    """Without a.m. or p.m. a time before 13:00 may be either."""
    minutes = 60 * hour + minute
    if half:
        readings = {minutes % 720 + (720 if half.lower() == "p" else 0)}
    else:
        readings = {minutes, minutes + 720} if hour < 12 else {minutes, minutes - 720} if hour == 12 else {minutes}
    return Quantity(written, frozenset(map(Decimal, readings)), "time")


def _digit_quantities(text: str, written: str) -> Iterator[Quantity]:
    """Those of `text`, which has a digit where `written` has it."""
    for match in _NUMBER.finditer(text):
        currency, unit = unit_of((match["currency"] or "").lower()), (match["unit"] or "").lower()
        scale = SCALES.get((match["scale"] or "").lower(), 1) * (_MONEY_SCALES.get(unit, 1) if currency else 1)
        values = signed((value * scale for value in _readings(match["number"])), written, *match.span("number"))
        if values:
            yield Quantity(written[slice(*match.span("number"))], values, currency or unit_of(unit))


def _readings(number: str) -> Iterator[Decimal]:
    """Values of a number: the last separator is a decimal point, or all of them divide thousands. "3rd" has none.

    A separator that comes twice divides thousands: "1,500,000" is not 1500. "10.0.0.53" has no value.
    """
    if number.isdecimal():
        yield Decimal(number)
        return
    number = number.replace("\u00a0", "'").replace("\u202f", "'").replace("’", "'")
    parts = re.split(r"[.,']", number)
    if not all(part.isdecimal() for part in parts):  # isdigit() is true of ❶ too, which Decimal does not read
        return
    *dividing, last = re.findall(r"[.,']", number)
    in_threes = len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:-1])
    if len(parts[-1]) == 3 and set(dividing) <= {last} and (in_threes or _INDIAN.fullmatch(number)):
        yield Decimal("".join(parts))
    if last != "'" and (not dividing or (in_threes and len(set(dividing)) == 1 and last not in dividing)):
        yield Decimal("".join(parts[:-1]) + "." + parts[-1])


def _intervals(text: str) -> Iterator[Quantity]:
    for match in _INTERVAL.finditer(text):
        value, unit = _INTERVALS[match.lastgroup or ""]
        yield Quantity(match.group(), frozenset({Decimal(value)}), unit)


def _word_quantities(text: str, language: str, *, generous: bool) -> Iterator[Quantity]:
    continental, rest = continental_numbers(text, language, generous=generous)
    for written, end, value in (*continental, *number_words(rest)):
        after = _AFTER_NUMBER_WORD.match(text, end)
        unit = unit_of(after["unit"].lower()) if after else ""
        # "Dix heures" is a time of day as well.
        values = signed((value,), text, end - len(written), end)
        yield Quantity(written, values, "" if unit == "hour" and language == "french" else unit)
