"""The hits of one question, cut into sentences, with what ties each sentence to the question.

Knows nothing of refusals, answers or models: the evidence check, the extractive answer and the support check all start
from this, so that a sentence is split and embedded once a question.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from retrieval.sentences import split_sentences
from retrieval.terms import coverage, inverse_document_frequency, terms
from retrieval.types import Hit

Vectors = npt.NDArray[np.float32]
EmbedTexts = Callable[[Sequence[str]], Vectors]

# Most of what is added to a model's own time goes into this: 60 sentences take 160 ms on 2 cores. With 24 the evidence
# check is as good, and the extractive answer loses .003 of its sentence F1.
MAX_EMBEDDED = 24
# A list is read, quoted and cited as one unit up to this many characters; a longer one falls into its items.
MAX_BLOCK = 600

_MAIL_HEADER = re.compile(r"(?:From|To|Cc|Subject|Date|Reply-To):")
# Where it is asked whether something is so, a sentence without other words than the question's answers it all the same:
# "Smoking is not allowed in the building." Elsewhere it tells nothing.
_STATES = re.compile(r"[.!。！][\s\"'”’»)\]*_]*\Z")
_ASKS_WHETHER = re.compile(
    r"\W*(?:(?:so|and|but|und|et|y) )?(?:is|are|am|was|were|do|does|did|may|can|could|must|should|shall|will|would|has|"
    r"have|had|need|ist|sind|bin|war|darf|dürfen|kann|können|muss|müssen|soll|sollen|hat|habe|haben|gibt|wird|werden|"
    r"gilt|gelten|est|sont|peut|peuvent|peux|puis|dois|doit|doivent|faut|a-t|y a|es|son|puede|pueden|puedo|debe|deben|"
    r"hay)\b",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"[-*•–◦▪]\s|(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]\s")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, table row, or short list with its lead-in, of a hit. `document_text[start:end] == text`.

    `hit` is the index of its hit and `position` its place in there. `overlap` is the share of the question's terms that
    it has, weighted by rarity. `heads` says that it tells nothing but announces what follows: a heading, a question,
    column titles, words that are all in the question.
    """

    hit: int
    position: int
    start: int
    end: int
    text: str
    terms: frozenset[str]
    overlap: float
    heads: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A question with its hits and their units, in the order of the hits.

    `context[i]` holds the terms of hit i's title and headings. `vectors` has a row for each unit, zeros where one was
    left out, and `cosines` its product with the question's vector.
    """

    question: str
    question_terms: frozenset[str]
    weights: dict[str, float]
    hits: tuple[Hit, ...]
    context: tuple[frozenset[str], ...]
    units: tuple[Unit, ...]
    vectors: Vectors
    cosines: Vectors


def read(question: str, hits: Sequence[Hit], embed: EmbedTexts) -> Reading:
    """Cut `hits` into units and embed those nearest to `question` by words: MAX_EMBEDDED, of each hit one.

    `embed` is given the question first, and then the units: where the two are embedded otherwise, it sees to that.
    """
    return embedded(cut(question, hits), embed)


def cut(question: str, hits: Sequence[Hit]) -> Reading:
    """Cut `hits` into units; nothing is embedded yet: `vectors` has no columns, and `cosines` are 0."""
    spans = [(index, span) for index, hit in enumerate(hits) for span in _new_spans(hits, index)]
    found = [frozenset(terms(_text(hits[index], span))) for index, span in spans]
    weights = inverse_document_frequency(found)
    wanted = frozenset(terms(question))
    whether = _ASKS_WHETHER.match(question) is not None
    units: list[Unit] = []
    for (index, (start, end)), unit_terms in zip(spans, found, strict=True):
        position = units[-1].position + 1 if units and units[-1].hit == index else 0
        offset = hits[index].chunk.start
        text = _text(hits[index], (start, end))
        overlap = coverage(wanted, unit_terms, weights)
        heads = _heads(text, hits[index]) or (unit_terms <= wanted and not (whether and _STATES.search(text)))
        units.append(Unit(index, position, offset + start, offset + end, text, unit_terms, overlap, heads))
    context = tuple(frozenset(terms(" ".join((hit.document.title, *hit.chunk.heading_path)))) for hit in hits)
    return Reading(question, wanted, weights, tuple(hits), context, tuple(units), *_nothing(len(units)))


def embedded(reading: Reading, embed: EmbedTexts) -> Reading:
    """`reading` with the vectors of the units nearest to its question by words; `embed` as for `read`."""
    vectors, cosines = _embed(reading.question, reading.units, embed)
    return replace(reading, vectors=vectors, cosines=cosines)


def _nothing(units: int) -> tuple[Vectors, Vectors]:
    return np.zeros((units, 0), dtype=np.float32), np.zeros(units, dtype=np.float32)


def unit_spans(text: str) -> list[tuple[int, int]]:
    """Spans of the units of `text`: its sentences, with a lead-in and the list after it in one piece if short."""
    spans = split_sentences(text)
    units: list[tuple[int, int]] = []
    position = 0
    while position < len(spans):
        start, end = spans[position]
        last = position
        if text[end - 1] in ":：":
            while last + 1 < len(spans) and _LIST_ITEM.match(text, spans[last + 1][0]):
                last += 1
        if last > position and spans[last][1] - start <= MAX_BLOCK:
            end, position = spans[last][1], last
        units.append((start, end))
        position += 1
    return units


def _new_spans(hits: Sequence[Hit], index: int) -> Iterator[tuple[int, int]]:
    """Units of a hit that no earlier hit of the same document has: neighbouring chunks may overlap."""
    hit = hits[index]
    earlier = [
        (other.chunk.start, other.chunk.end)
        for other in hits[:index]
        if (other.document.document_id, other.document.version) == (hit.document.document_id, hit.document.version)
    ]
    for start, end in unit_spans(hit.chunk.text):
        middle = hit.chunk.start + (start + end) // 2
        if not any(low <= middle < high for low, high in earlier):
            yield start, end


def _heads(text: str, hit: Hit) -> bool:
    plain = text.strip(" \t#*_=-")
    if text.startswith("#") or plain.endswith(("?", "？")):
        return True
    if hit.document.media_type == "message/rfc822" and _MAIL_HEADER.match(plain):
        return True
    if " | " in plain:  # parsing writes "Column: cell" in every row below the column titles
        return ": " not in plain and f"{plain.split(' | ')[0]}: " in hit.chunk.text
    return plain in (hit.document.title, *hit.chunk.heading_path)


def _text(hit: Hit, span: tuple[int, int]) -> str:
    return hit.chunk.text[span[0] : span[1]]


def _embed(question: str, units: Sequence[Unit], embed: EmbedTexts) -> tuple[Vectors, Vectors]:
    nearest = sorted(range(len(units)), key=lambda i: (-units[i].overlap, units[i].hit, units[i].position))
    of_each_hit = list({units[i].hit: i for i in reversed(nearest)}.values())[::-1]
    chosen = list(dict.fromkeys((*of_each_hit, *nearest)))[: max(MAX_EMBEDDED, len(of_each_hit))]
    rows = embed([question, *(units[i].text for i in chosen)])
    vectors = np.zeros((len(units), rows.shape[1]), dtype=np.float32)
    vectors[chosen] = rows[1:]
    return vectors, vectors @ rows[0]
