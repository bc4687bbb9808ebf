"""The hard facts of a text, those a reader would check first: quantities, dates, names and codes.

Knows nothing of sources or citations: it says which facts of one text are missing from another. Rules, not a model, so
that a changed number is caught however fluent the sentence around it is.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from retrieval.dates import Date, take_dates
from retrieval.languages import language_of_sentence
from retrieval.letter_case import folded, has_any
from retrieval.number_words import SCALES
from retrieval.periods import Period, has_period, take_periods
from retrieval.quantities import Quantity, blank, counts, number_values, quantities, take_times
from retrieval.terms import STOP_WORDS, stem
from retrieval.units import converted, is_unit
from retrieval.weekdays import Weekday, weekdays

# Languages that write every noun with a capital.
CAPITAL_NOUNS = frozenset({"german"})
# "one of them", "half of it", "first of all": too loose to be held against a sentence.
_LOOSE_NUMBERS = frozenset({"one", "half", "zero", "first", "second", "third"})
_CODE = re.compile(r"(?<![\w@])(?=[\w./@+-]{0,63}\d)(?=[\w./@+-]{0,63}[A-Za-z])[\w][\w./@+-]{0,62}[\w]")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,5}|(?:https?://|www\.)[^\s<>\"')\]]{1,200}", re.I)
# Without one of these there is none.
_WITHIN_ADDRESSES = ("@", "://", "www.")
# "30-day", "5-10km", "2.5bn", "50km/h", "3rd", "1er", "mid-2024": numbers with words to them, and no codes.
_AMOUNT = re.compile(
    r"\d[\d.,]*(?:-\d[\d.,]*)?(?:(?P<behind>[^\W\d_]+)(?:/[a-z]+)?|(?:-[a-z]{2,})+)|(?:mid|pre|post|early|late)-\d{4}"
)
_BEHIND = frozenset({*SCALES, *"st nd rd th er am pm m b sqm".split()})
# "10.0.0.53", "2.4.1": addresses of machines, versions, sections.
_DOTTED = re.compile(r"(?<![\w.,])\d+(?:\.\d+){2,}(?![\w]|[.,]\d)")
_VERSION = re.compile(r"v(\d+(?:\.\d+)*)")
_CAPITAL = re.compile(r"[^\W\d_](?:[^\W\d_]|[’'&-]){0,60}")
# "Register.example.gov": no name, but an address without its beginning.
_WITHIN_ADDRESS = re.compile(r"\.[a-z]{2}")
_NUMBERED_NAME = re.compile(
    r"\b(?P<name>[A-Z][A-Za-z]{1,30}) (?P<number>\d{1,3})(?![\d%]|[.,:'’]\d)(?: (?P<unit>[a-z]{1,12}))?"
)
_LETTERS_THEN_DIGITS = re.compile(r"^([a-z]+)(\d+)$")
# "6 : 30", as texts have it that were cut into words; but "article 2 : 30 jours" is French.
_SPACED_COLON = re.compile(r"(?<=\d) : (?=[0-5]\d\b\s*(?P<behind>[^\W\d_]*))")
_BETWEEN_NAMES = frozenset(
    {"of", "and", "the", "for", "de", "der", "des", "du", "für", "und", "et", "y", "di", "do", "da"}
)
# Titles, and what opens a sentence before a name: "Contact Anna Schmidt", "Alle Externen".
_NO_NAMES = frozenset(
    "mr mrs ms dr prof herr herrn frau mme madame monsieur unlike since during contact currently via call email see "
    "before after under within without until while because although only even additionally note use visit write send "
    "check notify inform alle allen aller alles neue neuen neuer neues externe externen interne internen jede jeden "
    "jeder jedes laut bei pro sämtliche viele einige beide mehrere c'est".split()
)
_PLAIN_SIGNS = str.maketrans({"\u2011": "-", "’": "'"})
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n•*\-–|>]|\d[.)])[\s\"'“‘(\[*_#]{0,6}\Z")


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one text. `names` are single words: a name of two words is two facts.

    `initials` are short forms that a reader makes of names of two words or more: "usa" of "United States of America".
    """

    quantities: tuple[Quantity, ...] = ()
    dates: tuple[Date, ...] = ()
    names: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    initials: frozenset[str] = frozenset()
    weekdays: tuple[Weekday, ...] = ()
    periods: tuple[Period, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.quantities or self.dates or self.names or self.codes or self.weekdays or self.periods)

    @property
    def years(self) -> frozenset[Decimal]:
        """All numbers that may be years."""
        said = frozenset(value for quantity in self.quantities for value in quantity.values)
        dated = (reading[0] for date in self.dates for reading in date.readings if reading[0] is not None)
        return said.union(map(Decimal, dated), (Decimal(year) for period in self.periods for year in period.years))


