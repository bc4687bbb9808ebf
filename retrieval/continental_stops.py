"""Full stops of German and French that end no sentence: abbreviations, and ordinals ("31. März").

Many of these abbreviations are English words ("gem", "mind", "max") or names, so most rules look at what follows, or
ask for German around it. They only join what would otherwise be cut. Knows nothing of how a line is cut.
"""

import re

_LETTERS = re.compile(r"[^\W\d_]{1,12}")


def word_set(words: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(words.split())


# Words that open a sentence. The caller knows those of English.
_STARTERS = word_set(
    "der die das dies diese dieser dieses dem den des ein eine einer einem einen er sie es wir ihr ich man im am auf "
    "bei beim bis für mit nach von vom vor zu zum zur ab aus seit über um unter durch ohne gegen wenn falls weil da "
    "dort hier dabei dafür dagegen daher dadurch damit danach dann daneben darüber daraus davon dazu deshalb deswegen "
    "trotzdem dennoch jedoch somit sonst zudem außerdem allerdings anschließend auch aber und oder doch nur nicht kein "
    "keine jeder jede jedes alle wer was wo wie wann warum während sofern sobald bitte unser unsere ihre seine"
)
_NEVER_LAST = word_set(
    "z.b d.h bzw ggf ggfs vgl sog inkl exkl zzgl abzgl evtl einschl bspw bzgl insb insbes lfd c.-à-d"
)
_TITLES = word_set("Hr Hrn Frl Fa Fam Ing Dipl.-Ing Dipl.-Kfm")
_BEFORE_NUMBER = word_set(
    "Abb Anh Anl Anm Bd Bl Kap Nrn Pos Rdnr Rn Rz Tz Ziff Mrz Okt Dez geb réf Réf janv févr avr juil déc"
)
_NUMBER_ENDINGS = ("str", "Str", "nr", "Nr")  # "Hauptstr. 5", "Art.-Nr. AB-12"
_NUMBER = re.compile(r"[A-Z]{0,4}[-/ ]?[0-9]")
_REFERENCE = re.compile(r"§|(?:Art|Abs|Nrn?|Ziff|Anl|Anh|Kap)\.\s?[0-9]")
_FRENCH_ARTICLE = re.compile(r"(?:[LRD]\.\s?)?[0-9]")  # "l'art. 5", "art. L. 1234-5"
_ELISION = re.compile(r"\A[dl]['’]")
_CURRENCY = re.compile(r"[€$£]|(?:euro?|chf|us|usd|us-dollar|dollar|franken|gbp)\b", re.IGNORECASE)
_FOLLOWERS = {"gem": _REFERENCE, "art": _FRENCH_ARTICLE, "mio": _CURRENCY, "mrd": _CURRENCY, "tsd": _CURRENCY}
_TELEPHONES = word_set("tel tél")
_IN_GERMAN_ONLY = word_set("mind Mind gem ca max min Min Std std Mio mio Mrd mrd Tsd tsd Nr nr geb")
_AND_SO_ON = word_set("usw usf")

# Text is taken for German by its small words or letters, where no small word stands that only English has. The
# window is fixed, as a line can be a megabyte of such places.
_CONTEXT = 80
_CONTEXT_WORD = re.compile(r"[^\W\d_]+")
_GERMAN_SIGN = re.compile(r"[äöüß]|\b(?:am|im|ab|den|des)\s[0-9]", re.IGNORECASE)
_GERMAN_WORDS = word_set(
    "der die das dem und oder ist sind wird werden wurde wurden nicht mit von vom zum zur bei beim auf nach seit bis "
    "ein eine einem einen einer eines sich auch sowie dass wenn kann muss soll wie nur noch uns wir unser unsere jede "
    "jeden jeder jedes dieser diese dieses ihr ihre kein keine Der Die Das Ein Eine Bei Nach Seit Von Vom Zum Zur Wir "
    "Wenn"
)
_ENGLISH_WORDS = word_set(
    "the of and is are to with for this that it be by from have has you he she they we on at as or but not The This "
    "That It He She They We You For On At As And But I"
)


def _spaced(*phrases: str) -> str:
    # Print puts thin spaces between the parts, people put full ones or none.
    return "|".join(r"\s?".join(re.escape(part) for part in phrase.split()) for phrase in phrases)


# "open": more must follow. "either": more follows, or a new sentence that starts like one. "inner": only the stops
# before the last one are decided here. The case is exact, as "D. H." and "e. v. v." are initials.
_PHRASE = re.compile(
    r"(?<![\w.])(?:"
    rf"(?P<open>{_spaced('z. B.', 'z. b.', 'd. h.', 'i. d. R.', 'i. d. r.', 'u. U.', 'v. a.', 'z. Hd.', 'z. Zt.')}"
    rf"|{_spaced('i. S. d.', 'i. V. m.', 'i. H. v.', 'p. ex.', 'c. à d.')})"
    rf"|(?P<either>{_spaced('u. a.', 'u. ä.', 'u. Ä.', 'o. ä.', 'o. Ä.', 'z. T.', 'o. g.', 's. o.', 's. u.')})"
    rf"|(?P<inner>{_spaced('v. Chr.', 'n. Chr.', 'e. V.', 'a. D.', 'av. J.-C.', 'apr. J.-C.')}))"
)
_PHRASE_LENGTH = 12

# "3. Quartal", "1. und 15. März": German ordinals are digits and a full stop. A noun with its own number ("Kapitel 3.
# Absatz 4 regelt") and a plural ("mit 12. Jahre später") start a sentence, so neither is taken for the ordinal's noun.
_ORDINAL = re.compile(r"(?<!\w)(?<![0-9][.,:])[0-9]{1,2}\Z")
_MONTH = "Januar|Jänner|Jän|Februar|Feber|März|Maerz|Mär|Mrz|Mai|Juni|Juli|Oktober|Okt|Dezember|Dez"
_ENGLISH_MONTH = "April|August|September|November|Jan|Feb|Apr|Jun|Jul|Aug|Sept?|Nov"
_COUNTED = (
    "Quartal|Halbjahr|Vierteljahr|Abschnitt|Absatz|Kapitel|Teil|Satz|Halbsatz|Unterabsatz|Artikel|Punkt|Schritt|Stufe"
    "|Etage|Stockwerk|Obergeschoss|Untergeschoss|Geschoss|Jahrhundert|Jahrtausend|Jahrzehnt|Jhd?|Lebensjahr"
    "|Geschäftsjahr|Dienstjahr|Berufsjahr|Kalenderjahr|Schuljahr|Lehrjahr|Ausbildungsjahr|Jahr|Woche|Kalenderwoche"
    "|Lebenswoche|Schwangerschaftswoche|Monat|Lebensmonat|Kalendermonat|Werktag|Arbeitstag|Kalendertag|Bankarbeitstag"
    "|Krankheitstag|Urlaubstag|Geburtstag|Jahrestag|Feiertag|Weihnachtstag|Weihnachtsfeiertag|Osterfeiertag|Spieltag"
    "|Stunde|Auflage|Ausgabe|Fassung|Nachtrag|Mahnung|Klasse|Instanz|Senat|Zivilsenat|Strafsenat|Kammer|Platz|Stelle"
    "|Bundesliga|Weltkrieg|Vorsitzende[rn]?"
    r"|(?:Mon|Diens|Donners|Frei|Sams|Sonn)tag(?=\s+(?:im|des|eines|jede[ns])\s)|Mittwoch(?=\s+(?:im|des|eines|jede[ns])\s)"
)
_ENGLISH_COUNTED = "Tag|Stock|Band|Minute|Semester|Advent|OG|UG|KW"
_AFTER_ORDINAL = re.compile(
    r"\s{1,3}(?:(?:und|oder|bis|sowie|[-–—/&+])\s{0,2}[0-9]{1,2}\.\s{1,3}){0,4}"
    rf"(?:(?:{_MONTH}|(?P<english_month>{_ENGLISH_MONTH}))(?!\w)"
    rf"|(?P<noun>{_COUNTED}|(?P<english_noun>{_ENGLISH_COUNTED}))(?:e?s)?(?!\w)"
    r"(?!\s+(?:[0-9]{1,3}(?![0-9])|(?:für|um|nach)\s+(?P=noun))))",
    re.IGNORECASE,
)


def opens_with(line: str, at: int, words: frozenset[str]) -> bool:
    """Whether the text at `at` begins with one of `words`, which are in small letters."""
    found = _LETTERS.match(line, at)
    return found is not None and found.group().lower() in words


def is_abbreviation(word: str, line: str, dot: int, after: int, *, opens: bool) -> bool:
    """Whether the full stop at `dot` belongs to `word` before it, given the text that follows at `after`.

    `opens`: whether an English word that opens sentences stands there.
    """
    opens = opens or opens_with(line, after, _STARTERS)
    return (
        word.lower() in _NEVER_LAST
        or _is_phrase(line, dot, opens=opens)
        or _goes_on_with(word, line, after)
        or (not opens and _goes_on(word, line, dot, after))
    )


def is_ordinal(line: str, dot: int) -> bool:
    """Whether the full stop makes the digits before it an ordinal, shown by the month or noun behind it."""
    if not _ORDINAL.search(line[max(0, dot - 4) : dot]):
        return False
    found = _AFTER_ORDINAL.match(line, dot + 1)
    if not found:
        return False
    is_english_too = found["english_month"] is not None or found["english_noun"] is not None
    return not is_english_too or _in_german(line, dot)


def _is_phrase(line: str, dot: int, *, opens: bool) -> bool:
    """Whether the full stop is one of an abbreviation of several words, such as "z. B." or "i. d. R."."""
    for found in _PHRASE.finditer(line, max(0, dot - _PHRASE_LENGTH), dot + _PHRASE_LENGTH):
        if found.start() < dot < found.end():
            is_last = dot == found.end() - 1
            may_go_on = found["either"] is not None and not opens
            return not is_last or found["open"] is not None or may_go_on
    return False


def _goes_on_with(word: str, line: str, after: int) -> bool:
    # What follows is enough to tell, whatever the language around it.
    if word in _BEFORE_NUMBER or (word.endswith(_NUMBER_ENDINGS) and word[0].isupper()):
        return _NUMBER.match(line, after) is not None
    key = _without_article(word)
    if key in _TELEPHONES:
        return line[after] in "+:" or line[after].isdigit()
    follows = _FOLLOWERS.get(key)
    return follows is not None and follows.match(line, after) is not None


def _goes_on(word: str, line: str, dot: int, after: int) -> bool:
    if _without_article(word) in _AND_SO_ON:
        return line[after].islower()
    return word in _TITLES or (word in _IN_GERMAN_ONLY and _in_german(line, dot))


def _without_article(word: str) -> str:
    return _ELISION.sub("", word.lower())


def _in_german(line: str, dot: int) -> bool:
    window = (max(0, dot - _CONTEXT), dot + _CONTEXT)
    words = set(_CONTEXT_WORD.findall(line, *window))
    if not words.isdisjoint(_ENGLISH_WORDS):
        return False
    return not words.isdisjoint(_GERMAN_WORDS) or _GERMAN_SIGN.search(line, *window) is not None
