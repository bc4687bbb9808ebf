"""Texts as a pattern that ignores case reads them, to tell at once that it will find nothing.

A search for a few letters in a row takes microseconds, and a pattern with dozens of words a hundred.
"""

from collections.abc import Iterable

# `lower` makes two letters of the first, and leaves the others as they are.
_LIKE_ASCII = str.maketrans({"\u0130": "i", "\u0131": "i", "\u017f": "s"})


def folded(text: str) -> str:
    """`text` in lower case, with i and s for the letters that a pattern takes for them."""
    return (text if text.isascii() else text.translate(_LIKE_ASCII)).lower()


def has_any(text: str, parts: Iterable[str]) -> bool:
    """Whether one of `parts` stands in `text`, which is folded."""
    return any(part in text for part in parts)
