"""Which secrets anybody would guess. Knows nothing of what they open, nor of where they are kept."""

import re

SHORTEST = 16
# What examples and images come with; also several of them in a row, in whatever case, with digits and marks between.
_DEFAULTS = re.compile(
    r"(admin|footnote|guest|minio|passwd|password|postgres(ql)?|qdrant|redis|root|secret|valkey|vllm)+"
)
_PLACEHOLDERS = re.compile(r"(change|replace)(me|this)|your(password|secret|key)")
_COUNTED = "1234567890" * 4


def weakness(secret: str, *, shortest: int = SHORTEST) -> str | None:
    """Why a secret will not do, as the end of a sentence; None where it does. `shortest` counts characters."""
    if len(secret) < shortest:
        return f"has fewer than {shortest} characters"
    return "is one that anybody would try" if _is_default(secret) else None


def _is_default(secret: str) -> bool:
    """Whether it is made of words that are tried first, a placeholder, one character over and over, or 1234…"""
    letters = re.sub(r"[^a-z]", "", secret.casefold())
    if _DEFAULTS.fullmatch(letters) or _PLACEHOLDERS.match(letters):
        return True
    return bool(secret) and (len(set(secret)) == 1 or secret in _COUNTED)
