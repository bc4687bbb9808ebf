"""What a text denies, how many it speaks of, and on which side of a limit it stands.

Knows nothing of sources or citations: it says whether one text contradicts another that speaks of the same things.
Rules, not a model, and shallow ones: a negation or a quantifier is compared with what the other text says at the place
that has the same words around it. A language without rules contradicts nothing.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from retrieval.directions import other_direction
from retrieval.excepted import is_excepted
from retrieval.languages import ENGLISH, language_of_sentence
from retrieval.negated_limits import plainly
from retrieval.rates import other_rate
from retrieval.roles import other_roles
from retrieval.sides import SIDES, Sides
from retrieval.table_cells import answered_apart
from retrieval.terms import STOP_WORDS, stem

_TOKEN = re.compile(r"n['’]t\b|[^\W_]+(?:['’.&-][^\W_]+)*|[,;.!?()\n]")
# No colon: "Overtime paid: no" is one clause.
_CLAUSE_ENDS = frozenset(",;.!?()\n")
_CONJUNCTIONS = frozenset(
    {"but", "however", "although", "whereas", "while", "aber", "sondern", "mais", "pero", "ma", "mas"}
)

_CONDITIONS = frozenset({"if", "unless", "whether", "wenn", "falls", "ob", "si", "se", "als", "если"})

_NEGATIONS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        ENGLISH: "not no never cannot without neither nor none nobody nothing nowhere hardly n't n’t",
        "german": "nicht kein keine keinen keiner keinem keines nie niemals ohne weder niemand nichts",
        "french": "pas jamais aucun aucune sans ni personne rien",
        "spanish": "no nunca sin ningún ninguna ninguno ni nadie nada jamás",
        "italian": "non mai senza nessun nessuno nessuna né niente",
        "portuguese": "não nunca sem nenhum nenhuma nem ninguém nada",
        "dutch": "niet geen nooit zonder niemand niets",
        "russian": "не нет никогда без никто ничего ни",
    }.items()
}
# Words that deny without a negation: next to one of these, a "not" in the other text may well be right.
_SOFT_NEGATION = re.compile(
    r"(?:prohibit|forbid|ban(?:s|ned)?$|lack(?:s|ed|ing)?$|fail(?:s|ed|ing|ures?)?$|refus|exclu|"
    r"except(?:s|ed|ing|ions?)?$|unless$|only$|impossib|ineligib|unable$|unavail|unlike|den(?:y|ied|ies|ial)$|reject|"
    r"avoid|instead$|rather$|less$|few|little$|rare|seldom$|void$|invalid|expire|los(?:e|es|t|ing)$|oppos|absen[ct]|"
    r"miss(?:es|ed|ing)?$|contrary$|ceas|stop|end(?:s|ed)?$|former|no-|non-|until$|negat|prevent|devoid$|free$|"
    r"außer$|ausgenommen$|ausnahme|sauf$|hormis$|verboten|verbiet|untersag|interdi|prohib|vieta|proib|verbod|запре)",
    re.IGNORECASE,
)
# "incomplete", "unable", "disagree" beside "not complete", "not able", "not agree".
_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "non-")
# Followed by one of these, or by a comparison, a negation denies nothing.
_NO_DENIAL = re.compile(
    r"\b(?:not|n['’]t) (?:only|just|merely|solely|necessarily|always|all|every)\b|"
    r"\bno\. ?\d|\bnicht nur\b|\bnon seulement\b|\bno solo\b|\bnon solo\b",
    re.I,
)

# What is said of something, a word or two behind "is".
_PREDICATE = re.compile(
    r"\b(?:is|are|was|were|be|been|ist|sind|war|waren|bleibt|est|sont) "
    r"([^\W\d_]{4,30}(?:-[^\W\d_]{2,30})?)(?: ([^\W\d_]{4,30}))?",
    re.IGNORECASE,
)
# Words beside a negation or a quantifier that it is about: so many after it, and fewer before it.
_AFTER, _BEFORE = 4, 2
_REACH = 12
# Words in which the same place of the other text is looked for, and how much of them it must have.
_WINDOW = 9
_SAME_PLACE = 0.6
# Negations, and places of one side, that are looked at in one text: a sentence with more is no sentence.
_MOST = 12


def contradiction(claim: str, quote: str, passage: str = "", *, language: str | None = None) -> str | None:
    """Say how `claim` contradicts what it is held against, or None.

    `quote` should speak of the same things, a few sentences; `passage` is what it was taken from. `language` is that of
    the passage, where it is known.
    """
    spoken = language_of_sentence(claim, language)
    claim, quote, passage = (_plain(text, spoken) for text in (claim, quote, passage or quote))
    ours, theirs, all_theirs = (_read(text, spoken) for text in (claim, quote, passage))
    if _denies_alone(ours, all_theirs):
        return "denies what the source affirms"
    if _denies_alone(theirs, ours):
        return "affirms what the source denies"
    if not ours.negative and not theirs.denials and _only_a_prefix_apart(claim, quote):
        return "says the opposite of a word of the source"
    if exchanged := other_rate(claim, passage) or other_direction(claim, passage) or other_roles(claim, passage):
        return exchanged
    if not ours.negative and is_excepted([word for word in ours.stems if word], quote, spoken):
        return "affirms what the source excepts"
    return _other_side(claim, ours, quote, theirs, SIDES.get(spoken, ()))


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as stems in order, None where a word says nothing.

    `starts` has the offset of each word, `clauses` the number of its clause, `denials` the places of negations that do
    not stand under an "if", and `negative` the words that deny in whatever way, by place.
    """

    stems: tuple[str | None, ...]
    starts: tuple[int, ...]
    clauses: tuple[int, ...]
    denials: tuple[int, ...]
    negative: Mapping[int, str]

    def about(self, place: int, after: int = _AFTER, before: int = _BEFORE) -> tuple[list[str], list[str]]:
        """The words behind and before a place in its clause, nearest first."""
        behind = self._words(range(place + 1, len(self.stems)), self.clauses[place])
        ahead = self._words(range(place - 1, -1, -1), self.clauses[place])
        return list(islice(behind, after)), list(islice(ahead, before))

    def _words(self, places: range, clause: int) -> Iterator[str]:
        for place in places[:_REACH]:
            if self.clauses[place] != clause:
                return
            if (word := self.stems[place]) is not None:
                yield word


