"""Questions asked of the production code and scored. Knows nothing of where the documents come from."""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from retrieval.answering import Answerer
from retrieval.errors import UnavailableError
from retrieval.evaluation import DEPTH, Asked, Question, Scores, evaluate
from retrieval.evidence import weigh
from retrieval.follow_up import carry_topic
from retrieval.reading import read
from retrieval.retriever import Retriever
from retrieval.types import EVERYONE, AnswerDone, Hit, Principal


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores, and what they are made of: the hits of each question and, where it was asked, its answer."""

    scores: Scores
    found: tuple[Sequence[Hit], ...]
    asked: tuple[Asked, ...]


async def score(
    questions: Sequence[Question], retriever: Retriever, answerer: Answerer | None, progress: Callable[[int, int], None]
) -> Scored:
    """Search for every question as somebody with its grants, and with an answerer ask it too."""
    found: list[Sequence[Hit]] = []
    asked: list[Asked] = []

    async def search(question: Question) -> Sequence[Hit]:
        query = carry_topic(question.text, question.history)
        hits = (await asyncio.to_thread(retriever.retrieve, query, asker(question.grants), top_k=DEPTH)).hits
        found.append(hits)
        return hits

    async def answer(answerer: Answerer, question: Question) -> Asked:
        asked.append(await _asked(retriever, answerer, question))
        return asked[-1]

    scores = await evaluate(questions, search, partial(answer, answerer) if answerer else None, progress=progress)
    return Scored(scores, tuple(found), tuple(asked))


def asker(grants: tuple[str, ...]) -> Principal:
    """Somebody who holds these grants; without any, what everyone holds."""
    held = frozenset(grants) or frozenset({EVERYONE})
    name = hashlib.sha256(" ".join(sorted(held)).encode()).hexdigest()[:12]
    return Principal(name, f"{name}@evaluation", held)


async def _asked(retriever: Retriever, answerer: Answerer, question: Question) -> Asked:
    """The answer, and the evidence for one: weighed again, because answers do not carry it."""
    principal = asker(question.grants)
    query = carry_topic(question.text, question.history)
    retrieved = await asyncio.to_thread(retriever.retrieve, query, principal)
    sufficiency = weigh(read(query, retrieved.hits, retrieved.embedder.embed_asked)).sufficiency
    answering = answerer.answer(
        question.text,
        principal,
        answer_id=str(uuid.uuid4()),
        conversation_id=str(uuid.uuid4()),
        history=question.history,
    )
    async for event in answering:
        if isinstance(event, AnswerDone):
            return Asked(event.answer, sufficiency)
    raise UnavailableError("An answer ended before it was whole.", code="answer_cut")
