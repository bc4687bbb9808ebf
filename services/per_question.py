"""What each question got, as `footnote eval --per-question` writes it. Knows nothing of searching or answering.

Holds no time and no random id, so that two runs of the same code over the same documents write the same bytes.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.evaluation import QUOTE_HITS, Asked, Question, quoting_by_question, ranking_by_question
from retrieval.types import Hit
from services.scoring import Scored

# As deep as the ranking measures look.
DOCUMENTS = 10


@dataclass(frozen=True, slots=True)
class QuestionScore:
    """One question: its measures by name, the first documents by external id, and where the first hits stand.

    `spans` are document, start, end. `outcome` and `sufficiency` are None where no answer was asked for.
    """

    identifier: str
    question: str
    measures: dict[str, float]
    documents: tuple[str, ...]
    spans: tuple[tuple[str, int, int], ...]
    outcome: str | None = None
    sufficiency: float | None = None

    def as_json(self) -> dict[str, Any]:
        """One flat object, numbers rounded to four places."""
        return {
            "identifier": self.identifier,
            "question": self.question,
            **{name: round(value, 4) for name, value in self.measures.items()},
            "outcome": self.outcome,
            "sufficiency": None if self.sufficiency is None else round(self.sufficiency, 4),
            "documents": self.documents,
            "spans": [{"document": document, "start": start, "end": end} for document, start, end in self.spans],
        }


def per_question(questions: Sequence[Question], scored: Scored) -> Iterator[QuestionScore]:
    """In the order of the questions."""
    ranked = ranking_by_question(questions, scored.found)
    quoted = quoting_by_question(questions, scored.found)
    asked: Sequence[Asked | None] = scored.asked or [None] * len(questions)
    for question, hits, answer in zip(questions, scored.found, asked, strict=True):
        yield QuestionScore(
            identifier=question.identifier,
            question=question.text,
            measures=ranked.get(question.identifier, {}) | quoted.get(question.identifier, {}),
            documents=tuple(dict.fromkeys(hit.document.external_id for hit in hits))[:DOCUMENTS],
            spans=tuple(map(_span, hits[:QUOTE_HITS])),
            outcome=answer.answer.outcome.value if answer else None,
            sufficiency=answer.sufficiency if answer else None,
        )


def write(path: Path, rows: Iterable[QuestionScore]) -> None:
    """A JSON object a line."""
    lines = (json.dumps(row.as_json(), ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


def _span(hit: Hit) -> tuple[str, int, int]:
    return hit.document.external_id, hit.chunk.start, hit.chunk.end
