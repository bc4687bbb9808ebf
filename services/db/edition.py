"""What a title is about, and which edition of it: "Travel policy 2024 (final)" is one of "Travel policy".

Knows nothing of documents, languages beyond a few words, or databases. Careful rather than clever, for who takes two
subjects for one hides a valid text behind another. Marks count at the ends of a title only; a year is none beside a
month, a quarter or another number, nor where the words say that each is a text of its own: minutes, reports.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

# A version of more digits is a serial number. Together below 2**63.
_PLACES = (10_000, 1_000, 1_000, 2)
_SERIES = frozenset(
    "agenda agendas announcement announcements budget budgets bulletin bulletins changelog changelogs digest invoice"
    " invoices letter letters minutes news newsletter newsletters notes paper papers protocol protocols report reports"
    " result results review reviews statement statements summary survey surveys"
    " abschluss bericht berichte ergebnis ergebnisse mitteilung mitteilungen notizen protokoll protokolle rechnung"
    " rechnungen rundschreiben umfrage"
    " bilan bulletin compte-rendu facture factures lettre procès-verbal rapport rapports".split()
)
_PERIODS = frozenset(
    "q1 q2 q3 q4 h1 h2 quarter week month half kw quartal woche monat halbjahr trimestre semaine mois"
    " jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september"
    " october november december januar februar märz mai juni juli oktober dezember janvier février mars avril juin"
    " juillet août septembre octobre novembre décembre".split()
)
_DRAFT = frozenset("draft entwurf brouillon".split())
_FINAL = frozenset("final endgültig definitif définitif".split())
_VERSION_WORDS = frozenset("v ver version rev revision edition issue fassung ausgabe revision révision édition".split())
_FILE_ENDING = re.compile(r"(?<=\w)\.(?:pdf|docx?|odt|rtf|pptx?|odp|xlsx?|ods|html?|md|txt|eml|epub|csv)$")
_TOKEN = re.compile(r"[^\s_,;:()\[\]{}–—|-]+")
_YEAR = re.compile(r"(?:19[5-9]\d|20\d\d)")
_NUMBERED = re.compile(r"(?:v|ver|version|rev|r)\.?(\d{1,4})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?")
_NUMBER = re.compile(r"(\d{1,4})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?")
_LETTER = re.compile(r"[a-z]")
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Edition:
    """`subject` is the same for every edition of a text: a digest, which fits an index of any database.

    `number` grows from one edition to the next, 0 where a title names none, below 0 for a draft: -1 - n for one of n.
    """

    subject: str
    number: int


def edition_of(title: str) -> Edition:
    """The edition that a title names. A path is one of its last part, in its folder."""
    folder, _, name = unicodedata.normalize("NFKC", title).casefold().strip().rpartition("/")
    tokens = _TOKEN.findall(_FILE_ENDING.sub("", name))
    marks = _Marks()
    rest = _stripped(tokens, marks)
    if not _WORD.search(" ".join(rest)):
        rest, marks = tokens, _Marks()
    about = "\x00".join((folder, *rest))
    return Edition(hashlib.sha256(about.encode(errors="replace")).hexdigest()[:32], marks.number())


@dataclass
class _Marks:
    """What has been found of an edition."""

    year: int = 0
    version: tuple[int, int, int] | None = None
    draft: bool = False
    final: bool = False

    def number(self) -> int:
        number = self.year
        for value, place in zip((*(self.version or (0, 0, 0)), int(self.final)), _PLACES, strict=True):
            number = number * place + value
        return -1 - number if self.draft else number


def _stripped(tokens: list[str], marks: _Marks) -> list[str]:
    """The tokens without the marks at both ends, which are noted."""
    own = bool(_SERIES.intersection(tokens))
    left = list(tokens)
    while left:
        for at_end in (True, False):
            taken = _mark(left if at_end else left[:2], marks, at_end=at_end, series=own)
            if taken:
                left = left[:-taken] if at_end else left[taken:]
                break
        else:
            return left
    return left


def _mark(tokens: list[str], marks: _Marks, *, at_end: bool, series: bool) -> int:
    """Note the mark at the end, or the beginning, and say how many tokens it takes; 0 where there is none."""
    token, beside = (tokens[-1], tokens[-2:-1]) if at_end else (tokens[0], tokens[1:2])
    if token in _DRAFT and not marks.draft:
        marks.draft = True
        return 1
    if token in _FINAL and not marks.final:
        marks.final = True
        return 1
    if series:
        return 0
    if _YEAR.fullmatch(token) and not marks.year and not (beside and _is_period(beside[0])):
        if at_end and beside and beside[0] in _VERSION_WORDS:
            return 0
        marks.year = int(token)
        return 1
    return _version_mark(token, beside[0] if at_end and beside else "", marks)


def _version_mark(token: str, before: str, marks: _Marks) -> int:
    """`v2`, `version 3.1`, `rev. b`: as many tokens."""
    if marks.version is not None:
        return 0
    if found := _NUMBERED.fullmatch(token):
        marks.version = _parts(found)
        return 1
    if before.rstrip(".") not in _VERSION_WORDS:
        return 0
    if found := _NUMBER.fullmatch(token):
        marks.version = _parts(found)
        return 2
    if _LETTER.fullmatch(token):
        marks.version = (1 + ord(token) - ord("a"), 0, 0)
        return 2
    return 0


def _parts(found: re.Match[str]) -> tuple[int, int, int]:
    major, minor, patch = (int(part or 0) for part in found.groups())
    return major, minor, patch


def _is_period(token: str) -> bool:
    """A number, or a word that a year belongs to."""
    return token[0].isdigit() or token.rstrip(".") in _PERIODS
