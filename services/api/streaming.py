"""Answers as server-sent events: sources, text, sentence, then exactly one done or error. Knows nothing of how they
are made.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import structlog

from retrieval.errors import FootnoteError
from retrieval.types import AnswerDone, AnswerEvent, SentenceChecked, SourcesFound, TextDelta
from services.api import presenting, schemas
from services.api.errors import problem_of
from services.api.event_stream import event_text

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
        yield event_text(problem_of(error).model_dump(exclude_none=True), name="error")
    except Exception as error:
        _log.exception("answer_crashed")
        yield event_text(problem_of(error).model_dump(exclude_none=True), name="error")


def _named(event: AnswerEvent) -> str:
    match event:
        case SourcesFound(sources):
            return event_text(
                [schemas.Source.model_validate(s).model_dump(mode="json") for s in sources], name="sources"
            )
        case TextDelta(delta):
            return event_text({"delta": delta}, name="text")
        case SentenceChecked(sentence):
            return event_text(schemas.Sentence.model_validate(sentence).model_dump(mode="json"), name="sentence")
        case AnswerDone(answer):
            return event_text(presenting.answer(answer).model_dump(mode="json"), name="done")
