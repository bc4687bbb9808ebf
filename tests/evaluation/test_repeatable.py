"""`footnote eval` twice over the same documents and questions: the same bytes by question, ties included."""

import json
from pathlib import Path
from typing import Any

from tests.evaluation.measured_sets import run_eval

# So many that no two runs order them alike by chance.
COPIES = ["travel-a", "travel-b", "travel-c", "travel-d", "travel-e", "travel-f"]
TEXTS = {
    "leave": "Parents take sixteen weeks of leave. The request goes to the line manager four weeks before.",
    **dict.fromkeys(COPIES, "A flight is booked by the travel desk. Hotels cost at most 140 euros a night."),
    "keys": "A lost key is reported to the front desk at once. A new one costs 30 euros.",
    "backup": "Servers are backed up every night. A restore is tried each quarter.",
}
QUESTIONS: list[dict[str, Any]] = [
    {"question": "How much may a hotel cost?", "expected_documents": ["travel-b"], "answerable": True},
    {"question": "Who books a flight?", "expected_documents": ["travel-a"], "answerable": True},
    {"question": "When is the restore tried?", "expected_quotes": [{"document": "backup", "start": 35, "end": 67}]},
    {"question": "What does the canteen serve on Mondays?", "answerable": False},
]


def folder_of(path: Path) -> Path:
    """The texts, copies under one title: whatever is compared of them is the same."""
    path.mkdir()
    manifest = []
    for name, text in TEXTS.items():
        (path / f"{name}.txt").write_text(text, encoding="utf-8")
        said = {"file": f"{name}.txt", "external_id": name, "title": name.split("-")[0]}
        manifest.append(said | {"data_source": "tests", "grants": ["everyone"]})
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return path


def test_two_runs_write_the_same_bytes_for_every_question(tmp_path: Path) -> None:
    corpus, questions = folder_of(tmp_path / "corpus"), tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS), encoding="utf-8")
    files = [tmp_path / f"{run}.jsonl" for run in range(2)]
    runs = [run_eval([str(corpus), str(questions), "--per-question", str(file)], file) for file in files]
    assert files[0].read_bytes() == files[1].read_bytes()
    rows = runs[0].rows
    assert [row["question"] for row in rows] == [row["question"] for row in QUESTIONS]
    assert sorted(rows[0]["documents"][: len(COPIES)]) == COPIES
    assert rows[2]["spans"][0] == {"document": "backup", "start": 0, "end": len(TEXTS["backup"])}
    assert [row["outcome"] for row in rows] == ["answered", "answered", "answered", "refused"]
    for run in runs:
        run.scores.pop("latency_ms")
    assert runs[0].scores == runs[1].scores


def test_a_search_alone_asks_for_no_answer(tmp_path: Path) -> None:
    corpus, questions = folder_of(tmp_path / "corpus"), tmp_path / "questions.jsonl"
    questions.write_text(json.dumps(QUESTIONS[0]) + "\n", encoding="utf-8")
    rows = tmp_path / "rows.jsonl"
    found = run_eval([str(corpus), str(questions), "--search-only", "--per-question", str(rows)], rows)
    assert found.rows[0]["outcome"] is None
    assert found.scores["abstention"]["recall"] is None
    assert found.scores["recall_at_10"] == 1.0
