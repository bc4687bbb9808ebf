"""Ways to make a true sentence false, one fact at a time, by kind of error. Knows nothing of how a sentence is checked.

Each change takes the sentence, the text it is true by, names of other texts and a random source, and returns the false
sentence, or None where the sentence has nothing of its kind. The rules read text by themselves, with none of the code
that is measured: what that code cannot read must not be left out of what it is measured on.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence

Change = Callable[[str, str, Sequence[str], random.Random], str | None]

_MONTHS = "January February March April May June July August September October November December".split()
_MONTH = re.compile(rf"\b(?:{'|'.join(_MONTHS)})\b(?= \d|,? \d{{4}})")
_DAY = re.compile(
    rf"(?<=\b)(?P<day>\d{{1,2}})(?= (?:{'|'.join(_MONTHS)})\b)|(?:{'|'.join(_MONTHS)}) (?P<after>\d{{1,2}})\b"
)
_YEAR = re.compile(r"(?<![\w.,$€£-])(?:1[5-9]|20)\d\d(?![\w%]|[.,]\d)")
_ENUMERATOR = re.compile(r"\s*(?:\*\*)?\d{1,3}[.)]\s")
_NUMBER = re.compile(
    r"(?<![\w.,/-])\d{1,3}(?:,\d{3}){1,3}(?![\w,/-])|(?<![\w.,/-])\d{1,4}(?:\.\d{1,2})?(?![\w,/-]|\.\d)"
)
_WORDS = "two three four five six seven eight nine ten twelve fifteen twenty thirty forty fifty sixty ninety".split()
_DIGITS = dict(zip(_WORDS, "2 3 4 5 6 7 8 9 10 12 15 20 30 40 50 60 90".split(), strict=True))
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}(?:[ -](?:of |the )?[A-Z][a-z]{2,}){0,3}")
_NO_NAME = re.compile(rf"\b(?:{'|'.join(_MONTHS)}|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|The|This)\b")
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|can|may|must|should|will|could|would)\b(?! not\b|n['’]t)")
_DENIALS = (
    (re.compile(r"\bcannot\b"), "can"),
    (re.compile(r"\b(is|are|was|were|can|may|must|should|will|has|have|does|do|did|could|would) not\b"), r"\1"),
    (re.compile(r"\b(is|are|was|were|must|should|has|have|does|do|did|could|would)n['’]t\b"), r"\1"),
    (re.compile(r"\bnever\b"), "always"),
    (re.compile(r"\bwithout\b"), "with"),
)
_QUANTIFIERS: Mapping[str, Sequence[str]] = {
    "all": ("no", "few"),
    "every": ("no",),
    "each": ("no",),
    "some": ("all", "no"),
    "most": ("all", "few"),
    "many": ("few", "all"),
    "several": ("no", "all"),
    "few": ("most",),
    "no": ("all",),
    "none of": ("all of",),
    "both": ("neither",),
    "always": ("never",),
    "usually": ("always", "never"),
    "often": ("never", "always"),
    "sometimes": ("always",),
    "typically": ("always", "never"),
    "generally": ("always", "never"),
    "at least": ("at most",),
    "at most": ("at least",),
    "up to": ("at least",),
    "more than": ("less than",),
    "less than": ("more than",),
    "fewer than": ("more than",),
    "over": ("under",),
    "a maximum of": ("a minimum of",),
    "a minimum of": ("a maximum of",),
    "or more": ("or less",),
    "minimum": ("maximum",),
    "maximum": ("minimum",),
}
_QUANTIFIER = re.compile(rf"\b(?:{'|'.join(sorted(_QUANTIFIERS, key=len, reverse=True))})\b", re.IGNORECASE)
# "over" is a limit only before a number; "all over", "most of all" are no quantities.
_NO_QUANTIFIER = re.compile(
    r"over (?!\d|a |one|two|half)|at all|first of all|no longer|no\. ?\d|the most|each other|a few", re.I
)
_UNITS: Mapping[str, Sequence[str]] = {
    "seconds": ("minutes",), "minutes": ("hours", "seconds"), "hours": ("days", "minutes"), "hour": ("day",),
    "days": ("weeks", "months"), "day": ("week",), "weeks": ("days", "months"), "week": ("month",),
    "months": ("weeks", "years"), "month": ("year",), "years": ("months", "days"), "year": ("month",),
    "km": ("miles",), "kilometres": ("miles",), "kilometers": ("miles",), "miles": ("kilometres",), "mi": ("km",),
    "metres": ("feet",), "meters": ("feet",), "feet": ("metres",), "ft": ("m",), "m": ("ft",), "acres": ("hectares",),
    "million": ("billion", "thousand"), "billion": ("million",), "thousand": ("million",), "hundred": ("thousand",),
    "GB": ("MB", "TB"), "MB": ("GB",), "TB": ("GB",), "KB": ("MB",), "kg": ("pounds",), "pounds": ("kilograms",),
    "percent": ("dollars",), "dollars": ("euros",), "euros": ("dollars",), "cents": ("dollars",), "°C": ("°F",),
}  # fmt: skip
_AFTER_NUMBER = "|".join(rf"(?<={before} )" for before in (r"\d", *_WORDS))
_UNIT = re.compile(rf"(?:{_AFTER_NUMBER})(?:{'|'.join(_UNITS)})\b")
_CURRENCY = re.compile(r"[$€£](?= ?\d)")


def number_changed(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """A number that stands nowhere in the passage."""
    found = _numbers(sentence)
    if not found:
        return None
    match = rng.choice(found)
    for _ in range(20):
        other = _other_number(match.group(), rng)
        spelled = [other, *(digits for word, digits in _DIGITS.items() if word == other)]
        spelled += [word for word, digits in _DIGITS.items() if digits == other]
        if not any(re.search(rf"(?<![\w,.]){re.escape(way)}(?!\w)", f"{passage} {sentence}", re.I) for way in spelled):
            return _put(sentence, match, other)
    return None


def number_of_passage(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Another number of the same passage."""
    found = _numbers(sentence)
    others = sorted({match.group() for match in _numbers(passage)} - {match.group() for match in found})
    return _put(sentence, rng.choice(found), rng.choice(others)) if found and others else None


