"""A question on its way through the answerer and into its conversation, the same for every protocol that asks.

Knows nothing of how an answer is shown.
"""

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool

from retrieval.access import access_filter
from retrieval.errors import NotFoundError, UnavailableError
from retrieval.types import AnswerDone, AnswerEvent, Principal, Turn
from services.acting import acting_as
from services.api import explaining, presenting, schemas
from services.api.audit_events import AskedAudit
from services.api.dependencies import Parts
from services.api.replay import replayed
from services.db.conversations import NO_MESSAGE, Exchange
from services.telemetry import ANSWER_SECONDS, ANSWERS

HISTORY = 6


@dataclass(frozen=True, slots=True)
class Before:
    """What a question is asked after: the turns that the answerer sees, and the ids of the messages it replaces.

    goes_on: the conversation is there already.
    """

    history: Sequence[Turn] = ()
    replaced: tuple[str, ...] = ()
    goes_on: bool = False


NOTHING = Before()


def begin(
    asked: schemas.AskRequest,
    parts: Parts,
    principal: Principal,
    history: Sequence[Turn],
    *,
    answer_id: str | None = None,
) -> AsyncGenerator[AnswerEvent, None]:
    """The events of an answer, as the answerer yields them. Closing them frees the model. Raises OverloadedError, and
    InvalidFilterError for filters that cannot be right.

    Every protocol asks here, so here questions are counted. Filters are looked at here, too: a response that has begun
    can refuse nothing, and what needs no search has none in which they would be.
    """
    filters = presenting.filters(asked.filters)
    access_filter(principal, filters)
    parts.limiter.question(principal)
    asked_of = AskedAudit(asked.question, answer_id or str(uuid.uuid4()), acting_as(principal), parts.audit_notes)
    events = parts.answerer.answer(
        asked.question,
        principal,
        answer_id=asked_of.answer_id,
        conversation_id=asked.conversation_id or str(uuid.uuid4()),
        history=history,
        filters=filters,
        top_k=asked.top_k,
        prompted=asked_of.prompted,
    )
    return parts.open_answers.admit(asked_of.followed(events))


async def whole(answering: AsyncGenerator[AnswerEvent, None]) -> AnswerDone:
    """The last event. Raises UnavailableError where there is none."""
    async with aclosing(answering):
        async for event in answering:
            if isinstance(event, AnswerDone):
                return event
    raise UnavailableError("The answer ended before it was whole.", code="answer_cut")


async def answered(asked: schemas.AskRequest, parts: Parts, principal: Principal) -> AnswerDone:
    """The whole answer, counted and kept. Raises NotFoundError for a foreign conversation, and what answering does."""
    earlier = await run_in_threadpool(before, parts, asked, principal)
    done = await whole(begin(asked, parts, principal, earlier.history))
    count(done)
    await run_in_threadpool(keep, parts, principal, asked.question, done, earlier)
    return done


def before(parts: Parts, asked: schemas.AskRequest, principal: Principal) -> Before:
    """The last messages before the question, without what the caller may no longer read. Raises NotFoundError."""
    if asked.conversation_id is None:
        if asked.replaces is not None:
            raise NotFoundError(NO_MESSAGE)
        return NOTHING
    earlier = parts.conversations.earlier(asked.conversation_id, principal, replaces=asked.replaces, limit=HISTORY)
    stored = [message.answer for message in earlier.messages if message.answer is not None]
    texts = {answer.id: answer.text for answer in replayed(stored, parts.registry, principal)}
    turns = [Turn(message.role, texts.get(message.id, message.content)) for message in earlier.messages]
    return Before(turns, earlier.replaced, goes_on=True)


def count(done: AnswerDone) -> None:
    """Add an answer to the metrics."""
    answer = done.answer
    ANSWERS.labels(answer.outcome, answer.mode).inc()
    ANSWER_SECONDS.observe(answer.timings_ms.get("total", 0.0) / 1000)


def keep(parts: Parts, principal: Principal, question: str, done: AnswerDone, earlier: Before = NOTHING) -> None:
    """Store a question with its answer in the answer's conversation, in the place of the messages it replaces.

    Nothing is stored in one that was deleted meanwhile. Raises ConflictError where more was said behind those
    messages; then all stays as it is.
    """
    answer = done.answer
    shown = presenting.answer(answer).model_dump(mode="json")
    explanation = explaining.stored(done.explanation) if done.explanation else None
    exchange = Exchange(question, answer.text, shown, explanation)
    parts.conversations.add(
        answer.conversation_id, principal, exchange, replaced=earlier.replaced, goes_on=earlier.goes_on
    )
