"""Do the facts of a claim stand beside the same words in the source, or do others stand there?

Knows nothing of sources or citations. A number or a name that the source has elsewhere is not yet right: where the
source puts another one between the very words that the claim puts around this one, the claim has swapped it. Rules on
words and places, in whatever language has capitals for names.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from retrieval.quantities import number_values
from retrieval.terms import STOP_WORDS, stem
from retrieval.units import is_unit

_TOKEN = re.compile(r"\d+(?:[.,’']\d+)*|[^\W\d_]+(?:[’'-][^\W\d_]+)*|[.!?:;\n•|]")
_ENDS = frozenset(".!?:;\n•|")
# Words beside a fact, in the claim and in the source, where a paraphrase may have put others between.
BESIDE_CLAIM, BESIDE_SOURCE = 6, 9
# Each word further away counts for so much less.
FADING = 0.8
# Words beside a number, and how much better two numbers must fit each in the other's place to be exchanged.
NEAREST, EXCHANGED = 3, 0.09
# A claim with more facts than this is a list, and checked as far as this.
MOST_MENTIONS = 30


@dataclass(frozen=True, slots=True)
class Mention:
    """A number or a name at a place. `keys` are its values or its words; two mentions agree where they share one.

    `sure` is false of a lone capital at the start of a sentence, which may be any word.
    """

    keys: frozenset[Decimal] | frozenset[str]
    first: int
    last: int
    sure: bool = True

    @property
    def number(self) -> bool:
        return any(isinstance(key, Decimal) for key in self.keys)


@dataclass(frozen=True, slots=True)
class Words:
    """A text as stems in order, None where a word says nothing, with its mentions."""

    stems: tuple[str | None, ...]
    mentions: tuple[Mention, ...]

    def beside(self, mention: Mention, reach: int) -> dict[str, int]:
        """Stems around a mention by their distance, the nearest of each."""
        found: dict[str, int] = {}
        for distance in range(1, reach + 1):
            for place in (mention.first - distance, mention.last + distance):
                word = self.stems[place] if 0 <= place < len(self.stems) else None
                if word is not None:
                    found.setdefault(word, distance)
        return found


def read_words(text: str) -> Words:
    """The words of `text` with its numbers and names. Linear in its length."""
    text = unicodedata.normalize("NFKC", text)
    stems: list[str | None] = []
    mentions: list[Mention] = []
    names: list[tuple[str, bool]] = []  # the run of capitals that is being read, and whether each began a sentence

    def close() -> None:
        if names:
            sure = len(names) > 1 or not names[0][1] or (names[0][0].isupper() and len(names[0][0]) > 1)
            keys = frozenset(stem(name.lower()) for name, _ in names)
            mentions.append(Mention(keys, len(stems) - len(names), len(stems) - 1, sure))
        names.clear()

    starts = True
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in _ENDS:
            close()
            starts = True
            continue
        plain = token.lower().removesuffix("'s").removesuffix("’s")
        capital = token[0].isupper() and plain not in STOP_WORDS
        if not capital:
            close()
        if values := number_values(plain):
            mentions.append(Mention(values, len(stems), len(stems)))
        stems.append(None if plain in STOP_WORDS else stem(plain))
        if capital:
            names.append((token, starts))
        starts = False
    close()
    return Words(tuple(stems), tuple(mentions))


def misplaced(
    claim: Words, sources: Iterable[Words], weights: Mapping[str, float], *, topic: frozenset[str] = frozenset()
) -> tuple[float, float]:
    """How much better another number, and another name, fits in the place that the claim gives to its own: in [0, 1].

    `sources` are units of text; a fact that none of them has is left to the search for missing facts. `topic` holds
    stems of titles and headings, whose names need not be repeated. `weights` say how rare each stem is.
    """
    units = [(unit, mention) for unit in sources for mention in unit.mentions]
    said = frozenset(word for word in claim.stems if word)
    worst = {True: 0.0, False: 0.0}
    rarest = max(weights.values(), default=1.0)
    for mention in claim.mentions[:MOST_MENTIONS]:
        if not mention.sure or (not mention.number and mention.keys & topic):
            continue
        around = {
            word: weights.get(word, rarest) * FADING ** (distance - 1)
            for word, distance in claim.beside(mention, BESIDE_CLAIM).items()
        }
        alike = [(unit, other) for unit, other in units if other.number == mention.number]
        own = [_fit(around, unit, other) for unit, other in alike if other.keys & mention.keys]
        # A sentence that has the claim's own name as well is about both.
        about = {id(unit) for unit, other in alike if other.keys & mention.keys} if not mention.number else set()
        rivals = [
            _fit(around, unit, other)
            for unit, other in alike
            if other.sure and id(unit) not in about and not _in_claim(other, claim, said)
        ]
        if own and rivals:
            worst[mention.number] = max(worst[mention.number], max(rivals) - max(own))
    if _exchanged(claim, units, weights) > EXCHANGED:
        worst[True] = 1.0
    return worst[True], worst[False]


def _exchanged(claim: Words, units: Sequence[tuple[Words, Mention]], weights: Mapping[str, float]) -> float:
    """How much better two numbers of the claim, both of the source, would fit each in the other's place."""
    rarest = max(weights.values(), default=1.0)
    numbers = [(unit.beside(mention, NEAREST), mention) for unit, mention in units if mention.number]
    asked = [mention for mention in claim.mentions[:MOST_MENTIONS] if mention.number]
    around = [
        {word: weights.get(word, rarest) * FADING ** (far - 1) for word, far in claim.beside(it, NEAREST).items()}
        for it in asked
    ]
    # fits[i][j]: how well the words around the i-th stand around the j-th in the source.
    fits = [
        [max((_near(words, beside) for beside, found in numbers if found.keys & it.keys), default=-1.0) for it in asked]
        for words in around
    ]
    pairs = ((i, j) for j in range(len(asked)) for i in range(j) if _are_apart(claim, asked[i], asked[j]))
    known = ((i, j) for i, j in pairs if fits[i][i] >= 0 and fits[j][j] >= 0)
    return max(((fits[i][j] + fits[j][i] - fits[i][i] - fits[j][j]) / 2 for i, j in known), default=0.0)


def _are_apart(claim: Words, one: Mention, other: Mention) -> bool:
    """Whether words say which number is whose: not so in "20 and 25 days respectively", "9 hours 45 minutes"."""
    between = claim.stems[one.last + 1 : other.first]
    return not one.keys & other.keys and any(word is not None and not is_unit(word) for word in between)


def _near(around: Mapping[str, float], beside: Mapping[str, int]) -> float:
    near = sum(weight * FADING ** (beside[word] - 1) for word, weight in around.items() if word in beside)
    return near / (sum(around.values()) or 1.0)


def _in_claim(mention: Mention, claim: Words, said: frozenset[str]) -> bool:
    if mention.number:
        return any(mention.keys & other.keys for other in claim.mentions)
    return bool(mention.keys & said)


def _fit(around: Mapping[str, float], unit: Words, mention: Mention) -> float:
    """Share of the words around the claim's fact that stand around this one too, by weight."""
    beside: Sequence[str] | dict[str, int] = unit.beside(mention, BESIDE_SOURCE)
    return sum(weight for word, weight in around.items() if word in beside) / (sum(around.values()) or 1.0)