def date_changed(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Another day, month or year, one that the passage does not have."""
    places = [*_YEAR.finditer(sentence), *_MONTH.finditer(sentence), *_DAY.finditer(sentence)]
    if not places:
        return None
    match = rng.choice(places)
    if match.re is _MONTH:
        return _put(sentence, match, rng.choice([month for month in _MONTHS if month not in sentence]))
    if match.re is _DAY:
        start, end = match.span("day") if match["day"] else match.span("after")
        day = int(sentence[start:end])
        return f"{sentence[:start]}{rng.choice([d for d in range(1, 29) if d != day])}{sentence[end:]}"
    year = int(match.group())
    near = [str(year + step) for step in (-10, -3, -2, -1, 1, 2, 3, 10)]
    return _put(sentence, match, rng.choice([other for other in near if other not in passage] or [str(year + 100)]))


def year_of_passage(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Another year of the same passage."""
    found = list(_YEAR.finditer(sentence))
    others = sorted({match.group() for match in _YEAR.finditer(passage)} - {match.group() for match in found})
    return _put(sentence, rng.choice(found), rng.choice(others)) if found and others else None


def unit_changed(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Another unit, scale or currency with the same number."""
    places = [*_UNIT.finditer(sentence), *_CURRENCY.finditer(sentence)]
    if not places:
        return None
    match = rng.choice(places)
    if match.re is _CURRENCY:
        return _put(sentence, match, rng.choice([sign for sign in "$€£" if sign != match.group()]))
    return _put(sentence, match, rng.choice(_UNITS[match.group()]))


def name_swapped(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """A name that stands nowhere in the passage."""
    found = _names(sentence, passage)
    others = [name for name in names if not any(word in passage for word in _capitals(name))]
    return _put(sentence, rng.choice(found), rng.choice(others)) if found and others else None


def name_of_passage(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Another name of the same passage."""
    found = _names(sentence, passage)
    if not found:
        return None
    match = rng.choice(found)
    # "of the Nile" beside "the Nile" is the same; so may be two names that share a word.
    others = sorted({name for name in names_of(passage) if not any(word in sentence for word in _capitals(name))})
    return _put(sentence, match, rng.choice(others)) if others else None


def negated(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Without the "not" that it has, or else with one."""
    for denial, plain in _DENIALS:
        if denial.search(sentence):
            return denial.sub(plain, sentence, count=1)
    found = list(_AUXILIARY.finditer(sentence))
    match = rng.choice(found) if found else None
    return f"{sentence[: match.end()]} not{sentence[match.end() :]}" if match else None


def quantifier_changed(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    """More, or the opposite, of what is said; never less, which would be true as well."""
    found = [m for m in _QUANTIFIER.finditer(sentence) if not _NO_QUANTIFIER.match(sentence, max(0, m.start()))]
    found = [m for m in found if not re.search(r"\b(?:at|of|the|a|not|each|all) $", sentence[: m.start()], re.I)]
    if not found:
        return None
    match = rng.choice(found)
    other = rng.choice(_QUANTIFIERS[match.group().lower()])
    return _put(sentence, match, other.capitalize() if match.group()[0].isupper() else other)


CHANGES: Mapping[str, Change] = {
    "number changed": number_changed,
    "number of the passage": number_of_passage,
    "date changed": date_changed,
    "year of the passage": year_of_passage,
    "unit changed": unit_changed,
    "name swapped": name_swapped,
    "name of the passage": name_of_passage,
    "negated": negated,
    "quantifier changed": quantifier_changed,
}


def mixed(sentence: str, other: str) -> str | None:
    """The first half of the one and the second half of the other; None where that is too short to be false."""
    ours, theirs = sentence.split(), other.split()
    if min(len(ours), len(theirs)) < 8:
        return None
    return " ".join([*ours[: _middle(ours)], *theirs[_middle(theirs) :]])


def names_of(text: str) -> list[str]:
    """Names in `text`, without those at the start of a sentence."""
    return [match.group() for match in _names(text, text)]


def _names(text: str, passage: str) -> list[re.Match[str]]:
    """A word that the passage also has in small letters makes no name: "President", "Sometimes"."""
    small = set(re.findall(r"\b[a-z]+\b", passage))
    found = (match for match in _NAME.finditer(text) if not _NO_NAME.search(match.group()))
    return [match for match in found if not all(word.lower() in small for word in _capitals(match.group()))]


def _capitals(name: str) -> list[str]:
    return re.findall(r"[A-Z][a-z]+", name)


def _numbers(text: str) -> list[re.Match[str]]:
    """Numbers in digits or words that are neither years nor the number of a list item."""
    listed = _ENUMERATOR.match(text)
    found = [*_NUMBER.finditer(text, listed.end() if listed else 0), *_NUMBER_WORD.finditer(text)]
    dates = [match.span() for match in (*_YEAR.finditer(text), *_DAY.finditer(text))]
    return [m for m in found if not any(start <= m.start() and m.end() <= end for start, end in dates)]


def _other_number(number: str, rng: random.Random) -> str:
    if number.isalpha():
        return rng.choice([word for word in _WORDS if word != number.lower()])
    if "." in number:
        return f"{float(number) + rng.choice([0.2, 0.5, 1, 2, 3]):.{len(number.split('.')[1])}f}"
    value = int(number.replace(",", ""))
    other = value + rng.choice([1, 2, 3, 7, 10]) * 10 ** max(0, len(str(value)) - 2)
    return f"{other:,}" if "," in number else str(other)


def _put(sentence: str, match: re.Match[str], other: str) -> str:
    return sentence[: match.start()] + other + sentence[match.end() :]


def _middle(words: Sequence[str]) -> int:
    """Behind the comma nearest to the middle, if there is one near, else the middle."""
    middle = len(words) // 2
    commas = [i + 1 for i, word in enumerate(words[:-1]) if word.endswith((",", ";")) and abs(i + 1 - middle) <= 3]
    return min(commas, key=lambda i: abs(i - middle), default=middle)
