"""Text to sentence spans, with exact offsets.

Rules, not a model: it has to run on every chunk of every document and on an answer while it streams, in linear time.
A line is a wall: parsing joins the lines of a paragraph, so a line break that is left separates list items, headings
or table rows. Knows nothing of documents, chunks or answers.
"""

import re
from collections.abc import Iterator

_LINE = re.compile(r"[^\n\r\x0b\x0c\x85\u2028\u2029]+")

# A Latin terminator ends a sentence only before white space, a full-width one anywhere. Closing quotes and brackets
# belong to the sentence, and so do the citation markers that models and encyclopaedias put behind the full stop.
# Possessive runs and the look-behind keep a megabyte of dots linear.
_CLOSERS = r"[\"'”’»)\]}*_`」』）】》]"
_END = re.compile(
    r"(?:(?P<latin>(?<![.!?…؟۔])[.!?…؟۔]++)|(?P<wide>[。！？｡।॥]++))"
    + _CLOSERS
    + r"{0,8}(?:[ \t]?\[\d{1,3}\]){0,8}(?(latin)(?=\s))"
)
_OPENERS = re.compile(r"[\s\"'“‘«(\[{*_`#¿¡-]{0,20}")
_WORD_BEFORE = re.compile(r"[^\W_](?:[\w.&'’-]{0,22}[^\W_])?\Z")
_WORD_LOOK_BACK = 24

# "3.", "2.1.", "b)", "Section 4." at the start of a line number what follows.
_ENUMERATOR = re.compile(
    r"(?:[-*•–>#\s]{0,6})(?:(?:section|article|chapter|clause|part|step|appendix|rule|item|§|art|sec)\.?\s*)?"
    r"(?:\d{1,4}(?:\.\d{1,4}){0,5}|[ivxlc]{1,6}|[a-z])[.)]+",
    re.IGNORECASE,
)


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NEVER_LAST = _words(
    "mr mrs ms dr prof rev gen sen rep gov capt lt col sgt maj hon messrs mt mme mlle fr e.g i.e eg ie cf vs viz "
    "incl resp z.b d.h bzw ggf ggfs vgl sog inkl exkl zzgl abzgl evtl einschl bspw bzgl insb insbes lfd c.-à-d"
)
_BEFORE_NUMBER = _words(
    "no nos nr num p pp fig figs eq eqs sec secs art arts ch chap vol vols para paras ext ver v rev ca c approx max "
    "min tab ref refs cl abs § jan feb mar apr jun jul aug sep sept oct nov dec tel est"
)
_SOMETIMES_LAST = _words(
    "inc ltd co corp llc plc gmbh bros etc jr sr st ave blvd rd dept al a.m p.m ph.d m.d b.a m.a u.s u.k u.n "
    "e.u d.c p.a a.d b.c i.d u.s.a v.s"
)
_STARTERS = _words(
    "the this that these those it its he she we you they i if in on at for from as an a and but or so when while "
    "where our your their his her there here all any each every no not please to by with after before during "
    "however therefore thus since once although because what who how why which such some many most both under upon "
    "unless until within without employees customers managers"
)

