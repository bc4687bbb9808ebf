"""Stored answers, shown again: what their reader may no longer read is taken out. Knows nothing of conversations."""

from typing import Any

from retrieval.types import Principal
from services.api import schemas
from services.db.registry import SqlRegistry

WITHHELD = "You may no longer read this source."


def replayed(stored: list[dict[str, Any]], registry: SqlRegistry, principal: Principal) -> list[schemas.Answer]:
    """The answers with every passage of a deleted or revoked document removed; one query for all of them."""
    answers = [schemas.Answer.model_validate(answer) for answer in stored]
    ids = {source.document_id for answer in answers for source in _all_sources(answer)}
    allowed = registry.still_readable(ids, principal)
    for answer in answers:
        _redact(answer, allowed)
    return answers


def _all_sources(answer: schemas.Answer) -> list[schemas.Source]:
    return [*answer.sources, *(answer.refusal.closest if answer.refusal else [])]


def _redact(answer: schemas.Answer, allowed: frozenset[str]) -> None:
    if all(source.document_id in allowed for source in _all_sources(answer)):
        return
    for source in _all_sources(answer):
        if source.document_id not in allowed:
            source.title, source.text, source.url = WITHHELD, "", None
            source.external_id, source.data_source, source.heading_path = "", "", []
    lost = {source.number for source in answer.sources if source.document_id not in allowed}
    # An answer that leant on a lost source repeats its words: none of it is shown.
    if any(citation.source in lost for sentence in answer.sentences for citation in sentence.citations):
        answer.text, answer.sentences, answer.conflicts = WITHHELD, [], []
