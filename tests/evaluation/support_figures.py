"""Measuring the support check on the labelled set, and the figures of it. Knows nothing of documents or kept scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.reading import EmbedTexts
from retrieval.support import SupportCheck, Verdict
from retrieval.types import SentenceStatus, Source
from tests.evaluation.fitting import Array, auroc
from tests.evaluation.support_set import KINDS, VERBATIM, Case, letters

# Reasons that no fact or denial gave.
NO_RULE = ("the cited passage does not say this", "does not follow from the cited passage", "cites no source")


@dataclass(frozen=True, slots=True)
class Judged:
    """A case with what the check said of it."""

    case: Case
    verdict: Verdict

    @property
    def refused(self) -> bool:
        return self.verdict.status is SentenceStatus.UNSUPPORTED

    @property
    def rules(self) -> bool:
        """Whether it was refused for a fact or a denial."""
        return self.refused and self.verdict.reason not in NO_RULE

    @property
    def support(self) -> float:
        """1 where the check found no claim, since nothing keeps such a sentence back."""
        return 1.0 if self.verdict.status is SentenceStatus.NO_CLAIM else self.verdict.support


def judge(cases: Sequence[Case], embed: EmbedTexts) -> Iterator[Judged]:
    """Hold each sentence against its passages, all of them cited, as generated answers are checked."""
    sources: tuple[Source, ...] = ()
    check = SupportCheck(sources, embed)
    passages = None
    for case in cases:
        if case.passages is not passages:
            passages, sources = case.passages, case.sources()
            check = SupportCheck(sources, embed)
        yield Judged(case, check.check(case.sentence, [source.number for source in sources]))


def of_kind(judged: Sequence[Judged], *kinds: str) -> list[Judged]:
    return [one for one in judged if one.case.kind in kinds]


def share_refused(judged: Sequence[Judged]) -> float:
    return float(np.mean([one.refused for one in judged])) if judged else 0.0


def supports(judged: Sequence[Judged]) -> Array:
    return np.array([one.support for one in judged])


def area(true: Sequence[Judged], false: Sequence[Judged]) -> float:
    """AUROC of the support for telling true sentences from false ones."""
    labels = np.r_[np.ones(len(true)), np.zeros(len(false))]
    return auroc(np.r_[supports(true), supports(false)], labels)


def found_at(true: Sequence[Judged], some: Sequence[Judged], false_alarms: float) -> float:
    """Share of `some` refused by a threshold under which so many of the true ones are, those by rule counted."""
    allowed = int(false_alarms * len(true)) - sum(one.rules for one in true)
    threshold = np.sort(supports([one for one in true if not one.rules]))[max(0, allowed)]
    return float(np.mean([one.rules or one.support < threshold for one in some]))


def measured(judged: Sequence[Judged]) -> dict[str, float]:
    """What is kept and compared: shares refused by kind, AUROC by kind and over all, and what the quotes are worth."""
    true, false = [j for j in judged if j.case.true], [j for j in judged if not j.case.true]
    found = {f"{kind}, found": share_refused(of_kind(judged, kind)) for kind in KINDS}
    found |= {f"{kind}, AUROC": area(true, of_kind(judged, kind)) for kind in KINDS}
    exact, close = quotes(of_kind(judged, VERBATIM))
    whole = {
        "true sentences let through": 1.0 - share_refused(true),
        "AUROC over all": area(true, false),
        "quote has the sentence": exact,
        "share of the quote that is the sentence": close,
    }
    return {name: round(value, 4) for name, value in (whole | found).items()}


def quotes(verbatim: Sequence[Judged]) -> tuple[float, float]:
    """For sentences that a passage has word by word: how often the first quote has all of it, and how much else."""
    has, share = [], []
    for one in verbatim:
        said = letters(one.case.sentence)
        quoted = [letters(citation.quote) for citation in one.verdict.citations]
        inside = [len(said) / len(quote) for quote in quoted if said in quote]
        has.append(bool(inside))
        share += inside[:1]
    return float(np.mean(has)), float(np.mean(share))


def dangling(judged: Sequence[Judged]) -> int:
    """Citations whose quote is not what their source has at that place."""
    wrong = 0
    for one in judged:
        if one.verdict.citations:
            texts = {source.number: source for source in one.case.sources()}
            wrong += sum(
                citation.source not in texts
                or texts[citation.source].text[citation.start : citation.end] != citation.quote
                for citation in one.verdict.citations
            )
    return wrong


def by_question(judged: Sequence[Judged]) -> dict[str, float]:
    """Of each question: the mean of its true sentences let through and of its false ones refused."""
    questions: dict[str, list[Judged]] = {}
    for one in judged:
        questions.setdefault(one.case.question, []).append(one)
    return {name: round(_balanced(found), 3) for name, found in sorted(questions.items())}


def _balanced(judged: Sequence[Judged]) -> float:
    true = [not one.refused for one in judged if one.case.true]
    false = [one.refused for one in judged if not one.case.true]
    return float(np.mean([np.mean(part) for part in (true, false) if part]))
