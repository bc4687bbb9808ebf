"""Quarters, halves and fiscal years as people write them: "Q3 2026", "the third quarter", "FY26", "1. Halbjahr".

Knows nothing of sentences or sources.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from retrieval.dates import Date

_ORDINALS: Mapping[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "1 first erst premier première",
            "2 second zweit deuxième",
            "3 third dritt troisième",
            "4 fourth viert quatrième",
        ),
        start=1,
    )
    for name in names.split()
}
_WORDS = "|".join(name for name in _ORDINALS if name.isalpha())
# The first letters are for speed.
_ORDINAL = (
    rf"\b(?=[1-4defpqstvz])(?P<number>[1-4](?=st|nd|rd|th|e|è|\.)|{_WORDS})"
    r"(?:st|nd|rd|th|ème|e[nmrs]?|\.)?[ -]"
)
# "Q3 2026", "Q3/26", "Q3 FY26", "third quarter of the fiscal year 2026".
_OF_YEAR = (
    r"(?:(?: (?:of|in|im|des|de|du|the|fiscal|financial|calendar|year|Jahr(?:es)?|Geschäftsjahr(?:e?s)?)){0,4}"
    r"(?:[ /-]?FY ?(?:20)?|/(?:20)?|[ -]20)(?P<year>\d\d)(?!\d|[.,]\d))?"
)
_NO_CODE = r"(?!\w|[.-]\d{1,3}\b)"
_NAMED = r"(?:quarters?|Quartale?s?|trimestres?)\b"
_NAMED_HALF = r"(?:half(?= of (?:the (?:\w+ )?year|20\d\d|FY ?\d\d|fiscal|financial)\b)|(?:Halbjahr(?:es)?|semestre)\b)"
_QUARTER, _HALF, _FISCAL = "quarter", "half", "fiscal year"
_KINDS: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (_QUARTER, rf"(?:\b20(?P<before>\d\d)[ -]?|\b)(?:Q|Quartal )(?P<number>[1-4]){_NO_CODE}{_OF_YEAR}"),
        (_QUARTER, rf"\bT(?P<number>[1-4])(?=[ /-]20\d\d\b){_OF_YEAR}"),
        (_HALF, rf"\bH(?P<number>[12]){_NO_CODE}{_OF_YEAR}"),
        # "Third quarter", "second half of the year", "the first and second quarters".
        (
            _QUARTER,
            rf"{_ORDINAL}(?:{_NAMED}|(?P<half>{_NAMED_HALF})|"
            rf"(?=(?:and|or|to|und|bis|et) (?:the )?[\w.]{{2,12}}[ -]{_NAMED})){_OF_YEAR}",
        ),
        (
            _FISCAL,
            r"\b(?:FY ?(?:20)?|(?:(?:fiscal|financial)(?: years?)?|Geschäftsjahr(?:e?s)?|GJ|exercice) 20)(?P<year>\d\d)"
            r"(?:[/–-](?:20)?(?P<to>\d\d))?(?!\d|[.,]\d)",
        ),
    )
)
_CENTURY = 2000
_MONTHS_OF_QUARTER = 3


@dataclass(frozen=True, slots=True)
class Period:
    """One as written: its kind, which of them in the year (0 of a year), and the years that it is in, if it says so.

    `sure` is false of one in words: "the third quarter" may also be of a game.
    """

    text: str
    kind: str
    number: int
    years: frozenset[int]
    sure: bool


def take_periods(text: str) -> tuple[tuple[Period, ...], str]:
    """Return the periods of `text`, and `text` with blanks in their places."""
    found: list[Period] = []
    for kind, pattern in _KINDS:
        past, pieces = 0, []
        for match in pattern.finditer(text):
            if period := _period(match, kind):
                found.append(period)
                pieces += [text[past : match.start()], " " * len(match.group())]
                past = match.end()
        text = "".join((*pieces, text[past:]))
    return tuple(found), text


def has_period(claimed: Period, given: Sequence[Period], dates: Sequence[Date], years: Collection[object]) -> bool:
    """Whether a text with the periods `given`, these dates and years states the claimed one.

    A quarter is also stated by a date in it, and a fiscal year by its year.
    """
    alike = [period for period in given if period.kind == claimed.kind]
    if claimed.kind == _FISCAL:
        plain = frozenset(years).difference(*(period.years for period in alike))
        return any(_same_years(claimed, period) for period in alike) or not claimed.years.isdisjoint(plain)
    if alike:
        same = [period.years or years for period in alike if period.number == claimed.number]
        return any(not claimed.years or not claimed.years.isdisjoint(said) for said in same)
    quarters = {(month - 1) // _MONTHS_OF_QUARTER + 1 for date in dates for _, month, _ in date.readings}
    return not claimed.sure or (claimed.kind == _QUARTER and claimed.number in quarters)


def _period(match: re.Match[str], kind: str) -> Period | None:
    """None of a word with a letter that only looks like one of its own."""
    groups = match.groupdict()
    said = groups.get("number") or ""
    number = _ORDINALS.get(said.lower(), 0)
    if said and not number:
        return None
    years = (_CENTURY + int(year) for name in ("before", "year", "to") if (year := groups.get(name)))
    kind = _HALF if groups.get("half") else kind
    return Period(match.group(), kind, number, frozenset(years), not said.isalpha())


def _same_years(one: Period, other: Period) -> bool:
    """ "FY26" may be "2025/26", but "2026/27" is not."""
    if len(one.years) == len(other.years):
        return one.years == other.years
    return not one.years.isdisjoint(other.years)
