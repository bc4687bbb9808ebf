"""Whether the evidence will probably suffice, told before any sentence is embedded: whether to ask the model ahead.

Knows nothing of models or answers. A hit's nearest sentence is taken to be about as near as the whole passage and its
words say (`weights/foresight.json`, made with the evidence check's own weights).
"""

import math
from collections.abc import Sequence
from dataclasses import astuple, fields

from retrieval.evidence import Prospect, Strictness, threshold
from retrieval.logistic import load_weights

_MODEL = load_weights("foresight", [field.name for field in fields(Prospect)])
# So much further than the evidence itself has to be, as a logit: docs/answers.md says how often it is wrong then.
MARGIN = 0.6


def is_likely(prospects: Sequence[Prospect], strictness: Strictness) -> bool:
    """Whether hits with these prospects are all but sure to hold evidence enough."""
    if not prospects:
        return False
    needed = threshold(strictness)
    foreseen = _MODEL.logits([astuple(prospect) for prospect in prospects]).max()
    return bool(foreseen >= math.log(needed / (1 - needed)) + MARGIN)
