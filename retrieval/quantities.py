"""Numbers, amounts, times and dates as people write them, read as values that can be compared.

Knows nothing of sentences or sources. English, and the month and unit names of a few languages besides.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from retrieval.number_words import ONES, SCALES, TENS, number_words

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero gennaio janeiro",
            "february feb februar février febrero febbraio fevereiro",
            "march mar märz mars marzo março",
            "april apr avril abril aprile",
            "may mai mayo maggio maio",
            "june jun juni juin junio giugno junho",
            "july jul juli juillet julio luglio julho",
            "august aug août agosto",
            "september sep sept septembre septiembre settembre setembro",
            "october oct oktober octobre octubre ottobre outubro",
            "november nov novembre noviembre novembro",
            "december dec dezember dez décembre diciembre dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
# Letters of ASCII are alike in both cases, and so is é; but i is not the dotless i, which lower() leaves as it is: what
# matched would stand in no table.
_MONTH = "|".join(re.sub("[a-z]+", r"(?a:\g<0>)", name) for name in sorted(_MONTHS, key=len, reverse=True))

# Units that exclude each other: "30 days" is not "30 weeks". What is no unit ("30 laptops") is left to the overlap.
_UNITS = {
    word: unit
    for unit, words in {
        "%": "% percent percentage prozent",
        "EUR": "€ eur euro euros",
        "USD": "$ usd dollar dollars",
        "GBP": "£ gbp pound pounds sterling",
        "CHF": "chf franc francs franken",
        "JPY": "¥ jpy yen",
        "second": "second seconds sec secs s sekunde sekunden",
        "minute": "minute minutes min mins minuten",
        "hour": "hour hours hr hrs h stunde stunden",
        "day": "day days tag tage tagen",
        "week": "week weeks woche wochen",
        "month": "month months monat monate monaten",
        "year": "year years jahr jahre jahren yr yrs",
        "km": "km kilometer kilometers kilometre kilometres",
        "mile": "mile miles",
        "m": "m meter meters metre metres",
        "foot": "ft foot feet",
        "acre": "acre acres",
        "hectare": "ha hectare hectares",
        "kg": "kg kilogram kilograms kilo kilos",
        "kB": "kb kilobyte kilobytes kib",
        "MB": "mb megabyte megabytes mib",
        "GB": "gb gigabyte gigabytes gib",
        "TB": "tb terabyte terabytes tib",
        "°C": "°c celsius",
        "°F": "°f fahrenheit",
    }.items()
    for word in words.split()
}

_NUMBER = re.compile(
    r"(?P<currency>[$€£¥]|\b(?:eur|usd|gbp|chf)(?=[ \d]))?[ ]?"
    # Chinese and Japanese write a number right behind a word.
    r"(?<![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?<![.,])(?P<number>\d{1,15}(?:[.,’'\u00a0\u202f]\d{1,15}){0,6})(?P<suffix>st|nd|rd|th)?"
    r"(?:[ -]?(?P<scale>hundred|thousand|million|billion|trillion|mio|bn|mn|k)\b)?"
    r"(?:[ -]?(?P<unit>[%€$£¥]|°[cf]|[a-zäöü]{1,12}\b))?",
    re.IGNORECASE,
)
_AFTER_NUMBER_WORD = re.compile(r"[ -](?P<unit>[a-z]{1,12})\b", re.I)
_TEXT_DATE = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? (?P<month>{_MONTH})\b\.?,?(?: (?P<year>\d{{4}})\b)?|"
    rf"\b(?P<month2>{_MONTH})\b\.? (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d|:)(?:,? (?P<year2>\d{{4}})\b)?|"
    rf"\b(?P<month3>{_MONTH})\b\.?,? (?P<year3>\d{{4}})\b",
    re.IGNORECASE,
)
_DIGIT_DATE = re.compile(
    r"\b(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})\b|\b(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y2>\d{4})\b"
)
_TIME = re.compile(
    r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::[0-5]\d)?)? ?(?P<half>[ap])\.?m\b\.?|"
    r"(?<![\d:.,])(?P<hour24>[01]?\d|2[0-4]):(?P<minute24>[0-5]\d)(?![\d:])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written, all values it can be read as ("1.200" is 1.2 or 1200), and its unit or ""."""

    text: str
    values: frozenset[Decimal]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Date:
    """A date as written and its readings, each (year, month, day) with None for what is not said."""

    text: str
    readings: frozenset[tuple[int | None, int, int | None]]


def is_unit(word: str) -> bool:
    """Whether `word` (lower case) is a unit or a currency."""
    return word in _UNITS


