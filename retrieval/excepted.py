"""Who is excepted from what is said of all others: "all employees except contractors are eligible".

Knows nothing of sources or citations. English, German and French.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from retrieval.languages import ENGLISH
from retrieval.terms import stem

_WORD = re.compile(r"[^\W_]+")
# A sentence with an exception of which nothing more is said, and without a denial before it.
_SENTENCE = (
    r"(?:^|(?<=[.!?\n]))(?:(?!{denial})[^.!?\n]){{0,200}}?\b(?:{excepting}) {article}(?P<excepted>[\w'-]+)"
    r"(?!,|:{relative})[^.!?\n]{{0,200}}"
)
_EXCEPTIONS: Mapping[str, re.Pattern[str]] = {
    language: re.compile(
        _SENTENCE.format(denial=denial, excepting=excepting, article=article, relative=relative), re.IGNORECASE
    )
    for language, (denial, excepting, article, relative) in {
        ENGLISH: (
            r"\b(?:nobody|no|not|none|never|only)\b|n['’]t\b",
            "except(?: for| in| on)?|excluding|other than|with the exception of",
            "(?:the )?",
            r"| who\b| which\b| when\b| that\b",
        ),
        "german": (
            r"\b(?:niemand|kein\w*|nicht|nie|nur)\b",
            r"außer|ausgenommen|abgesehen von|mit Ausnahme (?:von|der|des)",
            "(?:die |den |der )?",
            "",
        ),
        "french": (
            r"\b(?:personne|pas|aucun\w*|jamais|seuls?|seules?)\b",
            r"sauf|hormis|excepté|à l['’]exception d(?:es?|u)",
            "(?:les |le |la |aux |en )?",
            r"| qui\b",
        ),
    }.items()
}
# Exceptions that are looked at in one text: one with more is no sentence.
_MOST = 12


def is_excepted(said: Sequence[str], quote: str, language: str) -> bool:
    """Whether a claim, of the stems `said`, says of something what `quote` says of all others."""
    pattern = _EXCEPTIONS.get(language)
    if pattern is None or len(said) < 2:
        return False
    for match in islice(pattern.finditer(quote), _MOST):
        excepted, rest = stem(match["excepted"].lower()), {stem(word.lower()) for word in _WORD.findall(match.group())}
        others = [word for word in said if word != excepted]
        if excepted in said[:2] and sum(word in rest for word in others) > len(others) / 2:
            return True
    return False
