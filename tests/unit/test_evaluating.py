"""What `footnote eval` brings in before it asks, and what it says of the rest. Parser and index are stood in for."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from retrieval.errors import DocumentError, NotFoundError
from services.evaluation import Evaluated, evaluate_beir, evaluate_folder
from services.wiring.scratch import ScratchAssistant


class Assistant:
    """Takes every document but an empty one, and finds nothing."""

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}
        self.retriever = SimpleNamespace(retrieve=lambda *_, **__: SimpleNamespace(hits=()))

    def ingest(self, data: bytes, file_name: str, _said: Mapping[str, object]) -> None:
        if not data:
            raise DocumentError(f"{file_name}: The file is empty.", code="empty_file")
        self.taken[file_name] = data


@pytest.fixture
def assistant() -> Assistant:
    return Assistant()


def in_folder(assistant: Assistant, folder: Path, **files: bytes) -> Evaluated:
    """Evaluate a folder of these files: `a__b` stands for `a/b`."""
    for name, content in files.items():
        path = folder / "corpus" / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    questions = folder / "questions.jsonl"
    questions.write_text('{"question": "When?"}\n')
    standing_in = cast(ScratchAssistant, assistant)
    return evaluate_folder(standing_in, folder / "corpus", questions, lambda *_: None, ask=False)


def in_beir_form(assistant: Assistant, folder: Path, *documents: Mapping[str, Any]) -> Evaluated:
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("q1\td1\t1\n")
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "When?"}\n')
    (folder / "corpus.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
    return evaluate_beir(cast(ScratchAssistant, assistant), folder, "test", lambda *_: None)


def test_a_document_that_cannot_be_ingested_is_named_and_the_others_are_asked(
    assistant: Assistant, tmp_path: Path
) -> None:
    found = in_folder(assistant, tmp_path, a_txt=b"text", b_txt=b"")
    assert (list(assistant.taken), found.failures) == (["a.txt"], ("b.txt: The file is empty.",))
    assert found.scores.questions == 1


def test_where_not_one_document_could_be_ingested_nothing_is_scored(assistant: Assistant, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"(?s)No document could be ingested.*a\.txt.*b\.txt"):
        in_folder(assistant, tmp_path, a_txt=b"", b_txt=b"")


def test_an_empty_folder_is_refused(assistant: Assistant, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    with pytest.raises(NotFoundError, match="no document in"):
        in_folder(assistant, tmp_path)


def test_hidden_files_and_those_in_hidden_folders_are_left_out(assistant: Assistant, tmp_path: Path) -> None:
    hidden = tmp_path / "corpus" / ".git" / "objects"
    hidden.mkdir(parents=True)
    (hidden / "pack.txt").write_text("no document")
    found = in_folder(assistant, tmp_path, hr__leave_txt=b"text", _hidden=b"text")
    assert (list(assistant.taken), found.failures) == (["hr/leave.txt"], ())


def test_a_file_of_the_manifest_that_cannot_be_read_fails_alone(assistant: Assistant, tmp_path: Path) -> None:
    entries = [
        {"file": name, "external_id": name, "data_source": "hr", "grants": ["everyone"]} for name in ("a.txt", "b.txt")
    ]
    found = in_folder(assistant, tmp_path, a_txt=b"text", manifest_json=json.dumps(entries).encode())
    assert list(assistant.taken) == ["a.txt"]
    assert found.failures == (f"{tmp_path / 'corpus' / 'b.txt'}: No such file or directory",)


def test_a_document_in_beir_s_form_without_title_and_text_fails_alone(assistant: Assistant, tmp_path: Path) -> None:
    found = in_beir_form(
        assistant, tmp_path, {"_id": "d0", "title": None, "text": None}, {"_id": "d1", "title": "T", "text": ""}
    )
    assert assistant.taken == {"d1.txt": b"T"}
    assert found.failures == ("d0.txt: The file is empty.",)
    assert found.scores.questions == 1


def test_a_document_in_beir_s_form_whose_text_is_not_utf_8_fails_alone(assistant: Assistant, tmp_path: Path) -> None:
    odd = {"_id": "\ud801", "title": "T", "text": "half a character: \ud800"}
    found = in_beir_form(assistant, tmp_path, odd, {"_id": "d1", "title": "T", "text": "whole"})
    assert assistant.taken == {"d1.txt": b"whole"}
    assert found.failures == ("\\ud801.txt: Its text is not valid UTF-8.",)


@pytest.mark.parametrize("name", ["\ud800.txt", "a\0b.txt"])
def test_a_name_in_the_manifest_that_no_file_has_fails_alone(assistant: Assistant, tmp_path: Path, name: str) -> None:
    said = {"data_source": "hr", "grants": ["everyone"]}
    entries = [{"file": name, "external_id": "odd", **said}, {"file": "a.txt", "external_id": "a", **said}]
    found = in_folder(assistant, tmp_path, a_txt=b"text", manifest_json=json.dumps(entries).encode())
    assert list(assistant.taken) == ["a"]
    (failure,) = found.failures
    assert failure.encode().endswith(b".txt: No file has such a name.")