# A passage is held against every sentence that cites it.
@lru_cache(maxsize=64)
def _plain(text: str, language: str) -> str:
    return plainly(answered_apart(text, language), language)


@lru_cache(maxsize=64)
def _read(text: str, language: str) -> _Text:
    negations = _NEGATIONS.get(language, frozenset())
    harmless = [match.span() for match in _NO_DENIAL.finditer(text)]
    stems: list[str | None] = []
    starts, clauses, denials, negative = [], [], [], {}
    clause, conditional = 0, -1
    for match in _TOKEN.finditer(text):
        word = match.group().lower().removesuffix("'s").removesuffix("’s")
        if word in _CLAUSE_ENDS:
            clause += 1
            continue
        clause += word in _CONJUNCTIONS
        conditional = clause if word in _CONDITIONS else conditional
        denies = word in negations or word.endswith(("n't", "n’t"))
        spared = conditional == clause or any(start <= match.start() < end for start, end in harmless)
        if denies and not spared:
            denials.append(len(stems))
        if denies or _SOFT_NEGATION.match(word):
            negative[len(stems)] = "" if denies else word
        stems.append(None if denies or word in STOP_WORDS else stem(word))
        starts.append(match.start())
        clauses.append(clause)
    return _Text(tuple(stems), tuple(starts), tuple(clauses), tuple(denials), negative)


def _denies_alone(text: _Text, other: _Text) -> bool:
    """Whether `text` denies what `other` says, at the same place, without a trace of denial."""
    shared = set(text.negative.values())  # what both have makes no difference between them
    also_denied = {word for place in other.denials[:_MOST] for words in other.about(place) for word in words[:2]}
    for place in text.denials[:_MOST]:
        behind, ahead = text.about(place)
        denied = behind or ahead
        if not denied or denied[0] in also_denied:
            continue
        around = set(behind + ahead)
        windows = _same_places(around, other)
        if not any(other.stems[i] in denied[:2] for window in windows for i in window):
            continue
        if not any(_denied_there(around, other, window, shared) for window in windows) and not _prefixed(denied, other):
            return True
    return False


