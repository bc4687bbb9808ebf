"""What `footnote eval --per-question` writes of questions that were searched and answered."""

import json
from pathlib import Path

from retrieval.evaluation import Asked, Question, Quote, Scores
from retrieval.types import (
    Answer,
    Chunk,
    DocumentView,
    Hit,
    Mode,
    Outcome,
    Refusal,
    RefusalReason,
)
from services.per_question import per_question, write
from services.scoring import Scored

REFUSED = Answer("i", "c", Outcome.REFUSED, Mode.EXTRACTIVE, "", (), (), refusal=Refusal(RefusalReason.NO_EVIDENCE))
QUESTIONS = [
    Question("7", "Who pays?", expected={"b": 1}, quotes=(Quote("b", 0, 20),)),
    Question("8", "Über was?", answerable=False),
]


def hit(rank: int, document: str, start: int = 0) -> Hit:
    view = DocumentView(f"id-{document}", 1, document, None, "tests", document, "text/plain", None)
    return Hit(rank, 1.0 / rank, view, Chunk(0, "x" * 10, start, start + 10))


def test_a_question_has_its_own_measures_and_nothing_that_nothing_measures() -> None:
    found = ((hit(1, "a"), hit(2, "b"), hit(3, "b", 10)), ())
    first, second = per_question(QUESTIONS, Scored(Scores(2), found, ()))
    assert first.measures["mrr_at_10"] == 0.5
    assert first.measures["recall_at_1"] == 0.0
    assert first.measures["quote_recall"] == 1.0
    assert first.documents == ("a", "b")
    assert first.spans == (("a", 0, 10), ("b", 0, 10), ("b", 10, 20))
    assert first.outcome is None
    assert second.measures == {}
    assert second.documents == ()


def test_the_first_ten_documents_and_five_hits_are_named() -> None:
    found = tuple(hit(rank, f"d{rank}") for rank in range(1, 21))
    (row,) = per_question(QUESTIONS[:1], Scored(Scores(1), (found,), ()))
    assert row.documents == tuple(f"d{rank}" for rank in range(1, 11))
    assert [document for document, _, _ in row.spans] == ["d1", "d2", "d3", "d4", "d5"]


def test_a_line_says_what_was_answered(tmp_path: Path) -> None:
    scored = Scored(Scores(2), ((hit(1, "b"),), ()), (Asked(REFUSED, 0.123456), Asked(REFUSED)))
    write(tmp_path / "rows.jsonl", per_question(QUESTIONS, scored))
    text = (tmp_path / "rows.jsonl").read_text(encoding="utf-8")
    first, second = map(json.loads, text.splitlines())
    assert first["identifier"] == "7"
    assert first["outcome"] == "refused"
    assert first["sufficiency"] == 0.1235
    assert first["ndcg_at_10"] == 1.0
    assert first["spans"] == [{"document": "b", "start": 0, "end": 10}]
    assert "Über was?" in text
    assert "ndcg_at_10" not in second
