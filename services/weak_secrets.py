"""Which secrets anybody would guess. Knows nothing of what they open, nor of where they are kept."""

import re

SHORTEST = 16
# A shorter word is no reason to refuse what others have chosen: a server that asks for no key gets any, such as "vllm".
MANY_LETTERS = 8
# So many other characters beside a word, that nobody would try, make a secret of it all the same.
ENOUGH_BESIDE = 8
LONGEST_PATTERN = 8
# What examples and images come with; also several of them in a row, in whatever case, with digits and marks between.
_DEFAULTS = re.compile(
    r"(admin|footnote|guest|minio|passwd|password|postgres(ql)?|qdrant|redis|root|secret|valkey|vllm)+"
)
_PLACEHOLDERS = re.compile(r"(change|replace)(me|this)|your(password|secret|key)")
_COUNTED = ("1234567890", "0987654321")


def weakness(secret: str, *, chosen: bool = True) -> str | None:
    """Why a secret will not do, as the end of a sentence; None where it does.

    `chosen`: whoever runs Footnote has chosen it. How long the others are, and of what, their servers decide.
    """
    if chosen and len(secret) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    tried = _is_default(secret, letters=1 if chosen else MANY_LETTERS) or (chosen and _is_pattern(secret))
    return "is one that anybody would try" if tried else None


def _is_default(secret: str, *, letters: int) -> bool:
    """Whether it is a placeholder, or words that are tried first, of so many letters, with little beside them."""
    said = re.sub(r"[^a-z]", "", secret.casefold())
    words = _DEFAULTS.fullmatch(said) and len(said) >= letters
    return bool(words or _PLACEHOLDERS.match(said)) and _beside(secret.casefold()) < ENOUGH_BESIDE


def _beside(text: str) -> int:
    """How many characters beside letters are none that one would try: a mark again is, and so are 1234 and 1111."""
    digits, marks = re.sub(r"[^0-9]", "", text), re.sub(r"[a-z0-9]", "", text)
    return len(set(marks)) + (0 if _is_pattern(digits) else len(digits))


def _is_pattern(text: str) -> bool:
    """Whether it is the same over and over, or counts up or down."""
    size = len(text)
    repeated = any(text[length:] == text[:-length] for length in range(1, min(LONGEST_PATTERN, size // 2) + 1))
    return repeated or any(text in row * (size // len(row) + 2) for row in _COUNTED)