def _same_places(around: set[str], other: _Text) -> list[range]:
    """The windows of `other` with most of the words `around`, none where that is too few."""
    best, places = max(1, math.ceil(_SAME_PLACE * len(around))), []
    for start in range(max(1, len(other.stems) - _WINDOW + 1)):
        window = range(start, min(start + _WINDOW, len(other.stems)))
        found = len(around.intersection(word for i in window if (word := other.stems[i])))
        if found > best:
            best, places = found, [window]
        elif found == best:
            places.append(window)
    return places


def _denied_there(around: set[str], other: _Text, window: range, shared: set[str]) -> bool:
    """Whether `other` denies in the clauses where the window has the words, or just before or behind."""
    clauses = {other.clauses[i] for i in window if other.stems[i] in around}
    return any(
        other.clauses[i] in clauses and (not word or word not in shared)
        for i, word in other.negative.items()
        if window.start - 3 <= i < window.stop + 3
    )


def _prefixed(denied: Sequence[str], other: _Text) -> bool:
    """Whether `other` has a denied word with a prefix that denies."""
    words = {word for word in other.stems if word}
    return any(prefix + word in words for word in denied for prefix in _PREFIXES)


def _only_a_prefix_apart(claim: str, quote: str) -> bool:
    """Whether one says that something is supported and the other that something is unsupported, or the like."""
    mine, given = (
        {word.lower() for match in _PREDICATE.finditer(t) for word in match.groups() if word} for t in (claim, quote)
    )
    pairs = ((one, prefix + one) for one in mine | given for prefix in _PREFIXES)
    return any(
        (one in mine and denied in given and one not in given) or (one in given and denied in mine and one not in mine)
        for one, denied in pairs
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A quantifier as written, the words that it is about, the one right behind it, and whether its clause denies."""

    said: str
    about: frozenset[str]
    behind: str
    denied: bool

    def likeness(self, other: "_Place") -> float:
        """Share of the words that both are about; 0 where they go with different numbers."""
        if self.behind != other.behind and self.behind.isdigit() and other.behind.isdigit():
            return 0.0
        fewer, more = sorted((len(self.about), len(other.about)))
        if fewer < 2 < more:  # one word in common says nothing of a place with many
            return 0.0
        return len(self.about & other.about) / max(1, fewer)


def _other_side(claim: str, ours: _Text, passage: str, theirs: _Text, sides: Sides) -> str | None:
    for one, other in sides:
        for mine, opposite in ((one, other), (other, one)):
            said = _places(mine, claim, ours)
            if not said:
                continue
            against, beside = _places(opposite, passage, theirs), _places(mine, passage, theirs)
            for place in said:
                # "Not needed below 500" and "only needed above 500" are no contradiction.
                alike = [(place.likeness(it), it.said) for it in against if it.denied == place.denied]
                likeness, stated = max(alike, default=(0.0, ""))
                same = max((place.likeness(it) for it in beside), default=0.0)
                if likeness >= _SAME_PLACE and likeness > same:
                    return f'says "{place.said}" where the source says "{stated}"'
    return None


def _places(side: re.Pattern[str], text: str, read: _Text) -> list[_Place]:
    """Where one side stands in `text`."""
    found = []
    for match in islice(side.finditer(text), _MOST):
        first, past = bisect_left(read.starts, match.start()), bisect_left(read.starts, match.end())
        if first < past:
            behind, _ = read.about(past - 1, after=3)
            _, ahead = read.about(first)
            clause = read.clauses[first]
            denied = any(read.clauses[place] == clause and not first <= place < past for place in read.denials)
            found.append(_Place(match.group(), frozenset(behind + ahead), behind[0] if behind else "", denied))
    return found
