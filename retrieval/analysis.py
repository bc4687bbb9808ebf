"""Text to the terms that BM25 counts, as an analyzer of Lucene does: words, folded and stemmed, identifiers kept whole.

Knows nothing of weights or vectors. A passage is stemmed in the language it is in; a query, whose few words tell less,
in each that it may be in, so that a German question finds a German passage whatever else is in the index.
"""

import re
import threading
import unicodedata
from functools import lru_cache

import Stemmer

from retrieval.languages import ENGLISH, language_of, languages_of_query, stop_words
from retrieval.terms import pairs

# A word, or words joined by what joins the parts of names: INC-1042, a.bee@larkmoor.example, v2.3.1, 27001:2022.
_TOKEN = re.compile(r"\w+(?:[.@/:+&'’-]\w+)*")
_POSSESSIVE = re.compile(r"['’]s$")
_PART = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]+")
_GROUPED = re.compile(r"(?<!\d)\d{1,3}(?:,\d{3})+(?!\d)")
# Every grouped number has one. Most texts have none, and to look for a comma is fifty times as fast as for digits.
_GROUP = re.compile(r",\d{3}")
_ACCENTS = re.compile(r"[\u0300-\u036f]+")
# What is longer is an address or a path, whose parts are words, or data: base64, rulers, signatures.
_LONGEST = 64
_local = threading.local()


def passage_terms(text: str) -> list[str]:
    """The terms of a passage, in order, repeats kept."""
    return _terms(text, (language_of(text) or ENGLISH,))


def query_terms(text: str) -> list[str]:
    """The distinct terms to search for, in order of their first place."""
    return list(dict.fromkeys(_terms(text, languages_of_query(text))))


class Matcher:
    """Finds the terms of one query in texts, without stemming what it has met before.

    Its `terms` are one for each word of the query: what the word is in several languages counts as one term here.
    """

    def __init__(self, query: str) -> None:
        self.terms: list[str] = []
        self._languages = languages_of_query(query)
        self._numbers: dict[str, int] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        for token in _tokens(query):
            for word in _words(token, self._languages):
                self._add(word)

    def places(self, text: str) -> list[tuple[int, int]]:
        """(place of the word in the text, number of the query's term) of every word that is one, in order."""
        known = self._known
        tokens = _tokens(text)
        for token in set(tokens).difference(known):
            known[token] = self._numbers_of(token)
        # Most words are none of the query's: this runs on every word of every candidate.
        return [(place, number) for place, token in enumerate(tokens) if known[token] for number in known[token]]

    def _numbers_of(self, token: str) -> tuple[int, ...]:
        numbers = self._numbers
        terms = _token_terms(token, self._languages)
        if numbers.keys().isdisjoint(terms):
            return ()
        return tuple(dict.fromkeys(numbers[term] for term in terms if term in numbers))

    def _add(self, word: tuple[str, ...]) -> None:
        number = next((self._numbers[term] for term in word if term in self._numbers), len(self.terms))
        if number == len(self.terms):
            self.terms.append(word[0])
        for term in word:
            self._numbers.setdefault(term, number)


def _normal(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _GROUPED.sub(lambda match: match.group().replace(",", ""), text) if _GROUP.search(text) else text


def _tokens(text: str) -> list[str]:
    tokens: list[str] = _TOKEN.findall(_normal(text))
    if max(map(len, tokens), default=0) <= _LONGEST:
        return tokens
    return [piece for token in tokens for piece in _pieces(token)]


def _pieces(token: str) -> list[str]:
    return [token] if len(token) <= _LONGEST else [part[:_LONGEST] for part in _PART.findall(token)]


def _terms(text: str, languages: tuple[str, ...]) -> list[str]:
    return [term for token in _tokens(text) for term in _token_terms(token, languages)]


@lru_cache(maxsize=200_000)
def _token_terms(token: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(term for word in _words(token, languages) for term in word)


def _words(token: str, languages: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The words of one token, each as the terms that stand for it: its parts, and itself where it is an identifier."""
    found: list[tuple[str, ...]] = []
    parts = _PART.findall(_POSSESSIVE.sub("", token))
    for part in parts:
        if _CJK.search(part):
            found += [(term,) for term in _east_asian(part)]
            continue
        humps = _HUMP.sub(" ", part).split() if len(part) > 4 else []
        found += [stems(word, languages) for word in (*(humps if len(humps) > 1 else ()), part)]
    if len(parts) > 1 and _is_identifier(token):
        found.append((fold(token),))
    return tuple(filter(None, dict.fromkeys(found) if len(parts) == 1 else found))


def _is_identifier(token: str) -> bool:
    """Whether the parts mean something else together: INC-1042 and not well-known."""
    return any(character.isdigit() or character in "@_" for character in token)


def stems(word: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """What the word is in each of the languages, nothing where it is a stop word."""
    lower = word.casefold()
    if lower in stop_words(languages):
        return ()
    if not word.isalpha() or len(word) < 3:
        return (fold(word),)
    # The English stemmer knows no accents, and would take é for a consonant.
    plain = fold(word)
    found = (_stemmer(name).stemWord(plain if name == ENGLISH else lower) for name in languages)
    return tuple(dict.fromkeys(fold(stem) for stem in found))


def _stemmer(language: str) -> Stemmer.Stemmer:
    """A stemmer of this thread's own: they are not safe to share."""
    known = _local.__dict__.setdefault("stemmers", {})
    if language not in known:
        known[language] = Stemmer.Stemmer(language)
    stemmer: Stemmer.Stemmer = known[language]
    return stemmer


def fold(word: str) -> str:
    """Lower case, without accents: résumé, Resume and RÉSUMÉ are one."""
    if word.isascii():
        return word.lower()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", word.casefold()))
    return unicodedata.normalize("NFC", bare)


def _east_asian(run: str) -> list[str]:
    """The pairs of its East Asian characters, then what else stands between them."""
    found = [pair for letters in _CJK.findall(run) for pair in pairs(letters)]
    return found + [fold(rest) for rest in _CJK.split(run) if rest]
