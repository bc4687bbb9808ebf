"""OpenAI's protocol over the answering path of `/v1/ask`: any client of it works, and sees what its key may read."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from retrieval.types import AnswerDone, AnswerEvent
from services.api import asking, openai_schemas
from services.api.dependencies import PartsOf, Reader
from services.api.event_stream import EventStream
from services.api.openai_errors import OpenAIRoute
from services.api.openai_requests import checked_model, question_of
from services.api.openai_streaming import chunks, completion
from services.api.staying import CLIENT_LEFT, while_connected

router = APIRouter(
    prefix="/v1",
    tags=["openai"],
    route_class=OpenAIRoute,
    responses={"4XX": {"model": openai_schemas.ErrorBody}, "5XX": {"model": openai_schemas.ErrorBody}},
)
STREAM = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.post("/chat/completions", response_model=openai_schemas.ChatCompletion, responses=STREAM)  # type: ignore[arg-type]
async def complete(
    body: openai_schemas.ChatRequest, request: Request, parts: PartsOf, principal: Reader
) -> Response | openai_schemas.ChatCompletion:
    """Answer the last message from what one may read. System messages are ignored: an answer keeps to its sources."""
    try:
        asked, history = question_of(body)
    except ValidationError as error:
        raise RequestValidationError([{**e, "loc": ("body", "messages")} for e in error.errors()]) from error
    answer_id = str(uuid.uuid4())
    answering = asking.begin(asked, parts, principal, history, answer_id=answer_id)

    async def ended(done: AnswerDone) -> None:
        asking.count(done)
        if body.store:
            await run_in_threadpool(asking.keep, parts, principal, asked.question, done)

    if body.stream:
        usage = body.stream_options is not None and bool(body.stream_options.include_usage)
        begun = _begun(await anext(answering), answering)
        return EventStream(chunks(answer_id, begun, ended, with_usage=usage))
    done = await while_connected(request.receive, asking.whole(answering))
    if done is None:
        return Response(status_code=CLIENT_LEFT)
    await ended(done)
    return completion(done)


async def _begun(first: AnswerEvent, rest: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[AnswerEvent, None]:
    """Both in one. The first event is waited for before the response begins: what fails until then has its status."""
    async with aclosing(rest):
        yield first
        async for event in rest:
            yield event


@router.get("/models")
def models(_principal: Reader) -> openai_schemas.Models:
    """The one model that there is."""
    return openai_schemas.Models(data=[openai_schemas.Model()])


@router.get("/models/{model}")
def model(model: str, _principal: Reader) -> openai_schemas.Model:
    """That model by its name."""
    checked_model(model)
    return openai_schemas.Model()
