"""What the audit log says of a question, or of passages that somebody read: ids and outcomes, no texts.

A chunk is named `<document id>/<version>/<start>-<end>`: its span in that version's text. Its number in the index
would be another one after the next `footnote reindex`.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from retrieval.errors import FootnoteError
from retrieval.types import AnswerDone, AnswerEvent, Hit, Source, SourcesFound
from services.acting import Actor
from services.audit_notes import AuditNotes


def of_sources(sources: Iterable[Source]) -> list[str]:
    """The names of these chunks, in this order."""
    return [_chunk(one.document_id, one.version, one.start, one.end) for one in sources]


def of_hits(hits: Iterable[Hit]) -> list[str]:
    """The names of these chunks, in this order."""
    return [_chunk(hit.document.document_id, hit.document.version, hit.chunk.start, hit.chunk.end) for hit in hits]


def _chunk(document_id: str, version: int, start: int, end: int) -> str:
    return f"{document_id}/{version}/{start}-{end}"


class AskedAudit:
    """One question on its way: it is noted when its answer ends, however it does."""

    def __init__(self, question: str, answer_id: str, actor: Actor, notes: AuditNotes) -> None:
        self.answer_id = answer_id
        self._actor = actor
        self._notes = notes
        self._said: dict[str, Any] = {"act": "ask", "prompt": [], "sources": [], "outcome": "broken_off"}
        if notes.questions:
            self._said["question"] = question

    def prompted(self, sources: Sequence[Source]) -> None:
        """These entered the prompt of a model."""
        self._said["prompt"] = of_sources(sources)

    async def followed(self, events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[AnswerEvent, None]:
        """The same events; what they say of the answer is noted behind the last one."""
        try:
            async with aclosing(events):
                async for event in events:
                    self._see(event)
                    yield event
        except Exception as error:
            self._said["outcome"] = error.code if isinstance(error, FootnoteError) else "internal_error"
            raise
        finally:
            self._notes.add("sensitive_read", subject=f"answer:{self.answer_id}", actor=self._actor, **self._said)

    def _see(self, event: AnswerEvent) -> None:
        if isinstance(event, SourcesFound):
            self._said["sources"] = of_sources(event.sources)
        elif isinstance(event, AnswerDone):
            answer = event.answer
            self._said |= {"outcome": answer.outcome.value, "mode": answer.mode.value}
            self._said["conversation"] = answer.conversation_id
            if answer.refusal is not None:
                self._said["reason"] = answer.refusal.reason.value
                self._said["sources"] = of_sources(answer.refusal.closest)
