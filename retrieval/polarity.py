"""What a text denies, and on which side of a limit it stands.

Knows nothing of sources or citations: it says whether one text contradicts another that speaks of the same things.
Rules, not a model, and shallow ones: a word counts as denied when a negation stands a few words before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.terms import terms

_NEGATION = re.compile(
    r"\b(?:not|no|never|cannot|without|neither|nor|none|nobody|nothing|nowhere|hardly|"
    r"nicht|kein|keine|keinen|keiner|keinem|nie|niemals|ohne|pas|jamais|aucun|aucune|sans|"
    r"nunca|sin|ningún|ninguna|non|mai|senza|não|sem|nenhum)\b|n['’]t\b",
    re.IGNORECASE,
)
# Words that deny without a negation: next to one of these, a "not" in the other text may well be right.
_SOFT_NEGATION = re.compile(
    r"\b(?:prohibit|forbid|ban(?:s|ned)?\b|lack|fail|refus|exclu|except|unless|only\b|impossib|ineligib|unable|unavail|"
    r"unlike|den(?:y|ied|ies)\b|reject|avoid|instead|rather|less\b|few|little\b|rare|seldom|void|invalid|expire|lose|"
    r"verboten|interdit|prohibid|viet)",
    re.IGNORECASE,
)
_NO_DENIAL = re.compile(
    r"\bnot (?:only|just|merely|solely|necessarily)\b|\bno (?:later|earlier|more|less|fewer) than\b", re.I
)
_CLAUSE_END = re.compile(r"[,;:.!?()\n]|\b(?:but|however|although|whereas|aber|mais|pero)\b", re.IGNORECASE)
# Words after a negation that it denies.
_REACH = 4

_SIDES = tuple(
    (re.compile(rf"\b(?:{a})\b", re.IGNORECASE), re.compile(rf"\b(?:{b})\b", re.IGNORECASE))
    for a, b in (
        ("at least|minimum|no less than|not less than", "at most|maximum|up to|no more than|not more than"),
        ("more than|over|above|exceed(?:s|ing)?", "less than|under|below|fewer than"),
        ("before|prior to", "after|following"),
        (
            "increas(?:e|es|ed|ing)|ris(?:e|es|ing)|rose",
            "decreas(?:e|es|ed|ing)|reduc(?:e|es|ed|ing)|f(?:all|alls|ell)",
        ),
        ("all|every|each|always|any", "some|most|many|several|sometimes|usually|often"),
        ("optional|voluntary|may", "mandatory|compulsory|required|must"),
        ("first|earliest", "last|latest"),
    )
)


def contradiction(claim: str, passage: str) -> str | None:
    """Say how `claim` contradicts `passage`, or None. Both should speak of the same things, a sentence or two each."""
    ours, theirs = _clauses(claim), _clauses(passage)
    if _denies_alone(ours, theirs):
        return "denies what the source affirms"
    if _denies_alone(theirs, ours):
        return "affirms what the source denies"
    for one, other in _SIDES:
        for mine, opposite in ((one, other), (other, one)):
            said, stated = mine.search(claim), opposite.search(passage)
            if said and stated and not opposite.search(claim) and not mine.search(passage):
                return f'says "{said.group()}" where the source says "{stated.group()}"'
    return None


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause's terms, those of them right behind a negation, and whether it denies anything in whatever way."""

    terms: frozenset[str]
    denied: frozenset[str]
    negative: bool


def _clauses(text: str) -> list[_Clause]:
    clauses = []
    for clause in _CLAUSE_END.split(_NO_DENIAL.sub(" ", text)):
        negation = _NEGATION.search(clause)
        denied = frozenset(terms(clause[negation.end() :])[:_REACH]) if negation else frozenset()
        negative = negation is not None or _SOFT_NEGATION.search(clause) is not None
        clauses.append(_Clause(frozenset(terms(clause)), denied, negative))
    return clauses


def _denies_alone(clauses: Sequence[_Clause], others: Sequence[_Clause]) -> bool:
    """Whether one of `clauses` denies what `others` say without a trace of denial.

    Clauses are compared where they share most of their terms: a denial of something else is none of this.
    """
    for clause in clauses:
        if not clause.denied:
            continue
        nearest = max(others, key=lambda other: len(clause.terms & other.terms), default=None)
        if nearest is None or 2 * len(clause.terms & nearest.terms) < len(clause.terms):
            continue
        if clause.denied & nearest.terms and not nearest.negative:
            return True
    return False
