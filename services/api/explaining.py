"""Explanations, shown: what their reader may no longer read is only counted. Knows nothing of how they are stored."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from retrieval.explaining import explained
from retrieval.retriever import Retrieved
from retrieval.types import Explanation, Principal
from services.api import schemas
from services.db.conversations import Recorded
from services.db.registry import SqlRegistry

_STORED = TypeAdapter(Explanation)


def stored(explanation: Explanation) -> dict[str, Any]:
    """An explanation as it is kept beside its answer."""
    return asdict(explanation)


def of_search(found: Retrieved) -> schemas.Explanation:
    """The explanation of a search that has just been made for whoever reads it."""
    titles = {hit.document.document_id: hit.document.title for hit in found.hits}
    return _shown(explained(found), titles, None)


def of_answer(recorded: Recorded, registry: SqlRegistry, principal: Principal) -> schemas.Explanation:
    """The explanation kept with an answer, as its owner may see it now."""
    explanation = Explanation("") if recorded.explanation is None else _STORED.validate_python(recorded.explanation)
    ids = {place.document_id for place in explanation.hits} | recorded.told
    titles = registry.titles(ids, principal)
    shown = _shown(explanation, titles, _decision(schemas.Answer.model_validate(recorded.answer), explanation))
    if recorded.explanation is None:
        shown.recorded, shown.query, shown.dropped = False, None, None
    elif not recorded.told <= titles.keys():
        # A model that rewrites a follow-up has read the answers before it.
        shown.query = None
    return shown


def _shown(
    explanation: Explanation, titles: Mapping[str, str], decision: schemas.Decision | None
) -> schemas.Explanation:
    places = [place for place in explanation.hits if place.document_id in titles]
    return schemas.Explanation(
        recorded=True,
        query=explanation.query,
        hits=[schemas.Place(**asdict(place), title=titles[place.document_id]) for place in places],
        withheld=len(explanation.hits) - len(places),
        dropped=explanation.dropped,
        timings_ms=dict(explanation.timings_ms),
        answer=decision,
    )


def _decision(answer: schemas.Answer, explanation: Explanation) -> schemas.Decision:
    return schemas.Decision(
        outcome=answer.outcome,
        mode=answer.mode,
        refusal=answer.refusal.reason if answer.refusal else None,
        sufficiency=explanation.sufficiency,
        threshold=explanation.threshold,
        prompt_version=explanation.prompt_version,
        usage=answer.usage,
        timings_ms=answer.timings_ms,
    )
