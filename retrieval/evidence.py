"""Whether the hits of a question hold an answer to it: a calibrated decision, taken before any model is asked.

Knows nothing of prompts or answers. Each hit is weighed by plain signals and a logistic model (`weights/evidence.json`,
made by tests/evaluation/train_evidence.py); the best hit speaks for all.
"""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from typing import TypeVar

import numpy as np

from retrieval.facts import Facts, count_facts, missing_facts, read_facts
from retrieval.logistic import load_weights, sigmoid
from retrieval.reading import Reading
from retrieval.terms import coverage, words
from retrieval.types import Hit

T = TypeVar("T")


class Strictness(StrEnum):
    """How much evidence an answer needs: strict refuses more."""

    STRICT = "strict"
    BALANCED = "balanced"
    LENIENT = "lenient"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What speaks for one hit before its sentences are embedded.

    passage: cosine of the question to the whole chunk. novelty: share of the question's terms that title and headings
    do not cover already and the best sentence does, weighted by rarity. heading: share of the question's terms that
    title and headings cover; what makes a passage near by these alone says less. missing_facts: share of the
    question's names, numbers and dates that the hit lacks; 1 where it lacks a code ("INC-1077", "Heron 4").
    """

    passage: float
    novelty: float
    heading: float
    missing_facts: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for one hit: the cosine of the question to its nearest sentence, and what did before."""

    sentence: float
    passage: float
    novelty: float
    heading: float
    missing_facts: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """How sure we are that the hits answer the question: `sufficiency` in [0, 1], and the logit of each hit."""

    sufficiency: float
    logits: tuple[float, ...]
    signals: tuple[Signals, ...]

    def suffices(self, strictness: Strictness) -> bool:
        """Whether to answer at all."""
        return self.sufficiency >= threshold(strictness)


_MODEL = load_weights("evidence", [field.name for field in fields(Signals)])

_ASKS = (
    (re.compile(r"\b(?:when|what (?:year|date|day|time)|wann|quand|cuándo|quando|by what date)\b", re.I), "time"),
    (re.compile(r"\bhow (?:many|much|long|far|old|often|high|tall|big|large|soon|late|early)\b", re.I), "amount"),
    (re.compile(r"\b(?:what percentage|wie ?viele?|combien|cuántos?|cuántas?|quant[ioae])\b", re.I), "amount"),
    (re.compile(r"\b(?:who|whom|whose|wer|wem|quién|chi)\b", re.I), "person"),
    (re.compile(r"\b(?:where|wo|dónde|dove|onde)\b", re.I), "place"),
)


def threshold(strictness: Strictness) -> float:
    """The sufficiency from which on a question is answered."""
    return _MODEL.thresholds[strictness.value]


def weigh(reading: Reading, prospects: Sequence[Prospect] | None = None) -> Evidence:
    """Weigh the hits of `reading`; without hits the sufficiency is 0. `prospects`, where they are known already."""
    if not reading.units:
        return Evidence(0.0, (), ())
    signals = hit_signals(reading, prospects)
    logits = _MODEL.logits([astuple(signal) for signal in signals])
    return Evidence(sigmoid(float(logits.max())), tuple(logits.tolist()), tuple(signals))


def hit_signals(reading: Reading, prospects: Sequence[Prospect] | None = None) -> list[Signals]:
    """Return the signals of each hit, in order. Also what the training script reads."""
    nearest = [0.0] * len(reading.hits)
    for unit, cosine in zip(reading.units, reading.cosines.tolist(), strict=True):
        nearest[unit.hit] = max(nearest[unit.hit], cosine)
    before = hit_prospects(reading) if prospects is None else prospects
    return [Signals(cosine, *astuple(prospect)) for cosine, prospect in zip(nearest, before, strict=True)]


def hit_prospects(reading: Reading) -> list[Prospect]:
    """Return what speaks for each hit, in order; of `reading` no vectors are needed."""
    known = [hit.dense_score for hit in reading.hits if hit.dense_score is not None]
    asked = read_facts(reading.question)
    prospects = []
    for index, hit in enumerate(reading.hits):
        members = [unit for unit in reading.units if unit.hit == index]
        rest = reading.question_terms - reading.context[index]
        prospects.append(
            Prospect(
                # A hit that only BM25 found is no nearer than the last that the dense search did.
                passage=hit.dense_score if hit.dense_score is not None else min(known, default=0.0),
                novelty=max((coverage(rest, unit.terms, reading.weights) for unit in members), default=0.0),
                heading=coverage(reading.question_terms, reading.context[index], reading.weights),
                missing_facts=_missing(asked, hit),
            )
        )
    return prospects


def answer_type(question: str) -> str:
    """What `question` asks for: "time", "amount", "person", "place" or "other"."""
    return next((kind for pattern, kind in _ASKS if pattern.search(question)), "other")


def closest(evidence: Evidence, of_each_hit: Sequence[T], count: int) -> list[T]:
    """Of the hits, or of what stands for each of them, the `count` with the most evidence, best first."""
    order = np.argsort([-logit for logit in evidence.logits], kind="stable")[:count]
    return [of_each_hit[i] for i in order]


def _missing(asked: Facts, hit: Hit) -> float:
    if not asked:
        return 0.0
    text = "\n".join((hit.document.title, *hit.chunk.heading_path, hit.chunk.text))
    missing = missing_facts(asked, read_facts(text, generous=True), set(words(text)))
    return 1.0 if asked.codes.intersection(missing) else len(missing) / max(1, count_facts(asked))
