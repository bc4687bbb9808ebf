"""One call of `footnote reindex`: its options, what they ask for, and the exit code. Knows nothing of settings."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.evaluation import Question, read_questions
from services.reindexing.reindexer import Outcome, Reindexer
from services.reindexing.report import show_dropped, show_outcome, show_status

DONE, FAILED, PARTLY = 0, 1, 4


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. At most one of `status`, `abort`, `rollback`, `drop_old`; without any: build and switch."""

    embedding_model: str | None = None
    chunk_tokens: int | None = None
    questions: Path | None = None
    no_switch: bool = False
    yes: bool = False
    status: bool = False
    abort: bool = False
    rollback: bool = False
    drop_old: bool = False
    json: bool = False

    def contradiction(self) -> str | None:
        """What is wrong with them, for the person who typed them."""
        verbs = [name for name in ("status", "abort", "rollback", "drop_old") if getattr(self, name)]
        building = ("embedding_model", "chunk_tokens", "questions", "no_switch", "yes")
        given = [name for name in building if getattr(self, name)]
        if len(verbs) > 1 or (verbs and given):
            first, second = (f"--{name.replace('_', '-')}" for name in (*verbs, *given)[:2])
            return f"{first} and {second} do not go together."
        return "--yes and --no-switch do not go together." if self.yes and self.no_switch else None


def run(reindexer: Reindexer, options: Options) -> int:
    """Do it and print it; the exit code."""
    if options.status:
        show_status(*reindexer.holdings(), as_json=options.json)
        return DONE
    if options.abort:
        show_dropped(reindexer.abort(), "Nothing was being built.", as_json=options.json)
        return DONE
    if options.drop_old:
        show_dropped(reindexer.drop_old(), "There is no earlier generation.", as_json=options.json)
        return DONE
    outcome = reindexer.rollback() if options.rollback else _built(reindexer, options)
    show_outcome(outcome, as_json=options.json)
    if outcome.failures:
        return PARTLY
    return DONE if outcome.switched or options.no_switch else FAILED


def _built(reindexer: Reindexer, options: Options) -> Outcome:
    os.nice(5)  # searches and ingestion on this machine go first
    questions: Sequence[Question] = read_questions(options.questions) if options.questions else ()
    return reindexer.reindex(
        embedding_model=options.embedding_model,
        chunk_tokens=options.chunk_tokens,
        questions=questions,
        switch=not options.no_switch,
        even_if_worse=options.yes,
    )
