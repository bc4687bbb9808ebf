"""Amounts for a period: "80 euros per hour", "€1,500 a year", "2 Tage/Monat". Knows nothing of sources or citations."""

import re
from collections.abc import Mapping
from decimal import Decimal

from retrieval.quantities import number_values

_PERIODS: Mapping[str, str] = {
    word: period
    for period, words in {
        "hour": "hour hourly stunde heure",
        "day": "day daily tag täglich jour",
        "night": "night nacht übernachtung nuit nuitée",
        "week": "week weekly woche wöchentlich semaine",
        "month": "month monthly monat monatlich mois mensuel",
        "year": "year yearly annually annum jahr jährlich an année",
    }.items()
    for word in words.split()
}
_NUMBER = re.compile(r"\d[\d.,'’]{0,20}")
_RATE = re.compile(
    r"(?P<number>\d[\d.,'’]{0,20})(?:(?: ?[^\W\d_]{1,20}| ?[€$£%]){0,2}?(?: ?/ ?[a-z]{1,20})??)"
    r" ?(?:/|per |an? |each |every |pro |je |im |am |par |chaque |(?=(?:hour|dai|week|month|year|annual)ly\b))"
    r"\s?(?P<period>[^\W\d_]{1,20})",
    re.IGNORECASE,
)


def other_rate(claim: str, passage: str) -> str | None:
    """Say that `passage` gives an amount of `claim` for other periods only, or None."""
    said = _rates(claim)
    given = _rates(passage) if said else {}
    for value, periods in said.items():
        # A place that says no period, or says it otherwise, may be the one that is meant.
        if value in given and not periods & given[value] and _times(value, passage) == _times(value, claim) == 1:
            return f"says per {min(periods)} where the source says per {min(given[value])}"
    return None


def _times(value: Decimal, text: str) -> int:
    """How often a number stands in `text`."""
    return sum(value in number_values(match.group().rstrip(".,'’")) for match in _NUMBER.finditer(text))


def _rates(text: str) -> dict[Decimal, set[str]]:
    """The periods that each amount is for."""
    found: dict[Decimal, set[str]] = {}
    for match in _RATE.finditer(text):
        period = _PERIODS.get(match["period"].lower())
        for value in number_values(match["number"].rstrip(".,'’")) if period else ():
            found.setdefault(value, set()).add(period or "")
    return found
