"""What the audit log says of a question, however its answer ends."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import UnavailableError
from retrieval.types import AnswerEvent, Source, SourcesFound, TextDelta
from services.acting import Actor
from services.api.audit_events import AskedAudit
from services.audit_notes import AuditNotes
from services.db.audit_log import AuditLog
from services.db.database import Database
from services.db.migrate import migrate

QUESTION = "May I keep a llama?"
SOURCE = Source(1, "d1", 3, "Pets", None, "uploads", "pets.md", None, (), 10, 25, "No llamas here.", None)
ASKER = Actor("ann@example.com", "u1")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    database = Database(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    migrate(database)
    yield AuditLog(database)
    database.dispose()


async def answering(error: Exception | None = None) -> AsyncGenerator[AnswerEvent, None]:
    yield SourcesFound((SOURCE,))
    yield TextDelta("No")
    if error is not None:
        raise error


def noted(log: AuditLog, *, error: Exception | None = None, leaves: bool = False, **options: Any) -> dict[str, Any]:
    """The event of one question that fails with `error`, or whose reader leaves after the first event."""
    notes = AuditNotes(log, **options)
    asked = AskedAudit(QUESTION, "a1", ASKER, notes)
    asked.prompted([SOURCE])

    async def read() -> None:
        async with aclosing(asked.followed(answering(error))) as events:
            async for _ in events:
                if leaves:
                    return

    with suppress(UnavailableError, ValueError):
        asyncio.run(read())
    notes.close()
    (event,) = log.page(behind=0, limit=10)
    assert (event["event"], event["subject"], event["actor"]) == ("sensitive_read", "answer:a1", "ann@example.com")
    details: dict[str, Any] = event["details"]
    return details


def test_a_reader_who_leaves_has_asked(log: AuditLog) -> None:
    details = noted(log, leaves=True)
    assert details == {"act": "ask", "prompt": ["d1/3/10-25"], "sources": ["d1/3/10-25"], "outcome": "broken_off"}


def test_an_answer_that_fails_says_how(log: AuditLog) -> None:
    assert noted(log, error=UnavailableError("Gone.", code="index_unavailable"))["outcome"] == "index_unavailable"


def test_an_answer_that_crashes_is_noted_without_its_words(log: AuditLog) -> None:
    assert noted(log, error=ValueError("No llamas here."))["outcome"] == "internal_error"


def test_the_questions_text_is_written_where_that_is_set(log: AuditLog) -> None:
    assert noted(log, leaves=True, questions=True)["question"] == QUESTION