# German and French. Many of their abbreviations are English words ("gem", "mind", "max") or names, so each of these
# rules looks at what follows, or asks for German around it. They only join what the rules above would cut.
_GERMAN_STARTERS = _STARTERS | _words(
    "der die das dies diese dieser dieses dem den des ein eine einer einem einen er sie es wir ihr ich man im am auf "
    "bei beim bis für mit nach von vom vor zu zum zur ab aus seit über um unter durch ohne gegen wenn falls weil da "
    "dort hier dabei dafür dagegen daher dadurch damit danach dann daneben darüber daraus davon dazu deshalb deswegen "
    "trotzdem dennoch jedoch somit sonst zudem außerdem allerdings anschließend auch aber und oder doch nur nicht kein "
    "keine jeder jede jedes alle wer was wo wie wann warum während sofern sobald bitte unser unsere ihre seine"
)
_TITLES = _words("Hr Hrn Frl Fa Fam Ing Dipl.-Ing Dipl.-Kfm")
_CONTINENTAL_BEFORE_NUMBER = _words(
    "Abb Anh Anl Anm Bd Bl Kap Nrn Pos Rdnr Rn Rz Tz Ziff Mrz Okt Dez geb réf Réf janv févr avr juil déc"
)
_NUMBER_ENDINGS = ("str", "Str", "nr", "Nr")  # "Hauptstr. 5", "Art.-Nr. AB-12"
_NUMBER = re.compile(r"[A-Z]{0,4}[-/ ]?[0-9]")
_REFERENCE = re.compile(r"§|(?:Art|Abs|Nrn?|Ziff|Anl|Anh|Kap)\.\s?[0-9]")
_FRENCH_ARTICLE = re.compile(r"(?:[LRD]\.\s?)?[0-9]")  # "l'art. 5", "art. L. 1234-5"
_ELISION = re.compile(r"\A[dl]['’]")
_CURRENCY = re.compile(r"[€$£]|(?:euro?|chf|us|usd|us-dollar|dollar|franken|gbp)\b", re.IGNORECASE)
_FOLLOWERS = {"gem": _REFERENCE, "art": _FRENCH_ARTICLE, "mio": _CURRENCY, "mrd": _CURRENCY, "tsd": _CURRENCY}
_TELEPHONES = _words("tel tél")
_IN_GERMAN_ONLY = _words("mind Mind gem ca max min Min Std std Mio mio Mrd mrd Tsd tsd Nr nr geb")
_AND_SO_ON = _words("usw usf")

