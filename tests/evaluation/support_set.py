"""The labelled set that the support check is measured on: true sentences with their passages, and false ones by kind.

True are sentences of the answers that people wrote for CLAP NQ and MTRAG-UN, with the passages that they wrote them
from: `verbatim` where a passage has the very words, `paraphrase` where it does not. People also write what no passage
says. The paraphrases of which no sentence of a passage has nearly all words (223 of 317 in the test part, 196 of 318 in
the train part) were read beside their passages, and `support_unfounded.json` lists those left out, with the reason.
False ones are made of the true ones (`support_changes.py`), or are true ones beside the passage of another document
that is nearest by embedding (`support_nearest.py`). Made anew each time, the same from the same data; no text of the
sets is kept here.
"""

import hashlib
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from retrieval.prompts import numbered
from retrieval.sentences import split_sentences
from retrieval.support import claims_something
from retrieval.types import Hit, Source
from tests.evaluation.data_sets import json_lines
from tests.evaluation.support_changes import CHANGES, mixed, names_of
from tests.in_memory import document

UNFOUNDED = Path(__file__).with_name("support_unfounded.json")
NEAREST = Path(__file__).with_name("support_nearest.json")
VERBATIM, PARAPHRASE = "verbatim", "paraphrase"
TRUE = (VERBATIM, PARAPHRASE)
LEFT_OUT = "left out: no passage says it"
OTHER_PASSAGE = "another passage"
MIXED_SAME, MIXED_OTHER = "mixed, same passage", "mixed, another passage"
KINDS = (*CHANGES, OTHER_PASSAGE, MIXED_SAME, MIXED_OTHER)
# An answer of thirty steps must not count for thirty questions.
MOST_SENTENCES = 6
# Few sentences have these, so each is changed in several ways.
TIMES = {
    "number changed": 3,
    "number of the passage": 3,
    "date changed": 4,
    "year of the passage": 3,
    "unit changed": 3,
}
# A passage that has so many words of another in a row is another cut of the same text.
SHINGLE = 8


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage as a data set has it."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence to be checked by `passages`. `kind` is one of TRUE or of KINDS, `name` tells it from all others."""

    name: str
    question: str
    kind: str
    test: bool
    sentence: str
    passages: tuple[Passage, ...]

    @property
    def true(self) -> bool:
        return self.kind in TRUE

    def sources(self) -> tuple[Source, ...]:
        return tuple(numbered([_hit(rank, passage) for rank, passage in enumerate(self.passages, start=1)]))


@dataclass(frozen=True)
class Answer:
    """The claims of one answer that a person wrote, by the name of each, with the passages it was written from."""

    question: str
    claims: Mapping[str, str]
    passages: tuple[Passage, ...]

    @property
    def test(self) -> bool:
        """Half of the questions, by a hash of their names."""
        return _hash(self.question) % 2 == 1

    @cached_property
    def text(self) -> str:
        return "\n".join(f"{passage.title}\n{passage.text}" for passage in self.passages)

    @cached_property
    def letters(self) -> str:
        return letters(self.text)


def answers(data: Path, *, all_sentences: bool = False) -> list[Answer]:
    """The answers of both sets; `all_sentences` with those that `support_unfounded.json` leaves out."""
    left_out = {} if all_sentences else json.loads(UNFOUNDED.read_text(encoding="utf-8"))
    found = []
    for question, answer, passages in (*_clapnq(data), *_mtrag_un(data)):
        pieces = [answer[start:end] for start, end in split_sentences(answer)]
        named = {f"{question}:{place}": text for place, text in enumerate(pieces) if _checkable(text)}
        claims = {name: text for name, text in list(named.items())[:MOST_SENTENCES] if name not in left_out}
        if claims:
            found.append(Answer(question, claims, passages))
    return found


