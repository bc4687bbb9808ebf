"""Does the cited passage say what the sentence says, and where exactly?

Knows nothing of streams or models' prompts. Three questions to each sentence: do its numbers, dates, names and codes
stand in the source; does the source not deny it; and does a run of one to three of the source's sentences come near
enough in words and in meaning (`retrieval/matching.py`), or does an entailment model say that it follows
(`retrieval/entailment.py`). That run is the quote.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.admissions import admits_ignorance
from retrieval.citations import without_markers
from retrieval.entailment import EntailmentModel
from retrieval.facts import read_facts
from retrieval.matching import MODEL, Claim, Match, Matcher, Signals
from retrieval.polarity import contradiction
from retrieval.reading import EmbedTexts
from retrieval.terms import terms
from retrieval.types import Citation, SentenceStatus, Source

# A heading or a lead-in of more terms than this says something.
FEW_TERMS = 8
# An entailment model's own threshold: it is trained to tell "follows" from "does not" at even odds.
FOLLOWS = 0.5

# A hyphen right before a number is its minus.
_LEADING = re.compile(r"^(?:[\s*•#>]|[-–](?!\d)){0,8}(?:\d{1,3}[.)]\s)?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found: the status, the citations that hold, best first, and what is wrong, for `explain`.

    `support` is in [0, 1]: how sure it is that the sources it was held against say this.
    """

    status: SentenceStatus
    citations: tuple[Citation, ...] = ()
    reason: str = ""
    support: float = 0.0


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


@dataclass(frozen=True, slots=True)
class _Finding:
    """What matches say of a claim together: how far they support it, and what is wrong, "" for nothing."""

    support: float
    reason: str


class SupportCheck:
    """Checks the sentences of one answer against its sources. Blocks while it embeds: about 20 ms a sentence."""

    def __init__(
        self,
        sources: Sequence[Source],
        embed: EmbedTexts,
        *,
        entailment: EntailmentModel | None = None,
        threshold: float | None = None,
    ) -> None:
        self._matcher = Matcher(sources, embed)
        self._entailment = entailment
        self._threshold = MODEL.thresholds["supported"] if threshold is None else threshold

    def read_ahead(self, numbers: Sequence[int]) -> None:
        """Do now what the first sentence that cites these sources would wait for. Unknown numbers do no harm."""
        self._matcher.read_ahead(numbers)

    def check(self, sentence: str, cited: Sequence[int]) -> Verdict:
        """Judge `sentence` (with or without its markers) by the sources it cites.

        Where those do not support it, all other sources are tried: a right sentence with a wrong or missing number is
        given the right one. Citations of an unsupported sentence are those it came with.
        """
        if not claims_something(sentence):
            return Verdict(SentenceStatus.NO_CLAIM)
        claim = self._matcher.claim(_LEADING.sub("", without_markers(sentence)))
        known = [number for number in dict.fromkeys(cited) if number in self._matcher.passages]
        matches = self._matcher.matches(claim, known)
        found = self._judge(claim, matches) if matches else _Finding(0.0, "cites no source")
        if not found.reason:
            return Verdict(SentenceStatus.SUPPORTED, self._citations(claim, matches), support=found.support)
        others = [n for n in self._matcher.passages if n not in known]
        alone_by = [match for number in others for match in self._matcher.matches(claim, [number])]
        best = found.support
        for match in sorted(alone_by, key=lambda m: -m.support):
            alone = self._judge(claim, [match])
            if not alone.reason:
                return Verdict(SentenceStatus.SUPPORTED, (_citation(match),), support=alone.support)
            best = max(best, alone.support)
        return Verdict(SentenceStatus.UNSUPPORTED, tuple(map(_citation, matches)), found.reason, best)

    def signals(self, sentence: str, numbers: Sequence[int]) -> tuple[list[Signals], str]:
        """What the training script reads: the signals of `sentence` by each source, and what the rules say of it."""
        claim = self._matcher.claim(_LEADING.sub("", without_markers(sentence)))
        matches = self._matcher.matches(claim, numbers)
        return [match.signals for match in matches], _factual_fault(claim, matches) if matches else ""

    def _judge(self, claim: Claim, matches: Sequence[Match]) -> _Finding:
        """What all `matches` together say of `claim`."""
        if wrong := _factual_fault(claim, matches):
            # Below what is supported, however much speaks for the rest of the sentence.
            return _Finding(0.999 * self._threshold * max(match.support for match in matches), wrong)
        best = sorted(matches, key=lambda match: -match.support)[:2]
        if self._entailment is not None:
            follows = self._entailment.follows("\n".join(match.quote for match in best), claim.text)
            if follows is not None:
                return _Finding(follows, "" if follows >= FOLLOWS else "does not follow from the cited passage")
        support = best[0].support
        return _Finding(support, "" if support >= self._threshold else "the cited passage does not say this")

    def _citations(self, claim: Claim, matches: Sequence[Match]) -> tuple[Citation, ...]:
        """Those of `matches` that support the claim, or add a fact that the best of them lacks."""
        ranked = sorted(matches, key=lambda match: -match.support)
        left = set(ranked[0].passage.lacks(claim.facts))
        kept = [ranked[0]]
        for match in ranked[1:]:
            absent = set(match.passage.lacks(claim.facts))
            if match.support >= self._threshold or left - absent:
                kept.append(match)
                left &= absent
        return tuple(_citation(match) for match in kept)


def _factual_fault(claim: Claim, matches: Sequence[Match]) -> str:
    missing = set.intersection(*(set(match.passage.lacks(claim.facts)) for match in matches))
    if missing:
        return "not in the cited passage: " + ", ".join(sorted(missing))
    signals = matches[0].signals  # what fits better was looked for in all of them together
    for other, what in ((signals.other_number, "number"), (signals.other_name, "name")):
        if other > MODEL.thresholds[f"other_{what}"]:
            return f"the cited passage has another {what} in this place"
    best = max(matches, key=lambda match: match.support)
    return contradiction(claim.text, best.quote, best.passage.source.text, language=best.passage.language) or ""


def _citation(match: Match) -> Citation:
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
