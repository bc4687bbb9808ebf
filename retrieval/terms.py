"""Words of a text, made comparable across inflection: what every lexical overlap here is measured on.

Knows nothing of questions, hits or the index, whose BM25 has a tokenizer of its own. Rules, not a model: it runs on
every sentence of every hit of every question.
"""

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’.&-][^\W_]+)*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")


def _word_list(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that say nothing about the subject. Negations and quantities are in here because they are compared elsewhere.
STOP_WORDS = _word_list(
    "a an the of in on at to for from by with as and or but if than then so is are was were be been being am do does "
    "did done have has had having i me my you your he him his she her it its we us our they them their this that these "
    "those there here what which who whom whose when where why how can could may might will would shall should must "
    "not no nor also into onto out up about over under such some any all each every both either neither more most "
    "other same very just only own too s t re ve ll d m please tell give show explain describe know want need get got "
    "let say says said "
    # the same for the other languages of the interface, where a question is otherwise all filler
    "der die das den dem des ein eine einer eines einem einen und oder aber ist sind war waren wird werden wie was wer "
    "wo wann warum welche welcher welches für von mit auf im am zu zum zur bei nach ich wir sie es nicht "
    "ihr ihre ihren ihrem ihrer ihres ihnen "
    "le la les un une des du de et ou est sont était pour par avec sur dans que qui quel quelle quels quelles comment "
    "combien où quand pourquoi je nous vous il elle ils elles ne pas "
    "el los las una unos unas y o es son fue para por con en del al que quien cual cuál cómo cuánto cuántos dónde "
    "cuándo qué quién se su sus mi no il lo gli che chi come dove quando quanto perché per della delle dei di è "
    "o os as um uma do da dos das em no na e é são foi para por com qual quais como onde quando quanto"
)

# Longest first where one ends with another: the first that fits is cut.
_SUFFIXES = sorted(
    _word_list(
        "izations ization isations isation ations ation ities ity ments ment nesses ness ings ing edly ed ances ance "
        "ences ence ies ers er ors or als al ly s"
    ),
    key=lambda suffix: (-len(suffix), suffix),
)
_SIBILANT_PLURAL = ("sses", "xes", "zes", "ches", "shes")
_SHORTEST_STEM = 3


def words(text: str) -> list[str]:
    """Lower-case words in order, accents kept; a run of Chinese, Japanese or Korean becomes its character pairs."""
    found: list[str] = []
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text).replace("’", "'").lower()):
        word = match.group()
        if _CJK.search(word):
            found.extend(pairs(word))
        else:
            found.append(word.removesuffix("'s").removesuffix("’s"))
    return found


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Cut `word` (lower case) to what its inflections share: approvals, approved and approve all give "approv"."""
    if not word.isalpha() or not word.isascii():
        return word
    if word.endswith(_SIBILANT_PLURAL):
        word = word[:-2]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM and not word.endswith("ss"):
            word = word[: -len(suffix)]
            break
    if len(word) > _SHORTEST_STEM and word.endswith(("e", "i", "y")):
        word = word[:-1]
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2]:
        word = word[:-1]
    return word


def terms(text: str) -> list[str]:
    """Stems of the words of `text` that say something, in order, repeats kept."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


def inverse_document_frequency(texts: Iterable[Collection[str]]) -> dict[str, float]:
    """Weight of each term over `texts` (collections of terms): `log(1 + n / df)`, so a rare term counts for more."""
    counts: dict[str, int] = {}
    total = 0
    for text in texts:
        total += 1
        for term in set(text):
            counts[term] = counts.get(term, 0) + 1
    return {term: math.log(1 + total / count) for term, count in counts.items()}


def coverage(wanted: Collection[str], found: Collection[str], weights: Mapping[str, float] | None = None) -> float:
    """Share of the `wanted` terms that are among `found`, weighted; 1.0 where nothing is wanted.

    A term without a weight occurs nowhere, so it weighs as much as the rarest one.
    """
    wanted = set(wanted)
    if not wanted:
        return 1.0
    if weights is None:
        return len(wanted & set(found)) / len(wanted)
    missing = 1.0 if wanted <= weights.keys() else max(weights.values(), default=1.0)
    total = sum(weights.get(term, missing) for term in wanted)
    return sum(weights.get(term, missing) for term in wanted & set(found)) / total


def pairs(run: str) -> list[str]:
    """Neighbouring characters, which stand in for words where nothing stands between words."""
    return [run] if len(run) < 2 else [run[i : i + 2] for i in range(len(run) - 1)]
