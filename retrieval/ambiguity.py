"""What a question leaves open: "the office", where the documents know several.

Knows nothing of answers. Asked only where nothing answers the question as it stands, so that asking back costs the
reader nothing.
"""

import re
from collections.abc import Collection, Sequence

from retrieval.evidence import Evidence, closest
from retrieval.terms import stem, terms
from retrieval.types import Hit

# What the asker takes for known without a name: "in the park", "does this chain", "the actor's". Names begin with
# capitals, so "the Lisbon office" is none; and what everybody knows is not open.
_EVERYBODY_KNOWS = r"(?!(?:same|past|future|end|beginning|way|time|world|year|company|firm)\b)"
_TAKEN_FOR_KNOWN = re.compile(
    r"\b(?:[Tt]his|[Tt]hese|[Tt]hose|[Dd]iese[rsmn]?|[Cc]et(?:te)?|[Ee]st[eao]s?) (?!(?:is|are|was|were)\b)(\w+)|"
    r"\b[Tt]he (?:[a-z-]+ ){0,2}([a-z-]+)['’]s\b|"
    r"\b(?:of|in|at|by|for|to|with|on|about|[Dd]oes|[Dd]id|[Dd]o|[Hh]as|[Cc]an|[Cc]ould) the "
    rf"{_EVERYBODY_KNOWS}([a-z-]+)\b(?! [A-Z\d])"
)
# A document whose best passage has evidence this near to that of the best of all, as logits, may be meant as well.
NEAR = 1.0
MOST = 4


def left_open(question: str, evidence: Evidence, hits: Sequence[Hit]) -> list[Hit]:
    """The best hit of each document that may be meant, best first, at most MOST; none where nothing is left open.

    A question that has a document's title in it, as one has that was asked again, leaves nothing open.
    """
    titles = {hit.document.title.strip().casefold() for hit in hits} - {""}
    titled = any(title in question.casefold() for title in titles)
    known = {word.lower() for found in _TAKEN_FOR_KNOWN.findall(question) for word in found if word}
    if titled or not known:
        return []
    meant = [hit for hit in closest(evidence, hits, len(hits)) if _speaks_of(known, hit)]
    if not meant:
        return []
    weight = {hit.rank: logit for hit, logit in zip(hits, evidence.logits, strict=True)}
    least = weight[meant[0].rank] - NEAR
    by_title: dict[str, Hit] = {}
    for hit in meant:
        if weight[hit.rank] >= least:
            by_title.setdefault(hit.document.title.strip().casefold(), hit)
    return list(by_title.values())[:MOST] if len(by_title) > 1 else []


def _speaks_of(known: Collection[str], hit: Hit) -> bool:
    stems = set(terms(hit.chunk.headed(hit.document.title)))
    return any(stem(word) in stems for word in known)
