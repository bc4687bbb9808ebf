"""Does the cited passage say what the sentence says, and where exactly?

Knows nothing of streams or models' prompts. Three questions to each sentence: do its numbers, dates, names and codes
stand in the source; does the source not deny it; and does a run of one to three of the source's sentences come near
enough in words and in meaning (`weights/support.json`, by tests/evaluation/train_support.py). That run is the quote.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrieval.citations import without_markers
from retrieval.facts import Facts, missing_facts, read_facts
from retrieval.logistic import load_weights
from retrieval.polarity import contradiction
from retrieval.reading import EmbedTexts, Vectors, unit_spans
from retrieval.terms import coverage, inverse_document_frequency, terms, words
from retrieval.types import Citation, SentenceStatus, Source

SIGNALS = ("words_in_quote", "words_in_source", "cosine")
_MODEL = load_weights("support", SIGNALS)
MAX_QUOTE_UNITS = 3
# A heading or a lead-in of more terms than this says something.
FEW_TERMS = 8
# A unit must add this share of the sentence's terms to be quoted too.
WORTH_QUOTING = 0.08

_ADMISSION = re.compile(
    r"\b(?:sources?|documents?|passages?|context|excerpts?|information)\b.{0,80}?"
    r"\b(?:do not|does not|don['’]t|doesn['’]t|did not|cannot|no|not)\b"
    r".{0,40}?\b(?:mention|contain|say|specif|provid|includ|state|answer|cover|indicat|available|found|address|detail|give)|"
    r"\bI (?:do not|don['’]t|cannot|can['’]t|could not|couldn['’]t|am (?:not able|unable))\b.{0,30}?"
    r"\b(?:know|find|have|answer|determine|tell|say|provide|see)|"
    r"\b(?:no|not any|not enough|insufficient) (?:specific |further |relevant )?(?:information|evidence|details?)\b|"
    r"\bNO_ANSWER\b",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^[\s\-*•–#>]{0,8}(?:\d{1,3}[.)]\s)?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found: the status, the citations that hold, best first, and what is wrong, for `explain`."""

    status: SentenceStatus
    citations: tuple[Citation, ...] = ()
    reason: str = ""


def admits_ignorance(sentence: str) -> bool:
    """Whether the sentence says that the sources do not answer: no claim, and alone a refusal."""
    return _ADMISSION.search(sentence) is not None


def claims_something(sentence: str) -> bool:
    """Whether the sentence says something that a source must support; a question, a heading or a lead-in does not."""
    plain = _LEADING.sub("", without_markers(sentence)).strip(" *_")
    found = terms(plain)
    if not found or plain.endswith("?"):
        return False
    if admits_ignorance(plain):
        return bool(read_facts(plain).quantities)
    announces = plain.endswith(":") or sentence.lstrip().startswith("#")
    return not (announces and len(found) <= FEW_TERMS and not read_facts(plain).quantities)


class _Passage:
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
    def words(self) -> set[str]:
        return set(words(self._whole))

    def text(self, first: int, last: int) -> str:
        return self.source.text[self.spans[first][0] : self.spans[last][1]]


@dataclass(frozen=True, slots=True)
class _Match:
    """The best run of one source's units for a sentence: from `first` to `last`, with what speaks for it."""

    passage: _Passage
    first: int
    last: int
    signals: tuple[float, float, float]
    support: float


