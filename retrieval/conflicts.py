"""Sources that say different things of one matter: "25 days" here, "28 days" there. By rule, from what was read anyway.

Knows nothing of how an answer is worded before it is told which sentences it is made of. Two sentences of different
documents disagree where they are near in meaning and in words, name the same things, and give values of one kind that
cannot both hold. A sentence that gives both values disagrees with neither.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from retrieval.dates import Date
from retrieval.facts import Facts, read_facts
from retrieval.languages import language_of_sentence
from retrieval.quantities import Quantity
from retrieval.reading import Reading, Unit
from retrieval.terms import STOP_WORDS, coverage, stem, words

# Cosine of the two sentences, and the share of the words of either, without its numbers, that the other one has too.
NEAR = 0.72
ALIKE = 0.5
SAME = 0.85
# How much of what the question asks about either sentence must have, against the other one.
AS_RELEVANT = 0.8
# More would be a list of the sources' differences, and no answer.
MOST = 2
_WORD_BEHIND = re.compile(r"[ -]([^\W\d_]{2,20})")
_LABELLED = re.compile(r"([^\W\d_]{2,20}) \Z")
_WORD_BEFORE = re.compile(r"([^\W\d_]{2,20})[ :]{1,2}\Z")
_UNIT_BEHIND = re.compile(r"[ -]?(?:[%€$£¥]|°[CF]|[^\W\d_]{1,20})")

# "4.2.1 Full-time employees": what a sentence is numbered by is nothing that it names.
_ENUMERATOR = re.compile(r"\A\d+(?:\.\d+){1,5}\.?(?= )")

_NOTES = {
    "english": ("The sources do not agree: {values}.", "{number} is the newer one", "{number} has been superseded"),
    "german": ("Die Quellen widersprechen sich: {values}.", "{number} ist neuer", "{number} ist überholt"),
    "french": ("Les sources ne concordent pas : {values}.", "{number} est plus récente", "{number} est remplacée"),
    "spanish": ("Las fuentes no coinciden: {values}.", "{number} es más reciente", "{number} está derogada"),
}


@dataclass(frozen=True, slots=True)
class Value:
    """What one unit says: `unit` is its index in the reading, `words` the value as it is written there."""

    unit: int
    words: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two units of different documents with different values of one thing. `newer`: the first is known to be."""

    first: Value
    second: Value
    newer: bool
    superseded: bool = False

    @property
    def units(self) -> tuple[int, int]:
        return self.first.unit, self.second.unit

    def note(self, reading: Reading) -> str:
        """A sentence that says so, with the numbers of its sources, in the question's language if it is one of ours."""
        language = language_of_sentence(reading.question)
        whole, newer, superseded = _NOTES.get(language, _NOTES["english"])
        numbers = [f"[{reading.units[unit].hit + 1}]" for unit in self.units]
        said = [f"{value.words} {number}" for value, number in zip((self.first, self.second), numbers, strict=True)]
        if self.superseded:
            said.append(superseded.format(number=numbers[1]))
        elif self.newer:
            said.append(newer.format(number=numbers[0]))
        return whole.format(values="; ".join(said))


def disagreements(reading: Reading, chosen: Collection[int]) -> list[Disagreement]:
    """Where another document disagrees with a unit of `chosen`, nearest first; one for each pair of documents."""
    found: dict[frozenset[str], tuple[float, Disagreement]] = {}
    facts: dict[int, Facts] = {}
    for i in chosen:
        for j in _rivals(reading, i):
            pair = frozenset(_document_of(reading, unit) for unit in (i, j))
            cosine = float(reading.vectors[i] @ reading.vectors[j])
            if pair in found and found[pair][0] >= cosine:
                continue
            for index in (i, j):
                facts.setdefault(index, read_facts(_ENUMERATOR.sub("", reading.units[index].text), generous=True))
            values = _contrary(reading.units[i], facts[i], reading.units[j], facts[j])
            if values and _same_names(reading, i, facts[i], j, facts[j]):
                found[pair] = (cosine, _disagreement(reading, Value(i, values[0]), Value(j, values[1])))
    ranked = sorted(found.values(), key=lambda entry: -entry[0])
    return [disagreement for _, disagreement in ranked[:MOST]]


def newest(chosen: Sequence[int], found: Sequence[Disagreement]) -> list[int]:
    """The units of an answer with the newer one in the place of an older one that it disagrees with."""
    kept = list(chosen)
    for disagreement in found:
        if not disagreement.newer:
            continue
        first, second = disagreement.units
        if second in kept:
            at = kept.index(second)
            kept[at : at + 1] = [] if first in kept else [first]
    return kept


def _rivals(reading: Reading, i: int) -> Iterator[int]:
    """Units of other documents that are about the same, by words and meaning, and answer the question as well."""
    one, relevance = reading.units[i], _relevance(reading, i)
    for j, other in enumerate(reading.units):
        if other.heads or _document_of(reading, i) == _document_of(reading, j):
            continue
        near = float(reading.vectors[i] @ reading.vectors[j]) >= NEAR
        if near and _likeness(one, other) >= ALIKE and _as_relevant(relevance, _relevance(reading, j)):
            yield j


def _as_relevant(one: float, other: float) -> bool:
    """Neither much less than the other one: days of leave in Portugal contradict nothing that is asked of Germany."""
    return min(one, other) >= AS_RELEVANT * max(one, other)


def _relevance(reading: Reading, i: int) -> float:
    unit = reading.units[i]
    return coverage(reading.question_terms, unit.terms | reading.context[unit.hit], reading.weights)


def _likeness(one: Unit, other: Unit) -> float:
    """The share of the words of either, without its numbers, that the other one has too."""
    a, b = (frozenset(term for term in unit.terms if not any(c.isdigit() for c in term)) for unit in (one, other))
    return len(a & b) / max(len(a), len(b)) if a and b else 0.0


