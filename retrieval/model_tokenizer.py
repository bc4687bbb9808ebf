"""The tokenizer of a converted embedding model, and counting with it: from each word's count where that adds up.

Knows nothing of models or vectors.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

# What the model's tokenizer counts of a word is kept: to look it up costs a tenth of tokenizing it. Longer ones are
# rare or no words, and would fill the memory.
KNOWN_WORDS = 100_000
_LONGEST_WORD = 40
# White space to BERT's normalizer as well, which drops what else Python takes for it (such as a form feed).
_WORD = re.compile(r"[^ \t\n\r]+")


def tokenizer_of(folder: Path, *, max_tokens: int | None = None) -> Tokenizer:
    """That of a converted model: it pads nothing, and cuts at `max_tokens` where they are given."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if max_tokens is not None:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def token_counter(folder: Path) -> Callable[[str], int]:
    """Counts tokens as the model in `folder` does, without the special ones."""
    tokenizer = tokenizer_of(folder)

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return by_words(count) if adds_up(json.loads(tokenizer.to_str())) else count


def adds_up(tokenizer: dict[str, Any]) -> bool:
    """Whether a text has as many tokens as its words, told by the tokenizer's description (`Tokenizer.to_str`).

    BERT's does: it takes white space for walls, before it looks at a letter and after. Others (byte-level BPE,
    sentencepiece) take the space before a word for a part of it, or a run of spaces for a token.
    """
    kinds = [(tokenizer[part] or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
    marks = [token["content"] for token in tokenizer["added_tokens"]]
    return kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"] and all(map(_WORD.fullmatch, marks))


def by_words(count: Callable[[str], int]) -> Callable[[str], int]:
    """The same as `count`, where that adds up, from what it said of each word before."""
    known = lru_cache(KNOWN_WORDS)(count)

    def total(text: str) -> int:
        words = _WORD.findall(text)
        return sum(map(known, words)) if max(map(len, words), default=0) <= _LONGEST_WORD else count(text)

    return total
