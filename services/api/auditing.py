"""An audit as server-sent events: any number of `progress`, then exactly one `report` or `error`.

Knows nothing of what an audit looks at. Half an hour of work is no reason for a time-out: something is said at least
once a batch, and a reader who leaves ends the audit.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import structlog
from fastapi.concurrency import run_in_threadpool

from retrieval.errors import FootnoteError
from services.api.errors import problem_of
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
                yield _event("report", event.as_json())
                return
            yield _event("progress", {"stage": event.stage, "done": event.done, "total": event.total})
    except FootnoteError as error:
        yield _event("error", problem_of(error).model_dump(exclude_none=True))
    except Exception as error:
        _log.exception("audit_crashed")
        yield _event("error", problem_of(error).model_dump(exclude_none=True))
    finally:
        close = getattr(verifying, "close", None)
        if close is not None:
            close()


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
