"""What operators look at: the state of ingestion, whether the parts are up."""

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from retrieval.errors import FootnoteError
from services.api import operations
from services.api.dependencies import Admin, Parts, PartsOf, Reader
from services.telemetry import METRICS

router = APIRouter(tags=["operations"])
# Without these no question is answered; without the broker, the originals or the model it still is.
VITAL = frozenset({"database", "index"})
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": operations.Readiness}}


@router.get("/v1/admin/status")
def status(parts: PartsOf, _admin: Admin) -> operations.AdminStatus:
    """Documents by state, the queue and its pace, workers, what is stuck, failures and parts."""
    chunks = _chunks(parts)
    index = operations.IndexStatus(chunks=chunks, engine=None if chunks is None else _engine(parts))
    return operations.admin_status(parts.figures(), parts=_states(parts, chunks), index=index)


@router.get("/v1/queue")
def queue(parts: PartsOf, _principal: Reader) -> operations.QueueLength:
    """How much is being read and waits to be, of everybody's, and for how long still: numbers only."""
    return operations.queue_length(parts.figures())


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses=NOT_READY)
def readyz(parts: PartsOf, response: Response) -> operations.Readiness:
    """200 while questions are answered, otherwise 503, as when it was told to stop; and which work does not get on."""
    states = _states(parts, _chunks(parts))
    found: list[operations.StuckWork] = []
    if states["database"] == "up":
        found = operations.stuck_work(*parts.status.stuck())
    ready = all(states[part] == "up" for part in VITAL) and not parts.open_answers.draining
    response.status_code = 200 if ready else 503
    longest = max((stuck.since_s for stuck in found), default=None)
    return operations.Readiness(ready=ready, parts=states, stuck_since_s=longest, stuck=found)


@router.get("/metrics", response_class=Response, responses=TEXT)
def metrics(parts: PartsOf) -> Response:
    """Metrics for Prometheus, of the whole system; no names, no texts."""
    parts.scrape.refresh(lambda: _look(parts))
    return Response(generate_latest(METRICS), media_type=CONTENT_TYPE_LATEST)


def _look(parts: Parts) -> tuple[dict[str, bool], int | None]:
    chunks = _chunks(parts)
    states = _states(parts, chunks)
    return {part: states[part] == "up" for part in ("database", "index", "broker", "originals")}, chunks


def _chunks(parts: Parts) -> int | None:
    try:
        return parts.index().total()
    except FootnoteError:
        return None


def _engine(parts: Parts) -> str | None:
    try:
        return parts.index().engine()
    except FootnoteError:
        return None


def _states(parts: Parts, chunks: int | None) -> dict[str, str]:
    states = {"index": "down" if chunks is None else "up"}
    states["broker"] = "down" if parts.doorbell.waiting() is None else "up"
    states["originals"] = "up" if parts.originals_answer() else "down"
    try:
        parts.registry.clock()
        states["database"] = "up"
    except FootnoteError:
        states["database"] = "down"
    states["model"] = parts.model_name or "none (answers are extractive)"
    return states
