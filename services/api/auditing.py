"""An audit as server-sent events: any number of `progress`, then exactly one `report` or `error`.

Knows nothing of what an audit looks at. Half an hour of work is no reason for a time-out: something is said at least
once a batch, and a reader who leaves ends the audit.
"""

from collections.abc import AsyncIterator, Iterator

import structlog
from fastapi.concurrency import run_in_threadpool

from retrieval.errors import FootnoteError
from services.api.errors import problem_of
from services.api.event_stream import event_text
from services.api.schemas import Request
from services.auditing.findings import Progress, Report

_log = structlog.get_logger(__name__)


class VerifyRequest(Request):
    """`repair`: mend what is found, wait for that work and audit again."""

    repair: bool = False


async def events(verifying: Iterator[Progress | Report]) -> AsyncIterator[str]:
    """The stream's events as text."""
    try:
        while (event := await run_in_threadpool(next, verifying, None)) is not None:
            if isinstance(event, Report):
                yield event_text(event.as_json(), name="report")
                return
            yield event_text({"stage": event.stage, "done": event.done, "total": event.total}, name="progress")
    except FootnoteError as error:
        yield event_text(problem_of(error).model_dump(exclude_none=True), name="error")
    except Exception as error:
        _log.exception("audit_crashed")
        yield event_text(problem_of(error).model_dump(exclude_none=True), name="error")
    finally:
        close = getattr(verifying, "close", None)
        if close is not None:
            close()