def counts(word: str) -> bool:
    """Whether `word` (lower case) behind a number makes an amount of it."""
    return word in _UNITS or word in SCALES


def take_dates(text: str) -> tuple[tuple[Date, ...], str]:
    """Return the dates of `text`, and `text` with blanks in their places."""
    found: list[Date] = []

    def take(match: re.Match[str]) -> str:
        readings = _digit_readings(match) if match.re is _DIGIT_DATE else _text_reading(match)
        if not readings:
            return match.group()
        found.append(Date(match.group(), readings))
        return blank(match)

    rest = _DIGIT_DATE.sub(take, _TEXT_DATE.sub(take, text))
    return tuple(found), rest


def _text_reading(match: re.Match[str]) -> frozenset[tuple[int | None, int, int | None]]:
    month = match["month"] or match["month2"] or match["month3"]
    if not month[0].isupper() and not match["day"]:  # "may 30 people attend", "march 12 miles"
        return frozenset()
    day = match["day"] or match["day2"]
    year = match["year"] or match["year2"] or match["year3"]
    return frozenset({(int(year) if year else None, _MONTHS[month.lower()], int(day) if day else None)})


def _digit_readings(match: re.Match[str]) -> frozenset[tuple[int | None, int, int | None]]:
    """12/03/2024 is read both ways."""
    if match["y"]:
        candidates = [(int(match["y"]), int(match["m"]), int(match["d"]))]
    else:
        a, b, year = int(match["a"]), int(match["b"]), int(match["y2"])
        candidates = [(year, a, b), (year, b, a)]
    return frozenset(reading for reading in candidates if 1 <= reading[1] <= 12 and 1 <= reading[2] <= 31)


def take_times(text: str) -> tuple[tuple[Quantity, ...], str]:
    """Return the times of day of `text` in minutes, and `text` with blanks in their places."""
    return tuple(_times(text)), _TIME.sub(blank, text)


def quantities(text: str) -> tuple[Quantity, ...]:
    """Return the numbers of `text`, in digits or in words, with their units."""
    return (*_digit_quantities(text), *_word_quantities(text))


def number_values(word: str) -> frozenset[Decimal]:
    """The values that one word (lower case) can be read as: none where it is no number, and "one" is none."""
    if word[:1].isdecimal():
        return frozenset(_readings(word))
    value = TENS.get(word) or ONES.get(word, 0)
    return frozenset({Decimal(value)}) if value > 1 else frozenset()


def blank(match: re.Match[str]) -> str:
    """As many blanks as the match has characters."""
    return " " * (match.end() - match.start())


def _times(text: str) -> Iterator[Quantity]:
    """Without a.m. or p.m. a time before 13:00 may be either."""
    for match in _TIME.finditer(text):
        hour = int(match["hour"] or match["hour24"])
        minutes = 60 * hour + int(match["minute"] or match["minute24"] or 0)
        if match["half"]:
            readings = {minutes % 720 + (720 if match["half"].lower() == "p" else 0)}
        else:
            readings = {minutes, minutes + 720} if hour < 12 else {minutes, minutes - 720} if hour == 12 else {minutes}
        yield Quantity(match.group(), frozenset(map(Decimal, readings)), "time")


def _digit_quantities(text: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        scale = Decimal(SCALES.get((match["scale"] or "").lower(), 1))
        values = frozenset(value * scale for value in _readings(match["number"]))
        if not values:
            continue
        before = _UNITS.get((match["currency"] or "").lower(), "")
        after = _UNITS.get((match["unit"] or "").lower(), "")
        yield Quantity(match["number"], values, before or after)


def _readings(number: str) -> Iterator[Decimal]:
    """Values of a number: the last separator is a decimal point, or all of them divide thousands. "3rd" has none."""
    number = number.replace("\u00a0", "'").replace("\u202f", "'").replace("’", "'")
    parts = re.split(r"[.,']", number)
    if not all(part.isdecimal() for part in parts):  # isdigit() is true of ❶ too, which Decimal does not read
        return
    if len(parts) == 1:
        yield Decimal(number)
        return
    if all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3:
        yield Decimal("".join(parts))
    if "'" not in number[-len(parts[-1]) - 1 :] and (len(parts) == 2 or all(len(part) == 3 for part in parts[1:-1])):
        yield Decimal("".join(parts[:-1]) + "." + parts[-1])


def _word_quantities(text: str) -> Iterator[Quantity]:
    for written, end, value in number_words(text):
        after = _AFTER_NUMBER_WORD.match(text, end)
        yield Quantity(written, frozenset({value}), _UNITS.get(after["unit"].lower(), "") if after else "")
