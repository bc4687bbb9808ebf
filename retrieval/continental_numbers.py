"""Numbers that are written in German and French words: "einundzwanzig", "zwei Millionen", "quatre-vingt-dix".

Knows nothing of units. "Ein" and "un" are articles far more often than numbers, and never read alone.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import chain

from retrieval.letter_case import folded, has_any
from retrieval.number_words import SCALES, Lexicon, composed

_ONES = {name: value for value, name in enumerate("ein zwei drei vier fünf sechs sieben acht neun".split(), start=1)}
_TEENS = "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"
_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
_GERMAN_TENS = {**dict(zip(_TENS.split(), range(20, 100, 10), strict=True)), "dreissig": 30}
_GERMAN: Mapping[str, int] = {
    **_ONES,
    "eine": 1,
    "dritt": 3,
    **{name: value for value, name in enumerate(_TEENS.split(), start=10)},
    **_GERMAN_TENS,
    **{f"{one}und{name}": ten + value for one, value in _ONES.items() for name, ten in _GERMAN_TENS.items()},
}
_BELOW_TEN = "|".join((*_ONES, "dritt"))
_BELOW_100 = rf"(?:(?:{_BELOW_TEN})und)?(?:{'|'.join(_GERMAN_TENS)})|{_TEENS.replace(' ', '|')}|{_BELOW_TEN}"
_BELOW_1000 = rf"(?:(?:{_BELOW_TEN})?hundert(?:und)?(?:{_BELOW_100})?|{_BELOW_100})"
_GERMAN_RUN = re.compile(
    # The first letters are for speed.
    r"\b(?=[adefhnstvz])"
    rf"(?P<word>eine(?= Milli)|(?:{_BELOW_1000})?tausend(?:und)?{_BELOW_1000}|{_BELOW_1000}(?:tausend)?)"
    # "Dreimonatige" has a number, and so have "dritten", "zweimal", "zwanzigsten".
    r"(?:(?:monat|wöch|wöchent|täg|jähr|stünd|minüt)(?:ig|lich)e?[nmrs]?|(?P<inflected>mal|fache?[nmrs]?|(?:s?t)?e[nmrs]?))?"
    r"(?: (?P<scale>Million(?:en)?|Milliarden?))?\b(?! (?:Viertel|Drittel|Fünftel))",
    re.IGNORECASE,
)

# A number above one has one of these in it.
_GERMAN_PARTS = (
    "zwei drei vier fünf sechs sieben acht neun dritt zehn elf zwölf zwanz sechz siebz hundert tausend milli"
).split()

# "Um halb neun", "Viertel nach neun": no nine.
_TIME_BEFORE = re.compile(r"\b(?:halb|Viertel (?:nach|vor)) \Z", re.IGNORECASE)

_FRENCH_ONES = "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
_FRENCH = Lexicon(
    {
        **{name: value for value, name in enumerate(_FRENCH_ONES.split(), start=1)},
        **dict(zip("vingt trente quarante cinquante soixante".split(), range(20, 70, 10), strict=True)),
        **{"une": 1, "septante": 70, "huitante": 80, "octante": 80, "nonante": 90},
        **dict.fromkeys(("quatre-vingt", "quatre-vingts"), 80),
    },
    {**SCALES, **dict.fromkeys(("cent", "cents"), 100)},
    # "Soixante-dix", "quatre-vingt-dix", and "dix-sept" behind either.
    {**dict.fromkeys((10, 20, 30, 40, 50, 70, 90), 10), 60: 20, 80: 20},
    re.compile(r"quatre-vingts?|[a-z]+"),
)
_PLAIN = "|".join(sorted((name for name in _FRENCH.values if name not in ("un", "une")), key=len, reverse=True))
_SCALE = "cents?|mille|millions?|milliards?"
_FRENCH_RUN = re.compile(
    rf"\b(?>(?a:(?:{_PLAIN}|cents?|mille|un(?= milli))(?:[ -]et[ -](?:une?|onze)|-une?|[ -](?:{_PLAIN}|{_SCALE}))*)\b)"
    # "Neuf heures et demie", "deux ans et demi", "trois quarts".
    r"(?! [^\W\d_]+ (?:et demie?|moins)\b| (?:quarts?|tiers)\b)",
    re.IGNORECASE,
)
# A run begins with one of these.
_FRENCH_PARTS = (*(name for name in _FRENCH.values if name not in ("un", "une")), "cent", "mill")
# Other words in other languages, and "neuf" in French itself; the English "six" is read as such.
_ALSO_OTHER_WORDS = frozenset("elf acht six sept neuf seize cent cents mille".split())
_LANGUAGES_OF: Mapping[str, frozenset[str]] = {
    "elf": frozenset({"german", "dutch"}),
    "acht": frozenset({"german", "dutch"}),
}
# "Les deux parties" are both.
_BOTH = re.compile(r"\b(?:les|ces|tous|toutes|aux|des|entre) deux\Z", re.IGNORECASE)
_NEUF_OF = re.compile(r" (?:jours|semaines|mois|ans|années|heures|minutes|euros|personnes|salariés|pour cent)\b")

# What one word alone may be worth, for whoever looks at single words: "einundzwanzig", "vingt-cinq".
WORDS: Mapping[str, int] = {
    **{name: value for name, value in _GERMAN.items() if value > 1 and name not in _ALSO_OTHER_WORDS},
    **{name: value for name, value in _FRENCH.values.items() if value > 1 and name not in _ALSO_OTHER_WORDS},
    **{
        f"{ten}-{one}": _FRENCH.values[ten] + _FRENCH.values[one]
        for ten in "vingt trente quarante cinquante soixante quatre-vingt".split()
        for one in _FRENCH_ONES.split()[1:]
    },
}


def continental_numbers(
    text: str, language: str, *, generous: bool = False
) -> tuple[tuple[tuple[str, int, Decimal], ...], str]:
    """The numbers of `text` in words, each as it is written, where it ends, and its value, and the text without them.

    `language` is that of the text: what is another word elsewhere is a number there alone. If `generous`, "zweimal" and
    "am dritten" are numbers too. The rest of the text has blanks in their places.
    """
    plain = folded(text)
    german = _german(text, language, generous=generous) if has_any(plain, _GERMAN_PARTS) else ()
    french = _french(text, language, generous=generous) if has_any(plain, _FRENCH_PARTS) else ()
    found = tuple(chain(german, french))
    if not found:
        return (), text
    rest = list(text)
    for written, end, _ in found:
        rest[end - len(written) : end] = " " * len(written)
    return found, "".join(rest)


def _german(text: str, language: str, *, generous: bool) -> Iterator[tuple[str, int, Decimal]]:
    for match in _GERMAN_RUN.finditer(text):
        word, scale = match["word"].lower(), SCALES.get((match["scale"] or "").lower(), 1)
        alone = match.group() == match["word"]
        if (match["inflected"] and not generous) or (alone and not _is_meant(match["word"], language)):
            continue
        if _TIME_BEFORE.search(text, max(0, match.start() - 14), match.start()):
            continue
        value = scale * _german_value(word)
        if value > 1:
            yield match.group(), match.end(), Decimal(value)


def _german_value(word: str) -> int:
    """0 of a word with a letter that only looks like one of its own."""
    thousands, found, rest = word.rpartition("tausend")
    return (1_000 * (_below_1000(thousands) or 1) if found else 0) + _below_1000(rest.removeprefix("und"))


def _below_1000(word: str) -> int:
    hundreds, found, rest = word.rpartition("hundert")
    return (100 * _GERMAN.get(hundreds, 1) if found else 0) + _GERMAN.get(rest.removeprefix("und"), 0)


def _french(text: str, language: str, *, generous: bool) -> Iterator[tuple[str, int, Decimal]]:
    for match in _FRENCH_RUN.finditer(text):
        run = match.group().lower()
        if all(word in _ALSO_OTHER_WORDS for word in re.split("[ -]", run)):
            per_cent = run.startswith("cent") and text.endswith("pour ", 0, match.start())
            if language != "french" or per_cent or (run == "neuf" and not _NEUF_OF.match(text, match.end())):
                continue
        if generous or run != "deux" or not _BOTH.search(text, max(0, match.start() - 8), match.end()):
            yield from composed(match, _FRENCH)


def _is_meant(word: str, language: str) -> bool:
    """Whether "acht" is a number here: "außer Acht lassen" is none."""
    return word.lower() not in _LANGUAGES_OF or (word.islower() and language in _LANGUAGES_OF[word])
