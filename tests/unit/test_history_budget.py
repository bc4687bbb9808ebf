"""However long a conversation is, what a model is shown of it keeps to a budget."""

import pytest

from retrieval.prompts import MAX_HISTORY_TOKENS, rewrite_messages
from retrieval.token_counting import EstimatedTokens
from retrieval.types import Turn

TOKENS = EstimatedTokens()
QUESTION = "And for the older one?"


@pytest.mark.parametrize("text", ["word " * 2000, "No.", "x", "wörtlich " * 40], ids=["long", "short", "x", "umlauts"])
def test_a_thousand_turns_keep_to_the_budget(text: str) -> None:
    turns = [Turn(("user", "assistant")[number % 2], f"Turn {number}: {text}") for number in range(1000)]
    shown = rewrite_messages(QUESTION, turns)
    without = TOKENS.prompt(rewrite_messages(QUESTION, ()))
    assert TOKENS.prompt(shown) - without <= MAX_HISTORY_TOKENS
    assert "Turn 999: " in shown[1][1]
    assert "Turn 0: " not in shown[1][1]
