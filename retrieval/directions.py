"""What goes from one to another: "from 30 to 20 days", "von 30 auf 20", "moved from Berlin to Munich".

Knows nothing of sources or citations.
"""

import re
from collections.abc import Iterator

from retrieval.quantities import number_values

_END = r"(?:[$€£¥] ?)?(?P<{}>\d[\d.,'’]{{0,20}}|[^\W\d_]{{2,30}})"
_ONE, _OTHER = _END.format("one"), _END.format("other")
# What may stand behind the first: its unit, and how it changes.
_UNIT = r"(?: ?(?:[%€$£¥]|°[cf]))?(?: [^\W\d_]{1,20}){0,3}?"
_GOES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bfrom (?:the )?{_ONE}{_UNIT} (?:down |up )?to (?:the )?{_OTHER}",
        rf"\b(?:down |up )?to (?:the )?{_OTHER}{_UNIT},? from (?:the )?{_ONE}",
        rf"\bvon (?:der |dem )?{_ONE}{_UNIT} (?:auf|nach|zur?m?) (?:der |dem )?{_OTHER}",
        rf"\b(?:de|du) {_ONE}{_UNIT} (?:à|au) {_OTHER}",
    )
)
# As far there as back.
_DISTANCE = re.compile(r"\b(?:distance|far|km|miles?|kilomet(?:er|re)s?|Entfernung|distante?)\b", re.IGNORECASE)


def other_direction(claim: str, passage: str) -> str | None:
    """Say that `passage` has the way of `claim` only the other way round, or None."""
    if _DISTANCE.search(claim):
        return None
    ours = frozenset(_ways(claim))
    theirs = frozenset(_ways(passage)) if ours else frozenset[tuple[str, str]]()
    for one, other in sorted(ours - theirs):
        if (other, one) in theirs - ours:
            return f"goes from {one} to {other} where the source goes from {other} to {one}"
    return None


def _ways(text: str) -> Iterator[tuple[str, str]]:
    for pattern in _GOES:
        for match in pattern.finditer(text):
            one, other = _said(match["one"]), _said(match["other"])
            if one and other and one != other:
                yield one, other


def _said(end: str) -> str:
    """A number by its value, a name by its word, "" for anything else."""
    values = number_values(end.lower().rstrip(".,'’"))
    if values:
        return f"{max(values).normalize():f}"
    return end.lower() if end[0].isupper() else ""
