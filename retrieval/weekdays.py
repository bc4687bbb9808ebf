"""Days of the week as people write them, long or short, alone or in a range: "Mondays", "on Sun", "Mo–Fr", "lun-ven".

Knows nothing of sentences or sources. A short one is other words too ("So", "Sun", "mon"): it counts beside another,
beside a time, or where an English preposition or a German one shows it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from retrieval.letter_case import folded, has_any

_DAYS: Mapping[str, int] = {
    name: day
    for day, names in enumerate(
        (
            "monday montag lundi lunes lunedì maandag mon mo lun",
            "tuesday dienstag mardi martes martedì dinsdag tues tue di mar diens",
            "wednesday mittwoch mercredi miércoles mercoledì woensdag wed mi mer",
            "thursday donnerstag jeudi jueves giovedì donderdag thurs thur thu do jeu donners",
            "friday freitag vendredi viernes venerdì vrijdag fri fr ven",
            "saturday samstag sonnabend samedi sábado sabato zaterdag sat sa sam sams",
            "sunday sonntag dimanche domingo domenica zondag sun so dim sonn",
        )
    )
    for name in names.split()
}
_LONG = tuple(name for name in sorted(_DAYS, key=len, reverse=True) if len(name) >= len("lundi") and name != "thurs")
_IN_A_WEEK = 7
_WORKING, _FREE = range(5), range(5, 7)
# "Montage" and "Montagen" are assemblies as well. "Sonn- und Feiertage" leave a part out.
_GERMAN = (
    r"(?:montag(?!e)|(?:diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend)[^\W\d_]*"
    r"|(?:diens|donners|sams|sonn)(?=-,? (?:und|oder) )"
)
# English, German, French.
_SHORT = (
    "Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun",
    "Mo|Di|Mi|Do|Fr|Sa|So",
    "[Ll]un|[Mm]ar|[Mm]er|[Jj]eu|[Vv]en|[Ss]am|[Dd]im",
)
_TO = r"\.? ?(?:-|–|—|to|through|thru|bis|à|au|al) ?(?:le )?"
_BESIDE = rf"(?:{_TO}|\.? ?(?:[/&+]|, ?(?:and |und |et )?|and |und |et |u\. ?) ?)"
_AT = r"(?=\.?[,:]? ?\d{1,2}(?::[0-5]\d| ?(?:-|–|bis) ?\d{1,2} ?Uhr\b| ?Uhr\b))"
_WEEKDAY = re.compile(
    # The first letters are for speed.
    rf"\b(?=[dfjlmstvwzDFJLMSTVWZ])(?:(?i:{_GERMAN}|(?:{'|'.join(_LONG)})s?)"
    rf"|(?:{_SHORT[0]})(?=\.?[,:]? ?\d)|(?:(?<=[a-z,(|] )|(?<=\())(?:{_SHORT[0]})"
    rf"|(?:{_SHORT[1]}){_AT}|(?:(?<=\b[Aa]m )|(?<=\bbis )|(?<=\b[Jj]eden ))(?:{_SHORT[1]})"
    + "".join(rf"|(?:{short})(?={_BESIDE}(?:{short})\b)" for short in _SHORT)
    + r")\b"
)
# A short one, and the other one of a range or a list right behind it.
_PAIRS = tuple((re.compile(short), re.compile(rf"{_BESIDE}(?P<day>{short})\b")) for short in _SHORT)
_RANGE = re.compile(_TO)
_ALL_WORKING = re.compile(r"\b(?:weekdays?|werktags)\b", re.IGNORECASE)
_WEEKEND = re.compile(r"\b(?:weekends?|week-ends?|Wochenenden?)\b", re.IGNORECASE)
_PARTS_OF_A_WEEK = ("week", "werktag", "wochenend")


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week as written, "" for one that is only meant, and its number: Monday is 0."""

    text: str
    day: int


def weekdays(text: str, *, generous: bool = False) -> tuple[Weekday, ...]:
    """The days that `text` names; if `generous`, those within its ranges too, and of "weekdays" and "weekends"."""
    found = list(_named(text))
    if not generous:
        return tuple(day for day, _ in found)
    within = (
        Weekday("", (first.day + step) % _IN_A_WEEK)
        for (first, place), (last, other) in pairwise(found)
        if _RANGE.fullmatch(text, place + len(first.text), other)
        for step in range(1, (last.day - first.day) % _IN_A_WEEK)
    )
    meant = _meant(text) if has_any(folded(text), _PARTS_OF_A_WEEK) else ()
    return (*(day for day, _ in found), *within, *meant)


def _meant(text: str) -> Iterator[Weekday]:
    yield from (Weekday("", day) for _ in _ALL_WORKING.finditer(text) for day in _WORKING)
    yield from (Weekday("", day) for _ in _WEEKEND.finditer(text) for day in _FREE)


def _named(text: str) -> Iterator[tuple[Weekday, int]]:
    """Each with its place."""
    past = 0
    for match in _WEEKDAY.finditer(text):
        start, end = match.span()
        while past <= start:
            word, past = text[start:end], end
            if (day := _day(word.lower())) is not None:
                yield Weekday(word, day), start
            start, end = _beside(text, start, end)


def _beside(text: str, start: int, end: int) -> tuple[int, int]:
    """The place of the other one behind a short one, or its own."""
    for short, pair in _PAIRS:
        found = pair.match(text, end) if short.fullmatch(text, start, end) else None
        if found:
            return found.span("day")
    return start, end


def _day(word: str) -> int | None:
    """None of a word with a letter that only looks like one of its own."""
    return _DAYS.get(word, next((_DAYS[name] for name in _LONG if word.startswith(name)), None))
