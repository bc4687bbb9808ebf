"""What ties a candidate to the query, as numbers between 0 and 1: what reranking weighs.

Knows nothing of weights or principals. Computed from what the two searches brought, without another look at the index
and without a model: some 0.1 ms a candidate.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from retrieval.analysis import Matcher
from retrieval.fusion import Places, places
from retrieval.types import Candidate

# Words in which the terms of a question stand together where one sentence, or two, answer it.
WINDOW = 30
# Terms that follow one another in the query do in the passage if no more than one word stands between them.
NEAR = 2
# How many of the query's terms further on the next one may stand: there are several where one word counts as such.
_STEPS = (1, 2, 3)
# Whose texts may name the document that is missing: a question of two steps finds the first by its words.
LEADERS = 3
_SHORTEST_TITLE = 5
# How much a passage says of the one next to it, and of the one after that.
_NEIGHBOURS = ((1, 1.0), (2, 0.5))

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Signals:
    """One candidate's.

    `dense` is its cosine, 0 for a negative one; `dense_place` and `sparse_place` say where its scores lie between the
    lowest and the highest of that search, 0 where that search missed it. `coverage` is the share of the query's terms,
    weighted by rarity among the candidates, that passage, title and headings hold; `title` that of title and headings
    alone, `window` that of the best WINDOW words of the passage, `numbers` the plain share of the query's numbers.
    `phrases` is the share of the query's neighbouring terms that are neighbours here too. `around` is how well the
    passages around it in its document do, and `named` whether a leading passage of another document names this one's
    title.
    """

    dense: float
    dense_place: float
    sparse_place: float
    coverage: float
    title: float
    window: float
    phrases: float
    numbers: float
    around: float
    named: float


NAMES = tuple(field.name for field in fields(Signals))
_VALUES = attrgetter(*NAMES)


def signals(query: str, candidates: Sequence[Candidate], titles: Mapping[str, str], *, first: int) -> Matrix:
    """Shape (min(first, candidates), signals): of the first candidates, which come best first. The others only count as
    neighbours. `titles` by document id.
    """
    where = places(candidates)
    around = _around(candidates, where.mean(axis=1), first)
    matcher = Matcher(query)
    heads = [candidate.chunk.head(titles.get(candidate.document_id, "")) for candidate in candidates[:first]]
    known = {head: frozenset(number for _, number in matcher.places(head)) for head in set(heads)}
    read = [
        _Passage(matcher.places(candidate.chunk.text), known[head])
        for candidate, head in zip(candidates, heads, strict=False)
    ]
    rarity = _Rarity(len(matcher.terms), read)
    numbers = {number for number, term in enumerate(matcher.terms) if any(map(str.isdigit, term))}
    named = _named(candidates, titles, first)
    lowest = min((c.dense_score for c in candidates if c.dense_score is not None), default=0.0)
    rows = [
        Signals(
            dense=min(1.0, max(0.0, candidate.dense_score if candidate.dense_score is not None else lowest)),
            dense_place=float(where[place][0]),
            sparse_place=float(where[place][1]),
            coverage=_share(passage.held, rarity),
            title=_share(passage.head, rarity),
            window=passage.window(rarity),
            phrases=passage.phrases(len(matcher.terms)),
            numbers=len(numbers & passage.held) / len(numbers) if numbers else 0.0,
            around=around[place],
            named=float(candidate.document_id in named),
        )
        for place, (candidate, passage) in enumerate(zip(candidates, read, strict=False))
    ]
    return np.array([_VALUES(row) for row in rows], dtype=np.float64).reshape(-1, len(NAMES))


class _Rarity:
    """What each term of a query weighs: log(1 + passages / passages that hold it), among the candidates read."""

    def __init__(self, terms: int, passages: Sequence["_Passage"]) -> None:
        counts = Counter(number for passage in passages for number in passage.held)
        self.weights = [math.log(1 + len(passages) / max(counts[number], 0.5)) for number in range(terms)]
        self.total = sum(self.weights) or 1.0
        self._known: dict[int, float] = {}

    def share(self, held: int) -> float:
        """Of terms that are bits: the few that a query has stand together in the same ways again and again."""
        if held not in self._known:
            self._known[held] = _share([number for number in range(len(self.weights)) if held >> number & 1], self)
        return self._known[held]


class _Passage:
    """Where the terms of the query stand in one candidate. `head` are those in its title and headings, `held` all."""

    def __init__(self, places: Sequence[tuple[int, int]], head: frozenset[int]) -> None:
        self._places = places
        self.terms = frozenset(number for _, number in places)
        self.head = head
        self.held = self.terms | head

    def window(self, rarity: _Rarity) -> float:
        """The share of the terms in the best WINDOW words, those of the head given. Sets of terms are bits here."""
        last: dict[int, int] = {}
        given = sum(1 << number for number in self.head)
        share, inside, start = _share(self.head, rarity), given, 0
        for index, (place, number) in enumerate(self._places):
            while place - self._places[start][0] >= WINDOW:
                gone = self._places[start][1]
                if last[gone] == start:
                    inside &= ~(1 << gone) | given
                start += 1
            last[number] = index
            if not inside >> number & 1:
                inside |= 1 << number
                share = max(share, rarity.share(inside))
        return share

    def phrases(self, terms: int) -> float:
        """The share of the query's neighbouring terms that stand together here, in their order."""
        if terms < NEAR:
            return 0.0
        found = {
            number
            for step in _STEPS
            for (place, number), (later, other) in zip(self._places, self._places[step:], strict=False)
            if other == number + 1 and later - place <= NEAR
        }
        return len(found) / (terms - 1)


def _around(candidates: Sequence[Candidate], scores: Places, first: int) -> list[float]:
    """Of the first candidates; all of them count."""
    by_place = {(c.document_id, c.version, c.chunk.number): float(s) for c, s in zip(candidates, scores, strict=True)}
    return [
        max(
            (
                weight * by_place.get((c.document_id, c.version, c.chunk.number + step * side), 0.0)
                for step, weight in _NEIGHBOURS
                for side in (-1, 1)
            ),
        )
        for c in candidates[:first]
    ]


def _named(candidates: Sequence[Candidate], titles: Mapping[str, str], first: int) -> frozenset[str]:
    """The documents of the first candidates whose title stands in a leading passage, without the leaders' own."""
    leading = {candidate.document_id for candidate in candidates[:LEADERS]}
    said = "\n".join(candidate.chunk.text.casefold() for candidate in candidates[:LEADERS])
    others = {candidate.document_id for candidate in candidates[:first]} - leading
    return frozenset(
        document for document in others if len(titles.get(document, "")) >= _SHORTEST_TITLE
        and titles[document].casefold() in said
    )  # fmt: skip


def _share(held: Collection[int], rarity: _Rarity) -> float:
    return sum(map(rarity.weights.__getitem__, held)) / rarity.total
