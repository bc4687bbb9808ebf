"""What operators look at: data sources, the state of ingestion, whether the parts are up."""

from importlib.metadata import version

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from retrieval.errors import FootnoteError
from services.api import schemas
from services.api.dependencies import Admin, Parts, PartsOf, Reader
from services.telemetry import METRICS

router = APIRouter(tags=["operations"])
STUCK_SECONDS = 120.0
# Without these no question is answered; without the broker or the model it still is.
VITAL = frozenset({"database", "index"})


@router.get("/v1/data-sources")
def data_sources(parts: PartsOf, principal: Reader) -> schemas.Page[schemas.DataSource]:
    """Where the documents that one may read or edit come from."""
    rows = parts.documents.data_sources(principal)
    return schemas.Page(items=[schemas.DataSource(name=n, connector="upload", documents=c) for n, c in rows])


@router.get("/v1/admin/status")
def status(parts: PartsOf, _admin: Admin) -> schemas.AdminStatus:
    """Documents by state, the queue, throughput, failures and parts."""
    figures = parts.status.figures()
    chunks = _chunks(parts)
    failures = [
        schemas.Failure(
            id=document.id,
            title=document.title,
            external_id=document.external_id,
            state=job.state,
            reason=job.reason,
            attempts=job.attempts,
            next_attempt_at=job.next_attempt_at,
        )
        for document, job in figures.failures
    ]
    return schemas.AdminStatus(
        documents=schemas.DocumentCounts(**{k: v for k, v in figures.documents.items() if k != "cancelled"}),
        queue=schemas.QueueStatus(**parts.jobs.counts()),
        throughput=schemas.Throughput(
            documents_per_minute=figures.documents_per_minute, chunks_per_minute=figures.chunks_per_minute
        ),
        index=schemas.IndexStatus(chunks=chunks),
        failures=failures,
        parts=_states(parts, chunks),
        version=version("footnote"),
    )


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(parts: PartsOf, response: Response) -> schemas.Readiness:
    """The parts answer, and work is not stuck: 200, otherwise 503."""
    states = _states(parts, _chunks(parts))
    stuck = None
    if states["database"] == "up":
        age = parts.jobs.counts()["oldest_waiting_s"]
        stuck = age if age > STUCK_SECONDS else None
    ready = all(states[part] == "up" for part in VITAL)
    response.status_code = 200 if ready else 503
    return schemas.Readiness(ready=ready, parts=states, stuck_since_s=stuck)


@router.get("/metrics", response_class=Response)
def metrics() -> Response:
    """Counters for Prometheus; no names, no texts."""
    return Response(generate_latest(METRICS), media_type=CONTENT_TYPE_LATEST)


def _chunks(parts: Parts) -> int | None:
    try:
        return parts.index.total()
    except FootnoteError:
        return None


def _states(parts: Parts, chunks: int | None) -> dict[str, str]:
    states = {"index": "down" if chunks is None else "up"}
    states["broker"] = "down" if parts.doorbell.waiting() is None else "up"
    try:
        parts.registry.clock()
        states["database"] = "up"
    except FootnoteError:
        states["database"] = "down"
    states["model"] = parts.model_name or "none (answers are extractive)"
    return states