# Text is taken for German by its small words or letters, where no small word stands that only English has. The
# window is fixed, as a line can be a megabyte of such places.
_CONTEXT = 80
_CONTEXT_WORD = re.compile(r"[^\W\d_]+")
_GERMAN_SIGN = re.compile(r"[äöüß]|\b(?:am|im|ab|den|des)\s[0-9]", re.IGNORECASE)
_GERMAN_WORDS = _words(
    "der die das dem und oder ist sind wird werden wurde wurden nicht mit von vom zum zur bei beim auf nach seit bis "
    "ein eine einem einen einer eines sich auch sowie dass wenn kann muss soll wie nur noch uns wir unser unsere jede "
    "jeden jeder jedes dieser diese dieses ihr ihre kein keine Der Die Das Ein Eine Bei Nach Seit Von Vom Zum Zur Wir "
    "Wenn"
)
_ENGLISH_WORDS = _words(
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


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Spans `(start, end)` of the sentences of `text`, ascending, without surrounding white space.

    The spans cover every character that is not white space. A line never shares a sentence with the next; a table
    row (cells divided by `|` or tabs) is one unit. Linear in the length of the text.
    """
    spans: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        cuts = [] if _is_table_row(line.group()) else _boundaries(line.group())
        start = line.start()
        for cut in (*(line.start() + cut for cut in cuts), line.end()):
            if span := _stripped(text, start, cut):
                spans.append(span)
            start = cut
    return spans


def _is_table_row(line: str) -> bool:
    return "\t" in line.strip() or " | " in line or line.lstrip().startswith("|")


def _stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    return (start + left, start + right) if right > left else None


def _boundaries(line: str) -> Iterator[int]:
    # Text without a single capital (chat, old corpora) has to be cut at lower-case starts, or not at all.
    cased = line.lower() != line
    start = 0
    for match in _END.finditer(line):
        if match.group("wide") or _ends_sentence(line, start, match, cased=cased):
            yield match.end()
            start = match.end()


def _ends_sentence(line: str, start: int, match: re.Match[str], *, cased: bool) -> bool:
    opened = _OPENERS.match(line, match.end())
    after = opened.end() if opened else match.end()
    if after >= len(line):
        return False
    next_char = line[after]
    if cased and next_char.islower():
        return False
    if match.group("latin") != ".":
        return True
    if match.end("latin") - start <= 40 and _ENUMERATOR.fullmatch(line[start : match.end("latin")].lstrip()):
        return False
    return not (_is_abbreviation(line, start, match.start(), after) or _is_ordinal(line, match.start()))


_DOTTED = re.compile(r"(?:[A-Za-z]\.){1,4}[A-Za-z]")
_LETTERS = re.compile(r"[^\W\d_]{1,12}")


def _is_abbreviation(line: str, start: int, dot: int, after: int) -> bool:
    """Whether the full stop at `dot` belongs to its word, given the text that follows at `after`."""
    found = _WORD_BEFORE.search(line[max(start, dot - _WORD_LOOK_BACK) : dot])
    if not found:
        return False
    word = found.group()
    return (
        _is_english_abbreviation(word, line, after)
        or _is_phrase(line, dot, after)
        or _is_continental_abbreviation(word, line, dot, after)
    )


def _is_english_abbreviation(word: str, line: str, after: int) -> bool:
    key = word.lower()
    if key in _NEVER_LAST:
        return True
    if key in _BEFORE_NUMBER and line[after].isdigit():
        return True
    initial = len(word) == 1 and word.isupper() and word != "I"
    if key in _SOMETIMES_LAST or initial or _DOTTED.fullmatch(word):
        following = _LETTERS.match(line, after)
        return following is None or following.group().lower() not in _STARTERS
    return False


def _is_phrase(line: str, dot: int, after: int) -> bool:
    """Whether the full stop is one of an abbreviation of several words, such as "z. B." or "i. d. R."."""
    for found in _PHRASE.finditer(line, max(0, dot - _PHRASE_LENGTH), dot + _PHRASE_LENGTH):
        if found.start() < dot < found.end():
            is_last = dot == found.end() - 1
            may_go_on = found["either"] is not None and not _starts_sentence(line, after)
            return not is_last or found["open"] is not None or may_go_on
    return False


def _is_continental_abbreviation(word: str, line: str, dot: int, after: int) -> bool:
    """Whether the word is a German or French abbreviation that goes on with the text at `after`."""
    key = _ELISION.sub("", word.lower())
    if _goes_on_with(word, key, line, after):
        return True
    if _starts_sentence(line, after):
        return False
    if key in _AND_SO_ON:
        return line[after].islower()
    return word in _TITLES or (word in _IN_GERMAN_ONLY and _in_german(line, dot))


def _goes_on_with(word: str, key: str, line: str, after: int) -> bool:
    # What follows is enough to tell, whatever the language around it.
    if word in _CONTINENTAL_BEFORE_NUMBER or (word.endswith(_NUMBER_ENDINGS) and word[0].isupper()):
        return _NUMBER.match(line, after) is not None
    if key in _TELEPHONES:
        return line[after] in "+:" or line[after].isdigit()
    follows = _FOLLOWERS.get(key)
    return follows is not None and follows.match(line, after) is not None


def _is_ordinal(line: str, dot: int) -> bool:
    """Whether the full stop makes the digits before it a German ordinal, shown by the month or noun behind it."""
    if not _ORDINAL.search(line[max(0, dot - 4) : dot]):
        return False
    found = _AFTER_ORDINAL.match(line, dot + 1)
    if not found:
        return False
    is_english_too = found["english_month"] is not None or found["english_noun"] is not None
    return not is_english_too or _in_german(line, dot)


def _starts_sentence(line: str, after: int) -> bool:
    following = _LETTERS.match(line, after)
    return following is not None and following.group().lower() in _GERMAN_STARTERS


def _in_german(line: str, dot: int) -> bool:
    window = (max(0, dot - _CONTEXT), dot + _CONTEXT)
    words = set(_CONTEXT_WORD.findall(line, *window))
    if not words.isdisjoint(_ENGLISH_WORDS):
        return False
    return not words.isdisjoint(_GERMAN_WORDS) or _GERMAN_SIGN.search(line, *window) is not None
