"""Server-sent events in, typed answer events out.

Knows nothing of how the stream was asked for. The order and the names are the contract's: `sources`, any number of
`text` and `sentence`, then exactly one of `done` and `error`.
"""

from collections.abc import Iterator, Mapping

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from ingest.problems import AnswerInterruptedError, UnexpectedAnswerError, problem_from_document
from ingest.resources import value_of
from retrieval.types import (
    Answer,
    AnswerDone,
    AnswerEvent,
    Sentence,
    SentenceChecked,
    Source,
    SourcesFound,
    TextDelta,
)


def answer_events(response: httpx.Response) -> Iterator[AnswerEvent]:
    """The events of an open stream as they come; the last one is AnswerDone.

    Raises a ProblemError at an `error` event, AnswerInterruptedError where the stream ends before its last event.
    """
    try:
        for message in EventSource(response).iter_sse():
            event = _answer_event(message)
            if event is not None:
                yield event
            if isinstance(event, AnswerDone):
                return
    except SSEError as error:
        raise UnexpectedAnswerError(f"{response.url} did not answer with a stream of events.") from error
    except httpx.DecodingError as error:
        raise UnexpectedAnswerError(f"{response.url} sent a stream that cannot be decoded.") from error
    except httpx.TransportError as error:
        raise AnswerInterruptedError(f"The connection broke before the answer was complete ({error}).") from error
    raise AnswerInterruptedError("The server ended the answer before it was complete. Ask again.")


def _answer_event(message: ServerSentEvent) -> AnswerEvent | None:
    """One event of a stream; None for what this version does not know, and for keep-alives."""
    if not message.data:
        return None
    try:
        data = message.json()
    except (ValueError, RecursionError) as error:  # nested too deeply
        raise UnexpectedAnswerError(f"The server sent an event that is not JSON: {message.event}") from error
    match message.event:
        case "sources":
            return SourcesFound(value_of(tuple[Source, ...], data))
        case "text":
            return value_of(TextDelta, data)
        case "sentence":
            return SentenceChecked(value_of(Sentence, data))
        case "done":
            return AnswerDone(value_of(Answer, data))
        case "error":
            raise problem_from_document(data if isinstance(data, Mapping) else {})
    return None
