"""Search: passages without an answer."""

import time

from fastapi import APIRouter

from services.acting import acting_as
from services.api import audit_events, explaining, presenting, schemas
from services.api.dependencies import PartsOf, Reader

router = APIRouter(prefix="/v1", tags=["search"])


# Unset is only what was not asked for.
@router.post("/search", response_model_exclude_unset=True)
async def search(body: schemas.SearchRequest, parts: PartsOf, principal: Reader) -> schemas.SearchResponse:
    """The passages that one may read, best first: what an answer to this query would be made of."""
    began = time.perf_counter()
    narrowed = presenting.filters(body.filters)
    found = await parts.searches.retrieve(body.query, principal, filters=narrowed, top_k=body.top_k)
    hits = [presenting.hit(hit) for hit in found.hits]
    read = audit_events.of_hits(found.hits)
    parts.audit_notes.add("sensitive_read", actor=acting_as(principal), act="search", chunks=read)
    took_ms = round(1000 * (time.perf_counter() - began), 2)
    if not body.explain:
        return schemas.SearchResponse(hits=hits, took_ms=took_ms)
    return schemas.SearchResponse(hits=hits, took_ms=took_ms, explain=explaining.of_search(found))
