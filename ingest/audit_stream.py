"""Server-sent events of an audit in, its progress and its report out.

Knows nothing of how the stream was asked for: any number of `progress`, then exactly one of `report` and `error`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from httpx_sse import EventSource, SSEError
from pydantic import Field

from ingest.problems import AnswerInterruptedError, UnexpectedAnswerError, problem_from_document
from ingest.resources import Resource, value_of

CLASSES = ("missing", "phantom", "duplicate", "malformed")


class AuditProgress(Resource):
    """How far an audit is. `stage` is documents, index, originals or repair; `total` None where it is not known."""

    stage: str
    done: int = 0
    total: int | None = None


class AuditExample(Resource):
    """One of the findings: ids and numbers only."""

    what: str
    count: int = 1
    document_id: str | None = None
    version: int | None = None
    blob: str | None = None
    points: tuple[str | int, ...] = ()


class AuditTally(Resource):
    """How many findings of a class there are, and the first of them."""

    count: int = 0
    examples: tuple[AuditExample, ...] = ()


class LostOriginal(Resource):
    """A document version whose original is gone: send the file again."""

    document_id: str
    version: int | None = None
    title: str | None = None


class AuditReport(Resource):
    """Registry against index against originals. `repaired` None: nothing was to be mended."""

    clean: bool
    documents: int = 0
    chunks: int = 0
    originals: int = 0
    in_flight: int = 0
    seconds: float = 0.0
    missing: AuditTally = AuditTally()
    phantom: AuditTally = AuditTally()
    duplicate: AuditTally = AuditTally()
    malformed: AuditTally = AuditTally()
    repaired: Mapping[str, int] | None = None
    lost: tuple[LostOriginal, ...] = Field(default=())

    def tally(self, kind: str) -> AuditTally:
        tally: AuditTally = getattr(self, kind)
        return tally


def audit_events(response: httpx.Response) -> Iterator[AuditProgress | AuditReport]:
    """The events of an open stream as they come; the last one is the report.

    Raises a ProblemError at an `error` event, AnswerInterruptedError where the stream ends before its last event.
    """
    try:
        for message in EventSource(response).iter_sse():
            data = message.json() if message.data else None
            if message.event == "progress":
                yield value_of(AuditProgress, data)
            elif message.event == "report":
                yield value_of(AuditReport, data)
                return
            elif message.event == "error":
                raise problem_from_document(_mapping(data))
    except SSEError as error:
        raise UnexpectedAnswerError(f"{response.url} did not answer with a stream of events.") from error
    except (ValueError, RecursionError) as error:  # nested too deeply
        raise UnexpectedAnswerError("The server sent an event that is not JSON.") from error
    except httpx.DecodingError as error:
        raise UnexpectedAnswerError(f"{response.url} sent a stream that cannot be decoded.") from error
    except httpx.TransportError as error:
        raise AnswerInterruptedError(f"The connection broke before the audit was complete ({error}).") from error
    raise AnswerInterruptedError("The server ended the audit before it was complete. Try again.")


def _mapping(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, Mapping) else {}
