"""What a text denies, and on which side of a limit it stands.

Knows nothing of sources or citations: it says whether one text contradicts another that speaks of the same things.
Rules, not a model, and shallow ones: a word counts as denied when a negation stands a few words before it.
"""

import re

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
    claim_state, passage_state = _polarity(claim), _polarity(passage)
    shared = claim_state.keys() & passage_state.keys()
    denied = {term for term in shared if claim_state[term]}
    denied_there = {term for term in shared if passage_state[term]}
    if denied and not any(passage_state.values()) and not _SOFT_NEGATION.search(passage):
        return "denies what the source affirms"
    if denied_there and not any(claim_state.values()) and not _SOFT_NEGATION.search(claim):
        return "affirms what the source denies"
    for one, other in _SIDES:
        for ours, theirs in ((one, other), (other, one)):
            said, stated = ours.search(claim), theirs.search(passage)
            if said and stated and not theirs.search(claim) and not ours.search(passage):
                return f'says "{said.group()}" where the source says "{stated.group()}"'
    return None


def _polarity(text: str) -> dict[str, bool]:
    """Each term of `text`, and whether it is denied wherever it stands."""
    state: dict[str, bool] = {}
    for clause in _CLAUSE_END.split(text):
        negation = _NEGATION.search(clause)
        affirmed = clause[: negation.start()] if negation else clause
        denied = terms(clause[negation.end() :])[:_REACH] if negation else []
        later = terms(clause[negation.end() :])[_REACH:] if negation else []
        for term in (*terms(affirmed), *later):
            state[term] = False
        for term in denied:
            state.setdefault(term, True)
    return state
