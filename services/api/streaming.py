"""Answers as server-sent events: sources, text, sentence, then exactly one done or error. Knows nothing of how they
are made.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import structlog

from retrieval.errors import FootnoteError
from retrieval.types import AnswerDone, AnswerEvent, SentenceChecked, SourcesFound, TextDelta
from services.api import presenting, schemas
from services.api.errors import problem_of

_log = structlog.get_logger(__name__)


async def events(
    answering: AsyncGenerator[AnswerEvent, None], done: Callable[[AnswerDone], Awaitable[None]]
) -> AsyncIterator[str]:
    """The stream's events as text; `done` stores it before the last event says that it is there.

    A reader who leaves closes this generator, which closes `answering`, which frees the model.
    """
    try:
        async with aclosing(answering):
            async for event in answering:
                if isinstance(event, AnswerDone):
                    await done(event)
                yield _named(event)
    except FootnoteError as error:
        yield _event("error", problem_of(error).model_dump(exclude_none=True))
    except Exception as error:
        _log.exception("answer_crashed")
        yield _event("error", problem_of(error).model_dump(exclude_none=True))


def _named(event: AnswerEvent) -> str:
    match event:
        case SourcesFound(sources):
            return _event("sources", [schemas.Source.model_validate(s).model_dump(mode="json") for s in sources])
        case TextDelta(delta):
            return _event("text", {"delta": delta})
        case SentenceChecked(sentence):
            return _event("sentence", schemas.Sentence.model_validate(sentence).model_dump(mode="json"))
        case AnswerDone(answer):
            return _event("done", presenting.answer(answer).model_dump(mode="json"))


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