def read_facts(text: str, *, generous: bool = False, language: str | None = None) -> Facts:
    """Return the facts of `text`; `generous` where another text is held against it. Linear in its length.

    "Almost 300" at the start of a sentence is no name with a number, but "Heron 3" there may be the one looked for. The
    "v2" of a generous text is "2" too, as in "version 2".
    `language` is the one that the text is likely in: its own words decide first.
    """
    return _read(text, language, generous=generous)


# Those of the last dozen questions: the evidence check reads each passage, and the support check again.
@lru_cache(maxsize=512)
def _read(text: str, language: str | None, *, generous: bool) -> Facts:
    language = language_of_sentence(text, language)
    every_noun = not generous and language in CAPITAL_NOUNS
    text = _SPACED_COLON.sub(_colon, unicodedata.normalize("NFKC", text).translate(_PLAIN_SIGNS))
    addresses, rest = _take_addresses(text)
    days = weekdays(rest, generous=generous)
    said = _days_said(days)
    dates, rest = take_dates(rest)
    times, rest = take_times(rest)
    periods, rest = take_periods(rest)
    codes, rest = _take_codes(rest)
    codes |= _codes_of(periods)
    versions = [number for code in codes if generous and (number := _version(code))]
    names = frozenset(_names(rest, said, every_noun=every_noun))
    codes |= frozenset((*versions, *_numbered_names(rest, said, anywhere=generous)))
    initials = frozenset(_initials(rest)) if generous else frozenset[str]()
    numbered = quantities(" ".join(versions)) if versions else ()
    numbers = (*times, *quantities(rest, generous=generous, language=language), *numbered)
    return Facts(numbers, dates, names, codes | addresses, initials, days, periods)


def count_facts(facts: Facts) -> int:
    """How many facts there are, loose numbers such as "one" left out."""
    counted = sum(quantity.text.lower() not in _LOOSE_NUMBERS for quantity in facts.quantities)
    said = _days_said(facts.weekdays)
    names = sum(not _is_day(name, said) for name in facts.names)
    return counted + len(facts.dates) + names + len(facts.codes) + len(facts.weekdays) + len(facts.periods)


def missing_facts(claimed: Facts, given: Facts, given_words: Collection[str]) -> list[str]:
    """Facts of `claimed` that the given text, with these facts and these lower-case words, does not state."""
    counted = (q for q in claimed.quantities if q.text.lower() not in _LOOSE_NUMBERS)
    missing = [
        quantity.text for quantity in counted if not _has_quantity(quantity, given) and not _apart(quantity, given)
    ]
    missing += [date.text for date in claimed.dates if not _has_date(date, given)]
    missing += _missing_days(claimed, given, given_words)
    unstated = [it for it in claimed.periods if not has_period(it, given.periods, given.dates, given.years)]
    missing += [period.text for period in unstated]
    codes = claimed.codes - _codes_of(period for period in claimed.periods if period not in unstated)
    missing += sorted(code for code in codes if code not in given_words and not _has_code(code, given))
    said = _days_said(claimed.weekdays)
    missing += _missing_names((name for name in claimed.names if not _is_day(name, said)), given, given_words)
    return missing


