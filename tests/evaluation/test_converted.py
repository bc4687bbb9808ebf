"""The converted sets say what the originals say. Skipped where those are not there."""

import json
from pathlib import Path

import pytest

from ingest.parsing import parse
from retrieval.evaluation import read_beir, read_questions
from services.manifest import read_manifest
from tests.evaluation.converted import CONVERTED
from tests.evaluation.data_sets import json_lines
from tests.evaluation.measured_sets import DATA, SETS


def made(name: str, folder: Path) -> Path:
    if reason := SETS[name].missing(DATA):
        pytest.skip(reason)
    CONVERTED[name](DATA / name, folder / name)
    return folder / name


def test_the_excerpts_of_chunking_stand_at_their_offsets_in_our_parsed_texts(tmp_path: Path) -> None:
    folder = made("chunking", tmp_path)
    texts = {path.name: parse(path, path.name).text for path in (folder / "documents").iterdir()}
    questions = read_questions(folder / "questions.jsonl")
    wanted = [
        quote["content"] for row in json_lines(DATA / "chunking" / "questions.jsonl") for quote in row["references"]
    ]
    assert [texts[q.document][q.start : q.end] for question in questions for q in question.quotes] == wanted


def test_every_question_of_clapnq_names_its_own_passage(tmp_path: Path) -> None:
    data = read_beir(made("clapnq", tmp_path))
    texts = {identifier: text for identifier, _, text in data.documents}
    assert len(data.questions) == len(json_lines(DATA / "clapnq" / "answerable.jsonl"))
    for question, row in zip(data.questions, json_lines(DATA / "clapnq" / "answerable.jsonl"), strict=True):
        assert [texts[name] for name in question.expected] == [row["passages"][0]["text"]]


def test_conversations_of_mtrag_come_with_what_was_said_and_the_passages_that_answer(tmp_path: Path) -> None:
    folder = made("mtrag_un", tmp_path)
    questions = read_questions(folder / "questions.jsonl")
    names = {entry.external_id for entry in read_manifest(folder / "documents")}
    rows = json_lines(DATA / "mtrag_un" / "tasks.jsonl")
    assert len(questions) == len(rows)
    for question, row in zip(questions, rows, strict=True):
        assert question.text == row["input"][-1]["text"]
        assert len(question.history) == len(row["input"]) - 1
        assert set(question.expected) <= names
        assert bool(question.expected) == (row["answerability"][0] in ("ANSWERABLE", "PARTIAL"))


def test_texts_are_written_as_they_are(tmp_path: Path) -> None:
    folder = made("mtrag_un", tmp_path)
    entries = json.loads((folder / "documents" / "manifest.json").read_text(encoding="utf-8"))
    for entry, row in zip(entries, json_lines(DATA / "mtrag_un" / "corpus.jsonl"), strict=True):
        assert (folder / "documents" / entry["file"]).read_bytes().decode() == row["text"]
