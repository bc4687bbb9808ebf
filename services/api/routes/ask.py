"""Questions: an answer at once, or as a stream of events."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from retrieval.types import AnswerDone
from services.api import asking, presenting, schemas, streaming
from services.api.dependencies import PartsOf, Reader
from services.api.event_stream import EventStream
from services.api.staying import CLIENT_LEFT, while_connected

router = APIRouter(prefix="/v1", tags=["ask"])
STREAM = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.post("/ask", response_model=schemas.Answer, responses=STREAM)  # type: ignore[arg-type]
async def ask(
    body: schemas.AskRequest, request: Request, parts: PartsOf, principal: Reader
) -> Response | schemas.Answer:
    """Answer a question from what one may read. With `stream`, the events of the contract."""
    if not body.stream:
        done = await while_connected(request.receive, asking.answered(body, parts, principal))
        return presenting.answer(done.answer) if done else Response(status_code=CLIENT_LEFT)
    earlier = await run_in_threadpool(asking.before, parts, body, principal)

    async def store(done: AnswerDone) -> None:
        asking.count(done)
        await run_in_threadpool(asking.keep, parts, principal, body.question, done, earlier)

    return EventStream(streaming.events(asking.begin(body, parts, principal, earlier.history), store))
