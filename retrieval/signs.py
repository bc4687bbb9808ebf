"""Whether a number is below zero: "-5 °C", "minus 5 degrees", "5 Grad unter null".

Knows nothing of units. A hyphen before a number is more often a dash, a range or a list's sign, and "minus 10 %" may be
taken off: both readings hold, but of a temperature.
"""

import re
from collections.abc import Iterable
from decimal import Decimal

_MINUS = re.compile(
    r"(?:(?<![\w°%)/±+.,’'–−-])(?<![\d°%] )(?<!°[cf] )(?:[-–]|−[ ]?)|(?<!\w)(?:minus|moins) )\Z", re.IGNORECASE
)
_ENDS_OF_A_MINUS = frozenset("-–− ")
# "Au moins 5" is at least 5.
_NO_MINUS = re.compile(r"\b(?:au|du) moins \Z", re.IGNORECASE)
_LONGEST = len("moins ") + 4
_DEGREES = r" ?(?:°|degrees?\b|grad\b|degrés?\b|celsius\b)(?: ?(?:celsius|fahrenheit|[cf])\b)?"
_TEMPERATURE = re.compile(_DEGREES, re.IGNORECASE)
_BELOW_ZERO = re.compile(
    rf"{_DEGREES} (?:below (?:zero|freezing)|unter (?:null|dem gefrierpunkt)|(?:en[ -]|au[ -])?dessous de zéro)\b",
    re.IGNORECASE,
)


def signed(values: Iterable[Decimal], text: str, start: int, end: int) -> frozenset[Decimal]:
    """What the number at `start` to `end` of `text`, which has these values without a sign, can be read as."""
    plain = frozenset(values)
    if _BELOW_ZERO.match(text, end):
        return frozenset(-value for value in plain)
    if text[start - 1 : start] not in _ENDS_OF_A_MINUS:
        return plain
    before = max(0, start - _LONGEST)
    if not _MINUS.search(text, before, start) or _NO_MINUS.search(text, before, start):
        return plain
    negative = frozenset(-value for value in plain)
    return negative if _TEMPERATURE.match(text, end) else negative | plain
