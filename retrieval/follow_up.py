"""A follow-up question made to stand alone without a model: what it leaves unsaid is carried over from before.

Knows nothing of search or models. On the 157 answerable conversations of MTRAG-UN given to us, hybrid nDCG@10 over its
1,152 passages: last question alone .855, the last two together .916, this rule .922 (tests/evaluation/follow_ups.py).
"""

import re
from collections.abc import Sequence

from retrieval.terms import STOP_WORDS, stem, terms, words
from retrieval.types import Turn

# More words drown the question; fewer lose the topic (4 to 12 are within .006 of each other).
MAX_CARRIED = 8
# A question with this few words of its own leans on what came before.
FEW_TERMS = 3

_POINTS_BACK = re.compile(
    # Not "is there", "gibt es" and the formal "Sie", which stand for nothing that was said before.
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|he|she|him|her|his|hers|(?<!is )(?<!are )there|ones?|"
    r"same|such|former|latter|above|both|also|too|either|else|instead|otherwise|(?<!gibt )es|(?-i:sie)|"
    r"dies(?:e[mnrs]?)?|dort|ça|cela|ils?|elles?|eso|esto|ello)\b",
    re.IGNORECASE,
)
# Not "which", "in" or "for": most questions that begin so, and are not short, name their topic themselves.
_GOES_ON = re.compile(
    r"\W*(?:and|but|or|so|then|what about|how about|what if|why|how come|also|und|aber|et|mais|y|e)\b", re.IGNORECASE
)


def is_follow_up(question: str) -> bool:
    """Whether `question` leans on what was said before, by its words alone."""
    few = len(terms(question)) <= FEW_TERMS
    return few or _POINTS_BACK.search(question) is not None or _GOES_ON.match(question) is not None


def carry_topic(question: str, history: Sequence[Turn]) -> str:
    """Return `question` with up to MAX_CARRIED words of earlier questions, back to one that stood alone, latest first.

    A question that stands alone is returned as it is.
    """
    earlier = [turn.content for turn in history if turn.role == "user"]
    if not earlier or not is_follow_up(question):
        return question
    have = set(terms(question))
    carried: list[str] = []
    for asked in reversed(earlier):
        for word in words(asked):
            if word not in STOP_WORDS and stem(word) not in have:
                have.add(stem(word))
                carried.append(word)
        if len(carried) >= MAX_CARRIED or not is_follow_up(asked):
            break
    return " ".join((question, *carried[:MAX_CARRIED]))
