"""Which of a few languages a text is in, told by its function words and its script. Knows nothing of search.

Enough for choosing a stemmer: a passage has dozens of function words, and where a text has none any stemmer will do.
"""

import re
from functools import lru_cache
from itertools import islice
from typing import Final

ENGLISH: Final = "english"
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
# Function words of other languages that an English sentence, or one in any language, has as well.
_ENGLISH_AS_WELL = re.compile(r"\b(?:over|per)\b", re.IGNORECASE)
# Passages are long; the first words tell as much as all of them.
_LOOK_AT = 100


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that say nothing about the subject, by the name that Snowball gives to the language. They are left out of the
# index, so a word that is a subject in its own language is not among them.
STOP_WORDS: Final[dict[str, frozenset[str]]] = {
    ENGLISH: _words(
        "a an the of in on at to for from by with as and or but if than then so is are was were be been being am do "
        "does did done have has had having i me my you your he him his she her it its we us our they them their this "
        "that these those there here what which who whom whose when where why how can could may might will would shall "
        "should must not no nor also into onto such very just too about s t re ve ll d m"
    ),
    "german": _words(
        "der die das den dem des ein eine einer eines einem einen und oder aber ist sind war waren wird werden wurde "
        "wurden wie was wer wem wen wo wann warum welche welcher welches welchen für von vom mit auf im in am an zu "
        "zum zur bei beim nach aus als auch ich wir sie ihr es er man nicht kein keine sich dass wenn ob so nur noch "
        "durch über unter um bis haben hat hatte kann können muss müssen darf dürfen soll sollen mein meine unser "
        "unsere dieser diese dieses"
    ),
    "french": _words(
        "le la les l un une des du de d et ou où est sont était être été a ont avoir pour par avec sur dans en au aux "
        "que qu qui quoi quel quelle quels quelles comment combien quand pourquoi je j nous vous il elle ils elles on "
        "ne n pas plus ce cet cette ces c se s sa son ses leur leurs mon ma mes notre nos votre vos mais si y peut "
        "doit dont"
    ),
    "spanish": _words(
        "el la los las un una unos unas y o u e es son fue era ser está están estar ha han haber para por con en de "
        "del al a que qué quien quién cual cuál cuáles cómo cuánto cuántos dónde cuándo se su sus mi mis tu nuestro "
        "nuestra lo le les no si sí pero más como este esta estos estas puede debe"
    ),
    "italian": _words(
        "il lo la i gli le un uno una e o è sono era essere ha hanno avere per con in di del dello della dei degli "
        "delle da dal dalla al alla ai alle su sul sulla nel nella nei che chi cui come dove quando quanto perché "
        "quale quali si suo sua suoi non se ma più questo questa questi queste può deve mi ci"
    ),
    "portuguese": _words(
        "o a os as um uma uns umas e ou é são foi era ser está estão estar há tem têm para por com em no na nos nas "
        "do da dos das de ao aos à às que quem qual quais como onde quando quanto quantos se seu sua seus suas meu "
        "minha nosso nossa não mas mais este esta isto pode deve pelo pela"
    ),
    "dutch": _words(
        "de het een en of is zijn was waren wordt worden werd voor van met op in aan te tot bij naar uit als ook ik "
        "wij we u je jij hij zij ze er niet geen dat die deze dit wat wie waar wanneer waarom hoe welke om maar door "
        "over onder heeft hebben had kan kunnen moet moeten mag mogen mijn ons onze uw"
    ),
    "russian": _words(
        "и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от "
        "меня о из ему когда кто где для это этот эта эти или быть был была были есть при до под над мы они их"
    ),
}
LANGUAGES: Final = tuple(STOP_WORDS)
# Function word -> the languages that have it.
_SPOKEN_IN: Final = {
    word: tuple(language for language, stop in STOP_WORDS.items() if word in stop)
    for word in frozenset().union(*STOP_WORDS.values())
}


def language_of(text: str) -> str | None:
    """The language with most function words in the first words of `text`, None without any.

    English unless two words more say otherwise; a text in Cyrillic letters is Russian, whose stemmer costs another
    Slavic language little.
    """
    counts = _counts(text)
    best = max(counts, key=lambda language: counts[language])
    if counts[best] < counts[ENGLISH] + 2:
        best = ENGLISH
    return best if counts[best] else None


def languages_of_query(text: str) -> tuple[str, ...]:
    """The languages that a query may be meant in: English and the likeliest, and all where its words tell too little.

    "Urlaub in Teilzeit" may be English by its one function word, and as well German, Italian or Dutch.
    """
    counts = _counts(text)
    most = max(counts.values())
    if most == 0 or (most == 1 and not counts[ENGLISH]):
        return LANGUAGES
    return tuple(language for language in LANGUAGES if language == ENGLISH or counts[language] == most)


def language_of_sentence(text: str, otherwise: str | None = None) -> str:
    """The language with most function words in one sentence; of several with as many, `otherwise` or English first."""
    counts = _counts(text)
    most = max(counts.values())
    if otherwise and most <= 1 and (most == 0 or _ENGLISH_AS_WELL.search(text)):
        return otherwise
    likeliest = [language for language in LANGUAGES if counts[language] == most]
    return next((one for one in (otherwise, ENGLISH) if one in likeliest), likeliest[0])


@lru_cache
def stop_words(languages: tuple[str, ...]) -> frozenset[str]:
    """The words that say nothing in a text that is in one of these languages.

    None where it may be in any: a word of the one is a subject in the other, such as "war" and "die".
    """
    return frozenset() if languages == LANGUAGES else frozenset().union(*(STOP_WORDS[name] for name in languages))


def _counts(text: str) -> dict[str, int]:
    """How many of the first words are function words, by language."""
    words = [match.group().casefold() for match in islice(_WORD.finditer(text), _LOOK_AT)]
    if any(_CYRILLIC.match(word) for word in words[:20]):
        return dict.fromkeys(LANGUAGES, 0) | {"russian": len(words) + 1}
    counts = dict.fromkeys(LANGUAGES, 0)
    for word in words:
        for language in _SPOKEN_IN.get(word, ()):
            counts[language] += 1
    return counts
