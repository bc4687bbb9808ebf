"""An answer as OpenAI's chunks: its text as it comes, then one with the reason it ended, then the whole Answer.

Knows nothing of how answers are made. The last chunk before `[DONE]` carries `footnote`, and the token counts where
they were asked for. A stream that fails ends with an error in place of `[DONE]`.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import structlog

from retrieval.errors import FootnoteError
from retrieval.types import AnswerDone, AnswerEvent, TextDelta
from services.api import presenting, wording
from services.api.event_stream import event_text
from services.api.openai_errors import error_of
from services.api.openai_schemas import MODEL, AssistantMessage, ChatCompletion, Choice, Tokens

_log = structlog.get_logger(__name__)
DONE = "data: [DONE]\n\n"


def completion(done: AnswerDone) -> ChatCompletion:
    """A whole answer at once."""
    return ChatCompletion(
        id=_id(done.answer.id),
        created=int(time.time()),
        choices=[Choice(message=AssistantMessage(content=wording.message(done)))],
        usage=_tokens(done),
        footnote=presenting.answer(done.answer),
    )


async def chunks(
    answer_id: str,
    answering: AsyncGenerator[AnswerEvent, None],
    done: Callable[[AnswerDone], Awaitable[None]],
    *,
    with_usage: bool,
) -> AsyncIterator[str]:
    """The stream's events as text; `done` is awaited before the last ones.

    A reader who leaves closes this generator, which closes `answering`, which frees the model.
    """
    head: dict[str, Any] = {
        "id": _id(answer_id),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": MODEL,
    }
    if with_usage:
        head["usage"] = None
    try:
        yield _chunk(head, {"role": "assistant", "content": ""})
        async with aclosing(answering):
            async for event in answering:
                if isinstance(event, TextDelta):
                    yield _chunk(head, {"content": event.delta})
                elif isinstance(event, AnswerDone):
                    await done(event)
                    for text in _ending(head, event, with_usage=with_usage):
                        yield text
    except FootnoteError as error:
        yield _failed(error)
    except Exception as error:
        _log.exception("answer_crashed")
        yield _failed(error)


def _ending(head: dict[str, Any], done: AnswerDone, *, with_usage: bool) -> list[str]:
    told = [_chunk(head, {"content": wording.message(done)})] if done.answer.refusal else []
    footnote = {"footnote": presenting.answer(done.answer).model_dump(mode="json")}
    if not with_usage:
        return [*told, _chunk(head | footnote, {}, finish="stop"), DONE]
    usage = {"choices": [], "usage": _tokens(done).model_dump()}
    return [*told, _chunk(head, {}, finish="stop"), event_text(head | usage | footnote), DONE]


def _chunk(head: dict[str, Any], delta: dict[str, str], *, finish: str | None = None) -> str:
    return event_text(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]})


def _id(answer_id: str) -> str:
    return f"chatcmpl-{answer_id}"


def _failed(error: Exception) -> str:
    return event_text(error_of(error)[1].model_dump())


def _tokens(done: AnswerDone) -> Tokens:
    used = done.answer.usage
    return Tokens(
        prompt_tokens=used.prompt_tokens,
        completion_tokens=used.completion_tokens,
        total_tokens=used.prompt_tokens + used.completion_tokens,
    )
