"""Dates as people write them, in digits or with a month's name, read as values that can be compared.

Knows nothing of sentences or sources. Months in English and a few languages besides.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

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
# Without a capital these are other words too: "up to 5 may be used", "mar 3 surfaces".
_OTHER_WORDS = frozenset({"may", "march", "mar", "sept", "dec"})
# Letters of ASCII are alike in both cases, and so is é; but i is not the dotless i, which lower() leaves as it is: what
# matched would stand in no table.
_MONTH = "|".join(re.sub("[a-z]+", r"(?a:\g<0>)", name) for name in sorted(_MONTHS, key=len, reverse=True))
_ORDINAL = r"(?:st|nd|rd|th|er|\.)"
# Of "24-26 December" and "from 24 to 26 December" the first day has no month of its own.
_TO = rf"{_ORDINAL}? ?(?:-|–|to|and|until|bis|und|au|et|al|y) ?"
# The look-ahead is for speed: a month is told by its first letter, and a number behind it.
_TEXT_DATE = re.compile(
    rf"\b(?=\d|[{''.join(sorted({name[0] for name in _MONTHS}))}]\w{{2,9}}\.?,?(?: de)? \d)"
    rf"(?:(?:(?P<from>\d{{1,2}}){_TO})?(?P<day>\d{{1,2}})(?P<ordinal>{_ORDINAL})?(?P<of> of| de)?"
    rf" (?P<month>{_MONTH})\b\.?,?(?: (?:de )?(?P<year>\d{{4}})\b)?|"
    rf"(?P<month2>{_MONTH})\b\.? (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d|:)"
    rf"(?:{_TO}(?P<to>\d{{1,2}})(?:st|nd|rd|th)?\b(?![\d:]| [^\W\d_]))?(?:,? (?P<year2>\d{{4}})\b)?|"
    rf"(?P<month3>{_MONTH})\b\.?,?(?: de)? (?P<year3>\d{{4}})\b)",
    re.IGNORECASE,
)
_DIGIT_DATE = re.compile(
    r"(?=\d{1,4}[-/.]\d)(?:"  # for speed
    r"\b(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?:\b|(?=T\d))|"
    r"(?<!\d\.)\b(?P<a>\d{1,2})(?P<by>[-/.])(?P<b>\d{1,2})(?P=by)(?P<y2>\d{4}|(?<!-)\d\d)\b(?!(?P=by)\d))"
)
# "Version 2.4.10", "§ 3.1.12", "Release 5.10.11" are no days.
_NO_DAY = re.compile(r"(?:version|release|section|clause|abschnitt|ziffer|v|§)\.? ?\Z", re.IGNORECASE)
# The century of a year of two digits.
_CENTURY = 2000

Reading = tuple[int | None, int, int | None]


@dataclass(frozen=True, slots=True)
class Date:
    """A date as written and its readings, each (year, month, day) with None for what is not said."""

    text: str
    readings: frozenset[Reading]


def take_dates(text: str) -> tuple[tuple[Date, ...], str]:
    """Return the dates of `text`, two of "24-26 December", and `text` with blanks in their places."""
    found: list[Date] = []

    def take(match: re.Match[str]) -> str:
        dates = list(_digit_dates(match) if match.re is _DIGIT_DATE else _text_dates(match))
        found.extend(dates)
        return " " * len(match.group()) if dates else match.group()

    rest = _DIGIT_DATE.sub(take, _TEXT_DATE.sub(take, text))
    return tuple(found), rest


def _text_dates(match: re.Match[str]) -> Iterator[Date]:
    month = match["month"] or match["month2"] or match["month3"]
    year = match["year"] or match["year2"] or match["year3"]
    if not month[0].isupper():
        # "may 30 people attend", "march 12 miles", "up to 5 may be used"
        sure = match["ordinal"] or match["of"] or year or month.lower() not in _OTHER_WORDS
        if not (match["day"] and sure):
            return
    first, last = match["from"] or match["day2"], match["day"] or match["to"]
    for day in [day for day in (first, last) if day] or [None]:
        reading = (int(year) if year else None, _MONTHS[month.lower()], int(day) if day else None)
        yield Date(match.group(), frozenset({reading}))


def _digit_dates(match: re.Match[str]) -> Iterator[Date]:
    """12/03/2024 is read both ways, 12.03.2024 is not: with dots the day comes first."""
    if match["y"]:
        candidates = [(int(match["y"]), int(match["m"]), int(match["d"]))]
    else:
        if len(match["y2"]) == 2 and _NO_DAY.search(match.string, max(0, match.start() - 12), match.start()):
            return
        a, b, year = int(match["a"]), int(match["b"]), int(match["y2"])
        year += _CENTURY if len(match["y2"]) == 2 else 0
        candidates = [(year, b, a)] if match["by"] == "." else [(year, a, b), (year, b, a)]
    readings = frozenset[Reading](it for it in candidates if 1 <= it[1] <= 12 and 1 <= it[2] <= 31)
    if readings:
        yield Date(match.group(), readings)
