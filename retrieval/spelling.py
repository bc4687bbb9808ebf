"""Misspelt words of a query, put right by the words of the passages that were found without them.

Knows nothing of indexes or principals. The vocabulary is what the asker may read of the first search's candidates: the
dense model reads past most slips of the pen and brings the right neighbourhood, and no word of a document that they may
not read can come out of it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from retrieval.analysis import stems
from retrieval.languages import ENGLISH, LANGUAGES, STOP_WORDS, language_of, languages_of_query

_WORD = re.compile(r"[^\W\d_]{4,}")
# What is written without a blank, and in it what makes it more than words: INC-1042, a.bee@x.example, getUserName.
_WRITTEN = re.compile(r"\S+")
_IDENTIFIER = re.compile(r"[\d_@]|\w[./:\\]\w|[a-z][A-Z]")
# Shorter words have too many neighbours: "four" and "hour".
_SHORTEST = 5
# From this length on two slips are believed in, below it one.
_LONG = 9
# Texts whose language a query without function words is taken to be in.
_BEST = 3


def corrected(query: str, texts: Sequence[str]) -> str | None:
    """`query` with each word that stands in none of `texts` replaced by the nearest one that does, None without any.

    Only words of letters, of the same first letter unless the first two were swapped, and at most two letters apart.
    The most frequent of equally near words wins. Identifiers and numbers are never touched.
    """
    joined = _plain("\n".join(texts))
    plain = unicodedata.normalize("NFKC", query)
    words = [word for said in _WRITTEN.findall(plain) if not _IDENTIFIER.search(said) for word in _WORD.findall(said)]
    missing = [word for word in dict.fromkeys(words) if _is_subject(word) and word.casefold() not in joined]
    if not missing:
        return None
    alike = {word: _alike(word.casefold(), joined) for word in missing}
    near = {word: found for word in missing if (found := _nearest(word.casefold(), alike[word]))}
    if not near:  # as for most words: what follows is rarely needed
        return None
    languages = _languages(query, texts)
    near = {word: found for word, found in near.items() if not _is_inflected(word.casefold(), alike[word], languages)}

    def repaired(said: re.Match[str]) -> str:
        if _IDENTIFIER.search(said.group()):
            return said.group()
        return _WORD.sub(lambda word: near.get(word.group(), word.group()), said.group())

    return _WRITTEN.sub(repaired, plain) if near else None


def _alike(word: str, joined: str) -> Counter[str]:
    """The words that begin with its first letter or its second one."""
    return _beginning(word[0], joined) | _beginning(word[1], joined)


def _beginning(letter: str, joined: str) -> Counter[str]:
    """The words that begin so. Looking for a letter takes a tenth of the time that taking all apart does."""
    return Counter(_words_with(letter).findall(joined))


@lru_cache(maxsize=500)
def _words_with(letter: str) -> re.Pattern[str]:
    """As `_WORD`, whole words only: a pattern that begins with what it begins with is searched for fastest."""
    return re.compile(rf"{letter}(?<=[^\W\d_])(?<![^\W\d_]{letter})[^\W\d_]{{3,}}")


def _plain(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _languages(query: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Those of the query, or of the best texts where it may be in any: one of eight stemmers joins many a slip."""
    languages = languages_of_query(query)
    if languages != LANGUAGES:
        return languages
    return tuple(dict.fromkeys(language_of(text) or ENGLISH for text in texts[:_BEST]))


def _is_subject(word: str) -> bool:
    return len(word) >= _SHORTEST and not any(word.casefold() in stop for stop in STOP_WORDS.values())


def _is_inflected(word: str, vocabulary: Iterable[str], languages: tuple[str, ...]) -> bool:
    """Whether another inflection of it stands in there: then it is found as it is."""
    own = set(stems(word, languages))
    return any(other[:2] == word[:2] and not own.isdisjoint(stems(other, languages)) for other in vocabulary)


def _nearest(word: str, vocabulary: Counter[str]) -> str | None:
    slips = 2 if len(word) >= _LONG else 1
    near = extract(word, vocabulary.keys(), scorer=OSA.distance, score_cutoff=slips, limit=None)
    likely = [(slip, -vocabulary[other], other) for other, slip, _ in near if _same_start(word, other)]
    return min(likely)[2] if likely else None


def _same_start(word: str, other: str) -> bool:
    return word[0] == other[0] or word[:2] == other[1::-1]