class SupportCheck:
    """Checks the sentences of one answer against its sources. Blocks while it embeds: about 10 ms a sentence."""

    def __init__(self, sources: Sequence[Source], embed: EmbedTexts, *, threshold: float | None = None) -> None:
        self._passages = {source.number: _Passage(source) for source in sources}
        self._embed = embed
        self._threshold = _MODEL.thresholds["supported"] if threshold is None else threshold
        self._vectors: dict[int, Vectors] = {}
        self._weights = inverse_document_frequency(unit for p in self._passages.values() for unit in p.terms)

    def check(self, sentence: str, cited: Sequence[int]) -> Verdict:
        """Judge `sentence` (with or without its markers) by the sources it cites.

        Where those do not support it, all other sources are tried: a right sentence with a wrong or missing number is
        given the right one. Citations of an unsupported sentence are those it came with.
        """
        if not claims_something(sentence):
            return Verdict(SentenceStatus.NO_CLAIM)
        claim = _LEADING.sub("", without_markers(sentence))
        vector = self._embed([claim])[0]
        known = [number for number in dict.fromkeys(cited) if number in self._passages]
        matches = [match for number in known if (match := self._match(claim, vector, number))]
        reason = self._fault(claim, matches) if matches else "cites no source"
        if not reason:
            return Verdict(SentenceStatus.SUPPORTED, self._citations(claim, matches))
        others = [match for n in self._passages if n not in known and (match := self._match(claim, vector, n))]
        for match in sorted(others, key=lambda m: -m.support):
            if match.support >= self._threshold and not self._fault(claim, [match]):
                return Verdict(SentenceStatus.SUPPORTED, (_citation(match),))
        return Verdict(SentenceStatus.UNSUPPORTED, tuple(_citation(match) for match in matches), reason)

    def signals(self, sentence: str, number: int) -> tuple[float, float, float] | None:
        """The signals of `sentence` for one source: what the training script reads."""
        claim = _LEADING.sub("", without_markers(sentence))
        match = self._match(claim, self._embed([claim])[0], number)
        return match.signals if match else None

    def fault(self, sentence: str, number: int) -> str:
        """What is wrong with `sentence` by one source's facts and denials alone; "" for nothing."""
        claim = _LEADING.sub("", without_markers(sentence))
        match = self._match(claim, self._embed([claim])[0], number)
        return self._factual_fault(claim, [match]) if match else "no text"

    def _match(self, claim: str, vector: Vectors, number: int) -> _Match | None:
        passage = self._passages[number]
        if not passage.spans:
            return None
        wanted = frozenset(terms(claim))
        cosines = self._unit_vectors(number) @ vector
        scores = [
            0.5 * coverage(wanted, t, self._weights) + 0.5 * float(c)
            for t, c in zip(passage.terms, cosines, strict=True)
        ]
        first = last = int(np.argmax(scores))
        while last - first + 1 < MAX_QUOTE_UNITS:
            have = passage.context.union(*passage.terms[first : last + 1])
            gains = [
                (coverage(wanted, have | passage.terms[i], self._weights) - coverage(wanted, have, self._weights), i)
                for i in (first - 1, last + 1)
                if 0 <= i < len(passage.spans)
            ]
            gain, i = max(gains, default=(0.0, -1))
            if gain < WORTH_QUOTING:
                break
            first, last = min(first, i), max(last, i)
        quoted = passage.context.union(*passage.terms[first : last + 1])
        signals = (
            coverage(wanted, quoted, self._weights),
            coverage(wanted, passage.context.union(*passage.terms), self._weights),
            float(cosines[first : last + 1].max()),
        )
        return _Match(passage, first, last, signals, float(_MODEL.probabilities([signals])[0]))

    def _unit_vectors(self, number: int) -> Vectors:
        if number not in self._vectors:
            passage = self._passages[number]
            self._vectors[number] = self._embed([passage.source.text[start:end] for start, end in passage.spans])
        return self._vectors[number]

    def _fault(self, claim: str, matches: Sequence[_Match]) -> str:
        """What is wrong with `claim` by all `matches` together, "" for nothing."""
        if max(match.support for match in matches) < self._threshold:
            wanted = frozenset(terms(claim))
            together = frozenset[str]().union(*(self._quoted(match) for match in matches))
            # Two sources may each support a half.
            if len(matches) < 2 or coverage(wanted, together, self._weights) < _MODEL.thresholds["together"]:
                return "the cited passage does not say this"
        return self._factual_fault(claim, matches)

    def _factual_fault(self, claim: str, matches: Sequence[_Match]) -> str:
        claimed = read_facts(claim)
        missing: set[str] | None = None
        for match in matches:
            absent = set(missing_facts(claimed, match.passage.facts, match.passage.words))
            missing = absent if missing is None else missing & absent
        if missing:
            return "not in the cited passage: " + ", ".join(sorted(missing))
        best = max(matches, key=lambda match: match.support)
        return contradiction(claim, best.passage.text(best.first, best.last)) or ""

    def _quoted(self, match: _Match) -> frozenset[str]:
        return match.passage.context.union(*match.passage.terms[match.first : match.last + 1])

    def _citations(self, claim: str, matches: Sequence[_Match]) -> tuple[Citation, ...]:
        """Those of `matches` that support the claim, or add a fact that the best of them lacks."""
        ranked = sorted(matches, key=lambda match: -match.support)
        claimed = read_facts(claim)
        left = set(missing_facts(claimed, ranked[0].passage.facts, ranked[0].passage.words))
        kept = [ranked[0]]
        for match in ranked[1:]:
            absent = set(missing_facts(claimed, match.passage.facts, match.passage.words))
            if match.support >= self._threshold or left - absent:
                kept.append(match)
                left &= absent
        return tuple(_citation(match) for match in kept)


def _citation(match: _Match) -> Citation:
    source = match.passage.source
    start, end = match.passage.spans[match.first][0], match.passage.spans[match.last][1]
    return Citation(
        source=source.number,
        document_id=source.document_id,
        version=source.version,
        start=source.start + start,
        end=source.start + end,
        quote=source.text[start:end],
        support=round(match.support, 4),
    )