def _missing_names(claimed: Iterable[str], given: Facts, given_words: Collection[str]) -> Iterator[str]:
    known, prefixes = _vocabulary(frozenset(given_words))
    for name in sorted(claimed):
        parts = [name, *([] if "-" not in name else [name.replace("-", "")])]
        whole = any(part in known or stem(part) in known or part[: _prefix(part)] in prefixes for part in parts)
        if name in given.initials or (len(name) > 2 and name[:-1] in given.initials):  # "USA" for "United States"
            continue
        # "Grace-Mercy" may stand as two words, or as one.
        if not whole and not ("-" in name and all(part in known for part in name.split("-") if part)):
            yield name


def _missing_days(claimed: Facts, given: Facts, given_words: Collection[str]) -> Iterator[str]:
    """ "The Sun" is also stated by its word."""
    stated = {weekday.day for weekday in given.weekdays}
    said = ((weekday.day, weekday.text.lower()) for weekday in claimed.weekdays)
    return (word for day, word in said if day not in stated and word not in given_words)


def _days_said(days: Iterable[Weekday]) -> frozenset[str]:
    return frozenset(weekday.text.lower() for weekday in days)


def _is_day(name: str, days: Collection[str]) -> bool:
    """Whether a name is one of these days, or a range of them."""
    return all(part in days for part in name.split("-"))


def _codes_of(periods: Iterable[Period]) -> frozenset[str]:
    """What is also a code: "Q3" of "Q3 2026"."""
    found = (code for period in periods for code in _CODE.findall(period.text))
    return frozenset(code.lower() for code in found if code[0].isalpha())


def _colon(match: re.Match[str]) -> str:
    return match.group() if is_unit(match["behind"].lower()) else ":"


def _take_addresses(text: str) -> tuple[frozenset[str], str]:
    """The addresses of `text`, and `text` with blanks in their places."""
    if not has_any(folded(text), _WITHIN_ADDRESSES):
        return frozenset(), text
    found = frozenset(match.group().rstrip(".,;").lower() for match in _ADDRESS.finditer(text))
    return found, _ADDRESS.sub(blank, text)


def _take_codes(text: str) -> tuple[frozenset[str], str]:
    """The codes of `text`, and `text` with blanks in their places."""
    found: set[str] = set()

    def take(match: re.Match[str]) -> str:
        if match.re is _DOTTED and any(quantities(match.group())):  # "1.500.000"
            return match.group()
        if match.re is _CODE and _is_amount(match.group()):
            return match.group()
        found.add(match.group().lower())
        return blank(match)

    rest = _DOTTED.sub(take, _CODE.sub(take, text))
    return frozenset(found), rest


def _is_amount(code: str) -> bool:
    amount = _AMOUNT.fullmatch(code)
    behind = amount["behind"] if amount else None
    return amount is not None and (behind is None or behind.lower() in _BEHIND or is_unit(behind.lower()))


def _version(code: str) -> str | None:
    """The number of "v2.4.1", None of what is no version."""
    found = _VERSION.fullmatch(code)
    return found[1] if found else None


def _has_code(code: str, given: Facts) -> bool:
    """ "Heron3" is "Heron 3" as well, and "v2" is "version 2"."""
    numbers = {quantity.text for quantity in given.quantities}
    return (
        not given.codes.isdisjoint((code, _LETTERS_THEN_DIGITS.sub(r"\1 \2", code), _version(code)))
        or _version(code) in numbers
    )


