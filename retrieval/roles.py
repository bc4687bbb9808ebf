"""Who does it to whom: "Alice hired Bob" is not "Bob hired Alice", but it is "Bob was hired by Alice".

Knows nothing of sources or citations. Two names with a few words between them, which must be the very words of the
source: what is told in other words is left alone.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations, islice

from retrieval.terms import STOP_WORDS, stem

_NAME = r"[A-ZÄÖÜÉ][\w&'’-]{0,40}(?: [A-ZÄÖÜÉ][\w&'’-]{0,40}){0,3}"
# No comma between them but before "who": what stands beyond one is of something else.
_PAIR = re.compile(
    rf"\b(?P<one>{_NAME})(?:,(?= wh))?(?P<between>(?: [a-zäöüßéèêàç'’-]{{1,30}}){{1,7}})(?= (?P<other>{_NAME}))"
)
_POSSESSIVE = re.compile(rf"\b(?P<one>{_NAME}) (?:is|was) (?P<other>{_NAME})['’]s (?P<noun>[a-z-]{{1,30}})")
_SMALL = frozenset("to by from for of over under than before after against into via on in at an von für à de".split())
# Either name may come first, or it is denied.
_EITHER_WAY = re.compile(
    r"\b(?:and|or|with|und|oder|mit|et|ou|avec|next|like|versus|vs|met|meets?|same|close|both|sister|brother|cousin|wife|"
    r"faces?|faced|facing|joins?|joined|neben|not|never|nicht|nie|pas)\b|n['’]t\b|"
    r"\b(?:between|near|beside|marr|equal|equiv|similar|resembl|differ|compar|correspond|adjacent|adjoin|border|touch|"
    r"overlap|intersect|merg|link|connect|sibling|friend|partner|colleague|spouse|husband|grenz)"
)
_PASSIVE = re.compile(r" (?:is|are|was|were|been|being|be|est|sont|fut)\b.* (?P<by>by|par)$")
# Of a text with more it is checked as far as this.
_MOST = 60


@dataclass(frozen=True, slots=True)
class _Relation:
    """What one is or does to the other, by the words of their names and the stems between them."""

    one: frozenset[str]
    does: frozenset[str]
    other: frozenset[str]

    def stated(self, by: Collection["_Relation"]) -> bool:
        return any(self.does == it.does and self.one & it.one and self.other & it.other for it in by)


def other_roles(claim: str, passage: str) -> str | None:
    """Say that two names of `claim` are exchanged in `passage`, or None."""
    ours = list(islice(_relations(claim), _MOST))
    theirs = list(islice(_relations(passage), _MOST)) if ours else []
    wrong = [relation for relation in ours if not relation.stated(theirs)]
    for relation in wrong:
        if _Relation(relation.other, relation.does, relation.one).stated(theirs):
            return _exchanged(relation.one, relation.other)
    for first, second in combinations(wrong, 2):
        crossed = (_Relation(first.one, first.does, second.other), _Relation(second.one, second.does, first.other))
        if first.does == second.does and all(relation.stated(theirs) for relation in crossed):
            return _exchanged(first.other, second.other)
    return None


def _exchanged(one: frozenset[str], other: frozenset[str]) -> str:
    return f"has {' '.join(sorted(one))} and {' '.join(sorted(other))} in each other's place"


def _relations(text: str) -> Iterator[_Relation]:
    for match in _PAIR.finditer(text):
        between = match["between"]
        if not _EITHER_WAY.search(between):
            passive = _PASSIVE.search(between)
            one, other = (match["other"], match["one"]) if passive else (match["one"], match["other"])
            yield from _relation(one, between[: passive.start("by")] if passive else between, other)
    for match in _POSSESSIVE.finditer(text):
        yield from _relation(match["one"], f" {match['noun']} of", match["other"])


def _relation(one: str, between: str, other: str) -> Iterator[_Relation]:
    """None without a word that says something, or where the names share one."""
    words = [word for word in between.split() if not word.endswith("ly")]
    content = {stem(word) for word in words if word not in STOP_WORDS}
    names = _words(one), _words(other)
    if content and all(names) and not names[0] & names[1]:
        yield _Relation(names[0], frozenset(content.union(_SMALL.intersection(words))), names[1])


def _words(name: str) -> frozenset[str]:
    words = (word.lower().removesuffix("'s").removesuffix("’s") for word in name.split())
    return frozenset(word for word in words if word not in STOP_WORDS)