def cases(data: Path) -> list[Case]:
    """The whole set, true sentences first within each answer."""
    everything = answers(data)
    passages = all_passages(data)
    near = json.loads(NEAREST.read_text(encoding="utf-8"))
    names = sorted({name for answer in everything for name in names_of(answer.text)})
    found: list[Case] = []
    for place, answer in enumerate(everything):
        others = everything[place - 1]
        elsewhere = []
        for name, claim in answer.claims.items():
            kind = VERBATIM if letters(claim) in answer.letters else PARAPHRASE
            made = [(kind, claim), *_made_false(name, claim, answer, others, names)]
            found += [
                Case(f"{name} {place}", answer.question, kind, answer.test, text, answer.passages)
                for place, (kind, text) in enumerate(made)
            ]
            if name in near:
                passage = passages[near[name]]
                elsewhere.append(Case(f"{name} x", answer.question, OTHER_PASSAGE, answer.test, claim, (passage,)))
        found += elsewhere
    return found


def left_out(data: Path) -> list[Case]:
    """The sentences that are no part of the set, since people wrote them and no passage says them."""
    unfounded = json.loads(UNFOUNDED.read_text(encoding="utf-8"))
    return [
        Case(name, answer.question, LEFT_OUT, answer.test, claim, answer.passages)
        for answer in answers(data, all_sentences=True)
        for name, claim in answer.claims.items()
        if name in unfounded
    ]


def _made_false(name: str, claim: str, answer: Answer, others: Answer, names: Sequence[str]) -> list[tuple[str, str]]:
    """Kinds and texts of what is made of one claim, no text twice."""
    found: list[tuple[str, str]] = []
    for kind, change in CHANGES.items():
        for time in range(TIMES.get(kind, 1)):
            text = change(claim, answer.text, names, random.Random(_hash(f"{name} {kind} {time}")))
            if text is not None and letters(text) not in answer.letters and all(text != other for _, other in found):
                found.append((kind, text))
    for kind, second in (
        (MIXED_SAME, [text for other, text in answer.claims.items() if other != name]),
        (MIXED_OTHER, list(others.claims.values())),
    ):
        if second and (text := mixed(claim, random.Random(_hash(f"{name} {kind}")).choice(second))):
            found.append((kind, text))
    return found


def another(claim: str, answer: Answer, passage: Passage) -> bool:
    """Whether a passage is neither one of the answer's nor another cut of one, nor has the claim's very words."""
    theirs = _shingles(passage.text)
    apart = not theirs & _shingles(answer.text) and not theirs & _shingles(claim)
    return apart and letters(claim) not in letters(passage.text)


def _checkable(text: str) -> bool:
    return claims_something(text) and len(text.split()) >= 4 and "`" * 3 not in text


def _clapnq(data: Path) -> Iterator[tuple[str, str, tuple[Passage, ...]]]:
    for row in json_lines(data / "clapnq" / "answerable.jsonl"):
        passages = tuple(Passage(passage["title"], passage["text"]) for passage in row["passages"])
        yield f"clapnq {row['id']}", row["output"][0]["answer"], passages


def _mtrag_un(data: Path) -> Iterator[tuple[str, str, tuple[Passage, ...]]]:
    for row in json_lines(data / "mtrag_un" / "tasks.jsonl"):
        if row["answerability"][0] == "ANSWERABLE":
            passages = tuple(Passage("", context["text"]) for context in row["contexts"])
            yield f"mtrag_un {row['task_id'][:12]}", row["targets"][0]["text"], passages


def all_passages(data: Path) -> dict[str, Passage]:
    """Every passage of both sets by its id."""
    rows = [row for name in ("clapnq", "mtrag_un") for row in json_lines(data / name / "corpus.jsonl")]
    return {row["_id"]: Passage(row["title"], row["text"]) for row in rows}


def _hit(rank: int, passage: Passage) -> Hit:
    view, chunks = document(passage.text, title=passage.title, name=f"passage {rank}")
    return Hit(rank, 1.0 / rank, view, chunks[0])


def letters(text: str) -> str:
    """Letters and digits alone, so that spaces and commas do not matter."""
    return re.sub(r"\W+", "", text).lower()


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)}


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
