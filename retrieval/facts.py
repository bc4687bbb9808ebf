"""The hard facts of a text, those a reader would check first: quantities, dates, names, codes, and what is denied.

Knows nothing of sources or citations: it says which facts of one text are missing from another. Rules, not a model,
so that a changed number or a dropped "not" is caught however fluent the sentence around it is.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from retrieval.terms import STOP_WORDS, stem

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
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?", re.IGNORECASE)

_NUMBER_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
    "eighteen nineteen",
)
_SMALL = {name: value for value, name in enumerate(" ".join(_NUMBER_NAMES).split())}
_TENS_NAMES = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {name: value for value, name in zip(range(20, 100, 10), _TENS_NAMES.split(), strict=True)}
_SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "k": 1_000,
    "million": 1_000_000,
    "mio": 1_000_000,
    "mn": 1_000_000,
    "billion": 1_000_000_000,
    "bn": 1_000_000_000,
}
_OTHER_NUMBERS = {"half": Decimal("0.5"), "dozen": Decimal(12)}
# "one of them", "half of it": too loose to be held against a sentence.
_LOOSE_NUMBERS = frozenset({"one", "half", "zero"})

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
        "kg": "kg kilogram kilograms kilo kilos",
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
    r"(?<![\w.,])(?P<number>\d{1,15}(?:[.,’'\u00a0\u202f]\d{1,15}){0,6})(?P<suffix>st|nd|rd|th)?"
    r"(?:[ -]?(?P<scale>hundred|thousand|million|billion|mio|bn|mn|k)\b)?"
    r"(?:[ -]?(?P<unit>[%€$£¥]|°[cf]|[a-zäöü]{1,12}\b))?",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile(
    r"\b(?P<tens>" + "|".join(_TENS) + r")(?:[ -](?P<ones>" + "|".join(list(_SMALL)[1:10]) + r"))?\b|"
    r"\b(?P<small>"
    + "|".join(sorted(_SMALL, key=len, reverse=True))
    + r")\b|\b(?P<other>"
    + "|".join(_OTHER_NUMBERS)
    + r")\b",
    re.IGNORECASE,
)
_AFTER_NUMBER_WORD = re.compile(
    r"(?:[ -](?P<scale>hundred|thousand|million|billion)\b)?(?:[ -](?P<unit>[a-z]{1,12})\b)?", re.I
)
_TEXT_DATE = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? (?P<month>{_MONTH})\b\.?,?(?: (?P<year>\d{{4}})\b)?|"
    rf"\b(?P<month2>{_MONTH})\b\.? (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d|:)(?:,? (?P<year2>\d{{4}})\b)?|"
    rf"\b(?P<month3>{_MONTH})\b\.?,? (?P<year3>\d{{4}})\b",
    re.IGNORECASE,
)
_DIGIT_DATE = re.compile(
    r"\b(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})\b|\b(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y2>\d{4})\b"
)
_CODE = re.compile(r"(?<![\w@])(?=[\w./@+-]{0,63}\d)(?=[\w./@+-]{0,63}[A-Za-z])[\w][\w./@+-]{0,62}[\w]")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,5}|(?:https?://|www\.)[^\s<>\"')\]]{1,200}", re.I)
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|%|k|m|s|h|min|km|kg|gb|mb|tb|bn|am|pm)", re.IGNORECASE)
_CAPITAL = re.compile(r"[^\W\d_](?:[^\W\d_]|[’'&-]){0,60}")
_NUMBERED_NAME = re.compile(
    r"\b(?P<name>[A-Z][A-Za-z]{1,30}) (?P<number>\d{1,3})(?![\d.,:%])(?: (?P<unit>[a-z]{1,12}))?"
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n•*\-–|>]|\d[.)])[\s\"'“‘(\[*_#]{0,6}\Z")


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


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one text. `names` are single words: a name of two words is two facts."""

    quantities: tuple[Quantity, ...] = ()
    dates: tuple[Date, ...] = ()
    names: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.quantities or self.dates or self.names or self.codes)


def read_facts(text: str) -> Facts:
    """Return the facts of `text`. Linear in its length."""
    text = unicodedata.normalize("NFKC", text).replace("\u2011", "-")
    addresses = frozenset(match.group().rstrip(".,;").lower() for match in _ADDRESS.finditer(text))
    rest = _ADDRESS.sub(_blank, text)
    dates, rest = _dates(rest)
    codes = frozenset(m.group().lower() for m in _CODE.finditer(rest) if not _ORDINAL.fullmatch(m.group()))
    rest = _CODE.sub(lambda m: m.group() if _ORDINAL.fullmatch(m.group()) else _blank(m), rest)
    names = frozenset(_names(rest))
    codes |= frozenset(_numbered_names(rest))
    quantities = (*_digit_quantities(rest), *_word_quantities(rest))
    return Facts(quantities, dates, names, codes | addresses)


def count_facts(facts: Facts) -> int:
    """How many facts there are, loose numbers such as "one" left out."""
    counted = sum(quantity.text.lower() not in _LOOSE_NUMBERS for quantity in facts.quantities)
    return counted + len(facts.dates) + len(facts.names) + len(facts.codes)


