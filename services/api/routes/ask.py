"""Questions: an answer at once, or as a stream of events."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from retrieval.errors import UnavailableError
from retrieval.types import AnswerDone, AnswerEvent, Principal, Turn
from services.api import explaining, presenting, schemas, streaming
from services.api.dependencies import Parts, PartsOf, Reader
from services.api.replay import replayed
from services.db.conversations import Exchange
from services.telemetry import ANSWER_SECONDS, ANSWERS

router = APIRouter(prefix="/v1", tags=["ask"])
HISTORY = 6
STREAM = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.post("/ask", response_model=schemas.Answer, responses=STREAM)  # type: ignore[arg-type]
async def ask(body: schemas.AskRequest, parts: PartsOf, principal: Reader) -> StreamingResponse | schemas.Answer:
    """Answer a question from what one may read. With `stream`, the events of the contract."""
    history = await run_in_threadpool(_history, parts, body.conversation_id, principal)
    conversation_id = body.conversation_id or str(uuid.uuid4())
    answering = parts.answerer.answer(
        body.question,
        principal,
        answer_id=str(uuid.uuid4()),
        conversation_id=conversation_id,
        history=history,
        filters=presenting.filters(body.filters),
        top_k=body.top_k,
    )

    async def store(done: AnswerDone) -> None:
        await run_in_threadpool(_store, parts, principal, body.question, done)

    if body.stream:
        stream = streaming.events(answering, store)
        return StreamingResponse(stream, media_type="text/event-stream", headers=streaming.HEADERS)
    done = await _whole(answering)
    await store(done)
    return presenting.answer(done.answer)


async def _whole(answering: AsyncGenerator[AnswerEvent, None]) -> AnswerDone:
    async with aclosing(answering):
        async for event in answering:
            if isinstance(event, AnswerDone):
                return event
    raise UnavailableError("The answer ended before it was whole.", code="answer_cut")


def _history(parts: Parts, conversation_id: str | None, principal: Principal) -> list[Turn]:
    """The last messages of the caller's conversation, without what they may no longer read. Raises NotFoundError."""
    if conversation_id is None:
        return []
    messages = list(parts.conversations.messages(conversation_id, principal))[-HISTORY:]
    stored = [message.answer for message in messages if message.answer is not None]
    texts = {answer.id: answer.text for answer in replayed(stored, parts.registry, principal)}
    return [Turn(message.role, texts.get(message.id, message.content)) for message in messages]


def _store(parts: Parts, principal: Principal, question: str, done: AnswerDone) -> None:
    answer = done.answer
    ANSWERS.labels(answer.outcome, answer.mode).inc()
    ANSWER_SECONDS.observe(answer.timings_ms.get("total", 0.0) / 1000)
    shown = presenting.answer(answer).model_dump(mode="json")
    explanation = explaining.stored(done.explanation) if done.explanation else None
    parts.conversations.add(answer.conversation_id, principal, Exchange(question, answer.text, shown, explanation))
