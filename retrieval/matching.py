"""Where in a source a claim comes nearest to what is said, and what speaks for it there.

Knows nothing of verdicts or citations. The best place is a run of one to three of the source's sentences, near in words
and in meaning; `weights/support.json` (tests/evaluation/train_support.py) makes one figure of the signals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrieval.binding import Words, misplaced, read_words
from retrieval.facts import Facts, missing_facts, read_facts
from retrieval.languages import language_of
from retrieval.logistic import load_weights
from retrieval.reading import EmbedTexts, Vectors, unit_spans
from retrieval.terms import coverage, inverse_document_frequency, terms, words
from retrieval.types import Source

SIGNALS = ("weakest_part", "cosine", "other_number", "other_name")
MODEL = load_weights("support", SIGNALS)
MAX_QUOTE_UNITS = 3
# A unit must add this share of the claim's terms to be quoted too.
WORTH_QUOTING = 0.08
# Terms in a row: a claim half of which stands elsewhere has a part like this that the quote lacks.
PART = 5


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for a claim at its best place in a source, every one in [0, 1] but for the cosine.

    weakest_part: the least share of any few of the claim's terms in a row that the quote has, by rarity. cosine: of the
    claim and the nearest sentence. other_number and other_name: how much better another one fits where the claim has
    its own, in all the sources that it is held against.
    """

    weakest_part: float
    cosine: float
    other_number: float
    other_name: float

    @property
    def row(self) -> tuple[float, ...]:
        return tuple(getattr(self, name) for name in SIGNALS)


class Claim:
    """A sentence without markers, read once however many sources it is held against."""

    def __init__(self, text: str, vector: Vectors, language: str | None) -> None:
        self.text = text
        self.vector = vector
        self.in_order = terms(text)
        self.terms = frozenset(self.in_order)
        self.words = read_words(text)
        self.facts = read_facts(text, language=language)


class Passage:
    """A source taken apart, once an answer."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.spans = unit_spans(source.text)
        self.terms = [frozenset(terms(source.text[start:end])) for start, end in self.spans]
        heading = "\n".join((source.title, *source.heading_path))
        self.context = frozenset(terms(heading))
        self._whole = f"{heading}\n{source.text}"

    @cached_property
    def facts(self) -> Facts:
        return read_facts(self._whole, generous=True)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(words(self._whole))

    @cached_property
    def units(self) -> list[Words]:
        return [read_words(self.source.text[start:end]) for start, end in self.spans]

    @cached_property
    def language(self) -> str | None:
        return language_of(self.source.text)

    def text(self, first: int, last: int) -> str:
        return self.source.text[self.spans[first][0] : self.spans[last][1]]

    def quoted(self, first: int, last: int) -> frozenset[str]:
        """Terms of the units from `first` to `last`, of the title and of the headings."""
        return self.context.union(*self.terms[first : last + 1])

    def lacks(self, facts: Facts) -> list[str]:
        """Those of `facts` that it does not state."""
        return missing_facts(facts, self.facts, self.words)


@dataclass(frozen=True, slots=True)
class Match:
    """The best run of one source's units for a claim: from `first` to `last`, with what speaks for it."""

    passage: Passage
    first: int
    last: int
    signals: Signals
    support: float

    @property
    def quote(self) -> str:
        return self.passage.text(self.first, self.last)


class Matcher:
    """Finds the place of a claim in each source of one answer. Blocks while it embeds, a source once."""

    def __init__(self, sources: Sequence[Source], embed: EmbedTexts) -> None:
        self.passages: Mapping[int, Passage] = {source.number: Passage(source) for source in sources}
        self._embed = embed
        self._vectors: dict[int, Vectors] = {}
        self.weights = inverse_document_frequency(unit for p in self.passages.values() for unit in p.terms)

    @cached_property
    def language(self) -> str | None:
        """That of the sources together."""
        return language_of("\n".join(passage.source.text[:400] for passage in self.passages.values()))

    def read_ahead(self, numbers: Sequence[int]) -> None:
        """Take these sources apart and embed them now, so that the first claim need not wait for that."""
        for number in numbers:
            passage = self.passages.get(number)
            if passage is not None and passage.spans:
                _ = passage.facts, passage.words, passage.units, passage.language, self._unit_vectors(number)
        _ = self.language

    def claim(self, text: str) -> Claim:
        return Claim(text, self._embed([text])[0], self.language)

    def matches(self, claim: Claim, numbers: Sequence[int]) -> list[Match]:
        """The best place in each of these sources that has text. What fits better is looked for in all of them."""
        passages = {number: self.passages[number] for number in numbers if self.passages[number].spans}
        units = [unit for passage in passages.values() for unit in passage.units]
        topic = frozenset[str]().union(*(passage.context for passage in passages.values()))
        others = misplaced(claim.words, units, self.weights, topic=topic)
        return [self._match(claim, number, others) for number in passages]

    def _match(self, claim: Claim, number: int, others: tuple[float, float]) -> Match:
        passage = self.passages[number]
        cosines = self._unit_vectors(number) @ claim.vector
        first, last = self._run(claim, passage, cosines)
        quoted = passage.quoted(first, last)
        parts = [claim.in_order[i : i + PART] for i in range(max(1, len(claim.in_order) - PART + 1))]
        signals = Signals(
            weakest_part=min(coverage(part, quoted, self.weights) for part in parts),
            cosine=float(cosines[first : last + 1].max()),
            other_number=others[0],
            other_name=others[1],
        )
        return Match(passage, first, last, signals, float(MODEL.probabilities([signals.row])[0]))

    def _share(self, claim: Claim, found: frozenset[str]) -> float:
        """Of the claim's terms, by rarity."""
        return coverage(claim.terms, found, self.weights)

    def _run(self, claim: Claim, passage: Passage, cosines: Vectors) -> tuple[int, int]:
        scores = [0.5 * self._share(claim, t) + 0.5 * float(c) for t, c in zip(passage.terms, cosines, strict=True)]
        first = last = int(np.argmax(scores))
        while last - first + 1 < MAX_QUOTE_UNITS:
            have = passage.quoted(first, last)
            gains = [
                (self._share(claim, have | passage.terms[i]) - self._share(claim, have), i)
                for i in (first - 1, last + 1)
                if 0 <= i < len(passage.spans)
            ]
            gain, i = max(gains, default=(0.0, -1))
            if gain < WORTH_QUOTING:
                break
            first, last = min(first, i), max(last, i)
        return first, last

    def _unit_vectors(self, number: int) -> Vectors:
        if number not in self._vectors:
            passage = self.passages[number]
            self._vectors[number] = self._embed([passage.source.text[start:end] for start, end in passage.spans])
        return self._vectors[number]