@lru_cache(maxsize=64)
def _vocabulary(given_words: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The words with their stems, and the beginnings that inflections of a name share. An answer asks many times."""
    known = given_words | {stem(word) for word in given_words}
    return known, frozenset(word[: _prefix(word)] for word in given_words)


def _has_quantity(claimed: Quantity, given: Facts) -> bool:
    if any(_same(claimed, quantity) for quantity in given.quantities):
        return True
    if claimed.unit:
        return False
    numbers = {Decimal(part) for date in given.dates for reading in date.readings for part in reading if part}
    numbers |= {Decimal(year) for period in given.periods for year in period.years}
    for time in given.quantities:  # the 9 and the 5 of "from 9 to 5" in "9 a.m. to 5 p.m."
        numbers |= {hours for value in time.values if time.unit == "time" for hours in (value / 60, value / 60 - 12)}
    return bool(numbers & claimed.values)


def _apart(claimed: Quantity, given: Facts) -> bool:
    """Whether "12 300" may be two numbers, as in "room 12 300 people fit"."""
    parts = claimed.text.split(" ")
    numbers = {value for quantity in given.quantities for value in quantity.values}
    return len(parts) == 2 and all(part.isdecimal() and Decimal(part) in numbers for part in parts)


def _same(claimed: Quantity, given: Quantity) -> bool:
    """Whether the two may be one amount, in whatever unit: "2 weeks" in "14 days"."""
    if not claimed.unit or not given.unit or claimed.unit == given.unit:
        return bool(claimed.values & given.values)
    values = {converted(value, claimed.unit) for value in claimed.values}
    return any(converted(value, given.unit) in values for value in given.values)


def _has_date(claimed: Date, given: Facts) -> bool:
    years = given.years
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


def _names(text: str, days: Collection[str], *, every_noun: bool) -> Iterator[str]:
    """Lower-case words written like names: capitalised within a sentence, or all capitals or one of `days` anywhere.

    Where every noun has a capital, one alone is no name, but two in a row are.
    """
    matches = list(_CAPITAL.finditer(text))
    for position, match in enumerate(matches):
        if not text[match.start()].isupper():
            continue
        word = match.group().removesuffix("'s").removesuffix("’s").rstrip("'’-&")
        if len(word) < 2:
            continue
        if _is_no_name(word.lower()) and not (word.isupper() and is_unit(word.lower()) and _is_alone(text, match)):
            continue
        if word[:2] in ("I'", "I’") or _WITHIN_ADDRESS.match(text, match.end()):
            continue
        beside = (position + 1 < len(matches) and _continues_name(text, match, matches[position + 1])) or (
            every_noun and position > 0 and _continues_name(text, matches[position - 1], match)
        )
        if (
            word.isupper()
            or word.lower() in days
            or beside
            or not (every_noun or _starts_sentence(text, match.start()))
        ):
            yield word.lower()


def _is_alone(text: str, match: re.Match[str]) -> bool:
    """Whether no number stands beside it: "ML" is millilitres only then."""
    return not any(character.isdigit() for character in text[max(0, match.start() - 2) : match.end() + 2])


def _initials(text: str) -> Iterator[str]:
    """ "United States of America" gives "us" and "usa"; small words between count for nothing."""
    run, end = "", -1
    for match in _CAPITAL.finditer(text):
        goes_on = end == match.start() - 1
        if goes_on and match.group().lower() in _BETWEEN_NAMES:
            end = match.end()
            continue
        first = text[match.start()]
        if not first.isupper():
            run, end = "", -1
            continue
        run = (run if goes_on else "")[-5:] + first.lower()
        end = match.end()
        yield from (run[start:] for start in range(len(run) - 1))


def _numbered_names(text: str, days: Collection[str], *, anywhere: bool) -> Iterator[str]:
    """ "Heron 4", "Phase 2": a name with a number that is neither an amount nor a year, as one fact."""
    for match in _NUMBERED_NAME.finditer(text):
        amount = match["unit"] and counts(match["unit"].lower())
        name = match["name"].lower()  # and no day, as in "Sun 9"
        if amount or name in STOP_WORDS or name in days or is_unit(name):
            continue
        if anywhere or not _starts_sentence(text, match.start()):
            yield f"{name} {match['number']}"


def _starts_sentence(text: str, position: int) -> bool:
    return _SENTENCE_START.search(text, max(0, position - 12), position) is not None


def _continues_name(text: str, first: re.Match[str], second: re.Match[str]) -> bool:
    between = text[first.end() : second.start()]
    words = (first.group(), second.group())
    return between == " " and all(word[:1].isupper() and not _is_no_name(word.lower()) for word in words)


def _is_no_name(word: str) -> bool:
    return word in STOP_WORDS or word in _NO_NAMES or counts(word) or bool(number_values(word))