def missing_facts(claimed: Facts, given: Facts, given_words: Collection[str]) -> list[str]:
    """Facts of `claimed` that the given text, with these facts and these lower-case words, does not state."""
    counted = (q for q in claimed.quantities if q.text.lower() not in _LOOSE_NUMBERS)
    missing = [quantity.text for quantity in counted if not _has_quantity(quantity, given)]
    missing += [date.text for date in claimed.dates if not _has_date(date, given)]
    missing += sorted(code for code in claimed.codes if code not in given.codes and code not in given_words)
    prefixes = {word[: _prefix(word)] for word in given_words}
    known = set(given_words) | {stem(word) for word in given_words}
    for name in sorted(claimed.names):
        if name not in known and stem(name) not in known and name[: _prefix(name)] not in prefixes:
            missing.append(name)
    return missing


def _has_quantity(claimed: Quantity, given: Facts) -> bool:
    for quantity in given.quantities:
        if claimed.values & quantity.values and (
            not claimed.unit or not quantity.unit or claimed.unit == quantity.unit
        ):
            return True
    numbers = {part for date in given.dates for reading in date.readings for part in reading if part is not None}
    return not claimed.unit and any(Decimal(number) in claimed.values for number in numbers)


def _has_date(claimed: Date, given: Facts) -> bool:
    years = {value for quantity in given.quantities for value in quantity.values}
    for date in given.dates:
        years |= {Decimal(reading[0]) for reading in date.readings if reading[0] is not None}
    for date in given.dates:
        for year, month, day in date.readings:
            for claimed_year, claimed_month, claimed_day in claimed.readings:
                same_day = claimed_day is None or claimed_day == day
                same_year = claimed_year is None or claimed_year == year or (year is None and claimed_year in years)
                if claimed_month == month and same_day and same_year:
                    return True
    return False


def _prefix(word: str) -> int:
    return max(4, len(word) - 3)


def _blank(match: re.Match[str]) -> str:
    return " " * (match.end() - match.start())


def _dates(text: str) -> tuple[tuple[Date, ...], str]:
    """Return the dates of `text`, and `text` with blanks in their places."""
    found: list[Date] = []

    def take(match: re.Match[str]) -> str:
        readings = _digit_readings(match) if match.re is _DIGIT_DATE else _text_reading(match)
        if not readings:
            return match.group()
        found.append(Date(match.group(), readings))
        return _blank(match)

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


def _digit_quantities(text: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        scale = Decimal(_SCALES.get((match["scale"] or "").lower(), 1))
        values = frozenset(value * scale for value in _readings(match["number"]))
        if not values:
            continue
        before = _UNITS.get((match["currency"] or "").lower(), "")
        after = _UNITS.get((match["unit"] or "").lower(), "")
        yield Quantity(match["number"], values, before or after)


def _readings(number: str) -> Iterator[Decimal]:
    """Values of a number: the last separator is a decimal point, or all of them divide thousands."""
    number = number.replace("\u00a0", "'").replace("\u202f", "'").replace("’", "'")
    parts = re.split(r"[.,']", number)
    if len(parts) == 1:
        yield Decimal(number)
        return
    if all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3:
        yield Decimal("".join(parts))
    if "'" not in number[-len(parts[-1]) - 1 :] and (len(parts) == 2 or all(len(part) == 3 for part in parts[1:-1])):
        try:
            yield Decimal("".join(parts[:-1]) + "." + parts[-1])
        except InvalidOperation:  # digits of another script
            return


def _word_quantities(text: str) -> Iterator[Quantity]:
    for match in _NUMBER_WORD.finditer(text):
        if match["other"]:
            value = _OTHER_NUMBERS[match["other"].lower()]
        elif match["tens"]:
            value = Decimal(_TENS[match["tens"].lower()] + _SMALL.get((match["ones"] or "zero").lower(), 0))
        else:
            value = Decimal(_SMALL[match["small"].lower()])
        after = _AFTER_NUMBER_WORD.match(text, match.end())
        scale = (after["scale"] or "") if after else ""
        unit = _UNITS.get(((after["unit"] or "") if after else "").lower(), "")
        yield Quantity(match.group(), frozenset({value * _SCALES.get(scale.lower(), 1)}), unit)


def _names(text: str) -> Iterator[str]:
    """Lower-case words written like names: capitalised within a sentence, or all capitals anywhere."""
    matches = list(_CAPITAL.finditer(text))
    for position, match in enumerate(matches):
        word = match.group().removesuffix("'s").removesuffix("’s").rstrip("'’-&")
        if len(word) < 2 or not word[0].isupper() or word.lower() in STOP_WORDS or word.lower() in _UNITS:
            continue
        if (
            word.isupper()
            or _WEEKDAY.fullmatch(word)
            or not _starts_sentence(text, match.start())
            or (position + 1 < len(matches) and _continues_name(text, match, matches[position + 1]))
        ):
            yield word.lower()


def _numbered_names(text: str) -> Iterator[str]:
    """ "Heron 4", "Phase 2": a name with a number that is neither an amount nor a year, as one fact."""
    for match in _NUMBERED_NAME.finditer(text):
        counts = match["unit"] and match["unit"].lower() in _UNITS.keys() | _SCALES.keys()
        if not counts and match["name"].lower() not in STOP_WORDS and not _starts_sentence(text, match.start()):
            yield f"{match['name']} {match['number']}".lower()


def _starts_sentence(text: str, position: int) -> bool:
    return _SENTENCE_START.search(text, max(0, position - 12), position) is not None


def _continues_name(text: str, first: re.Match[str], second: re.Match[str]) -> bool:
    between = text[first.end() : second.start()]
    return between == " " and second.group()[:1].isupper() and second.group().lower() not in STOP_WORDS
