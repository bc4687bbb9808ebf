"""Stored answers, shown again: what their reader may no longer read is taken out. Knows nothing of conversations.

A source that is lost is gone from an answer as if it had never been found, with its id. What the answer says goes by
where its words come from:

- An answer that cites a lost source, or says how one stands to another, repeats its words or its title: none of it
  is shown.
- Where a lost source was found and not cited, a model had it before its eyes all the same: a heading, or any other
  sentence that no source was found to say, may hold its words. Only the sentences stay that a source was found to
  support; to withhold all of the answer would take away what its reader may still read.
- That a newer document supersedes a source is not said where that document is lost.
"""

from collections.abc import Iterable
from typing import Any

from retrieval.types import Principal
from services.api import schemas
from services.db.registry import SqlRegistry

WITHHELD = "You may no longer read this source."


def replayed(stored: list[dict[str, Any]], registry: SqlRegistry, principal: Principal) -> list[schemas.Answer]:
    """The answers with all that is of a deleted or revoked document removed; one query for all of them."""
    answers = [schemas.Answer.model_validate(answer) for answer in stored]
    sources = [source for answer in answers for source in _all_sources(answer)]
    ids = {id for source in sources for id in (source.document_id, source.superseded_by) if id is not None}
    allowed = registry.still_readable(ids, principal)
    for answer in answers:
        _redact(answer, allowed)
    return answers


def _all_sources(answer: schemas.Answer) -> list[schemas.Source]:
    return [*answer.sources, *(answer.refusal.closest if answer.refusal else [])]


def _redact(answer: schemas.Answer, allowed: frozenset[str]) -> None:
    lost = {source.number for source in answer.sources if source.document_id not in allowed}
    newer = {source.number: source.superseded_by for source in answer.sources if source.superseded_by is not None}
    newer_lost = {number for number, document_id in newer.items() if document_id not in allowed}
    answer.sources = _readable(answer.sources, allowed)
    if answer.refusal:
        answer.refusal.closest = _readable(answer.refusal.closest, allowed)
    if lost.intersection(_told_of(answer)):
        answer.text, answer.sentences, answer.conflicts = WITHHELD, [], []
    elif lost or newer_lost:
        answer.conflicts = [conflict for conflict in answer.conflicts if not newer_lost.intersection(conflict.sources)]
        _keep_what_is_supported(answer)


def _readable(sources: Iterable[schemas.Source], allowed: frozenset[str]) -> list[schemas.Source]:
    """Those that may be read; the newer document of one is named where that may be read too."""
    kept = [source for source in sources if source.document_id in allowed]
    for source in kept:
        if source.superseded_by not in allowed:
            source.superseded_by = None
    return kept


def _told_of(answer: schemas.Answer) -> set[int]:
    """The numbers of the sources whose words or titles the answer repeats."""
    cited = {citation.source for sentence in answer.sentences for citation in sentence.citations}
    return cited.union(*(conflict.sources for conflict in answer.conflicts))


def _keep_what_is_supported(answer: schemas.Answer) -> None:
    """Take all other sentences out of the text; our own on the conflicts that are left stay too."""
    ours = {conflict.note for conflict in answer.conflicts}
    text, end, kept = "", 0, []
    for sentence in answer.sentences:
        gap, end = answer.text[end : sentence.start], sentence.end
        if sentence.status == "supported" or sentence.text in ours:
            start = len(text + gap) if text else 0
            text += gap + sentence.text if text else sentence.text
            kept.append(sentence.model_copy(update={"start": start, "end": len(text)}))
    if answer.text:  # a refusal has none, and nothing of it is withheld
        answer.text, answer.sentences = text or WITHHELD, kept