def _same_names(reading: Reading, i: int, one: Facts, j: int, other: Facts) -> bool:
    """Whether each names nothing that the other one does not know: "Heron 2" and "Heron 3" are two matters."""
    mine, theirs = _labels(reading, i, one), _labels(reading, j, other)
    same = all(mine[noun] & theirs[noun] for noun in mine.keys() & theirs.keys())
    return same and _known(one, reading, j) and _known(other, reading, i)


def _labels(reading: Reading, i: int, facts: Facts) -> dict[str, set[str]]:
    """The numbers by which a sentence's own title, headings or question call something, "room 12", by that noun."""
    text = reading.units[i].text
    hit = reading.hits[reading.units[i].hit]
    around = "\n".join((hit.document.title, *hit.chunk.heading_path, reading.question)).lower()
    labels: dict[str, set[str]] = defaultdict(set)
    for quantity in facts.quantities:
        place = _place(text, quantity)
        before = _LABELLED.search(text, max(0, place[0] - 24), place[0]) if place else None
        if before and re.search(rf"\b{before.group(1).lower()}\W{re.escape(quantity.text.lower())}\b", around):
            labels[before.group(1).lower()].add(quantity.text)
    return labels


def _known(facts: Facts, reading: Reading, j: int) -> bool:
    hit = reading.hits[reading.units[j].hit]
    around = set(words("\n".join((hit.chunk.headed(hit.document.title), reading.question))))
    codes = read_facts(hit.chunk.headed(hit.document.title), generous=True).codes
    return facts.names <= around and facts.codes <= codes | around


def _contrary(one: Unit, a: Facts, other: Unit, b: Facts) -> tuple[str, str] | None:
    """The two values, as written, of a kind that both sentences give and give differently.

    Of sentences that are the same otherwise a single value that differs is enough. Others may each speak of a matter
    of their own besides, so all values of the kind must.
    """
    same = _likeness(one, other) >= SAME
    mine, theirs = _by_kind(one.text, a.quantities), _by_kind(other.text, b.quantities)
    for kind in sorted(mine.keys() & theirs.keys()):
        if not kind and not same:
            continue
        left, right = _unmatched(mine[kind], theirs[kind]), _unmatched(theirs[kind], mine[kind])
        all_of_them = len(left) == len(mine[kind]) == len(right) == len(theirs[kind])
        if left and right and (same or all_of_them):
            return _written(one.text, left[0]), _written(other.text, right[0])
    days = [date for date in a.dates if not any(_may_be_one(date, y) for y in b.dates)]
    others = [date for date in b.dates if not any(_may_be_one(date, x) for x in a.dates)]
    if days and others and (same or len(days) == len(a.dates) == len(others) == len(b.dates)):
        return days[0].text.rstrip("."), others[0].text.rstrip(".")
    return None


def _unmatched(mine: Sequence[Quantity], theirs: Sequence[Quantity]) -> list[Quantity]:
    values = {value for quantity in theirs for value in quantity.values}
    return [quantity for quantity in mine if not quantity.values & values]


def _by_kind(text: str, quantities: Iterable[Quantity]) -> dict[str, list[Quantity]]:
    """Quantities by what they are of: their unit, else the noun behind them, else the one before, else ""."""
    kinds: dict[str, list[Quantity]] = defaultdict(list)
    for quantity in quantities:
        kinds[quantity.unit or _noun(text, _place(text, quantity))].append(quantity)
    return kinds


def _place(text: str, quantity: Quantity) -> tuple[int, int] | None:
    """Where the number stands by itself: "5" is not in "15"."""
    found = re.search(rf"(?<!\w){re.escape(quantity.text)}(?!\w*\d)", text.replace("’", "'"))
    return found.span() if found else None


def _noun(text: str, place: tuple[int, int] | None) -> str:
    if place is None:
        return ""
    start, end = place
    behind, before = _WORD_BEHIND.match(text, end), _WORD_BEFORE.search(text, max(0, start - 24), start)
    return _noun_at(behind) or _noun_at(before)


def _noun_at(found: re.Match[str] | None) -> str:
    word = found.group(1).lower() if found else ""
    return "" if word in STOP_WORDS else stem(word)


def _may_be_one(one: Date, other: Date) -> bool:
    """Whether the dates agree in all that both of them say."""
    return any(
        all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))
        for a in one.readings
        for b in other.readings
    )


def _written(text: str, quantity: Quantity) -> str:
    """The number with its unit, as the sentence has them."""
    place = _place(text, quantity)
    if place is None or quantity.unit == "time":
        return quantity.text
    at, end = place
    before = text[at - 1 : at] if text[at - 1 : at] in ("€", "$", "£", "¥") and at else ""
    behind = _UNIT_BEHIND.match(text, end) if not before else None
    return before + quantity.text + (behind.group() if behind else "")


def _disagreement(reading: Reading, one: Value, other: Value) -> Disagreement:
    a, b = (reading.hits[reading.units[value.unit].hit] for value in (one, other))
    if a.document.superseded_by == b.document.document_id:
        return Disagreement(other, one, newer=True, superseded=True)
    if b.document.superseded_by == a.document.document_id:
        return Disagreement(one, other, newer=True, superseded=True)
    mine, theirs = a.document.modified_at, b.document.modified_at
    if mine is None or theirs is None or mine == theirs:
        return Disagreement(one, other, newer=False)
    return Disagreement(one, other, newer=True) if mine > theirs else Disagreement(other, one, newer=True)


def _document_of(reading: Reading, unit: int) -> str:
    return reading.hits[reading.units[unit].hit].document.document_id
