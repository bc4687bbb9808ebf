"""The sample company agrees with itself: manifest, questions, sources and generated files."""

import io
import json
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.parsing import parse
from tests.corpus.build import CORPUS, DOCUMENTS, SOURCES, render
from tests.corpus.hostile.build import build as build_hostile
from tests.corpus.locate_quotes import with_offsets
from tests.corpus.quotes import find_quote

MANIFEST: list[dict[str, Any]] = json.loads((CORPUS / "manifest.json").read_text("utf-8"))
BY_ID = {entry["external_id"]: entry for entry in MANIFEST}
FORMATS = {".txt", ".md", ".html", ".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".eml"}


def read_questions(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / name).read_text("utf-8").splitlines()]


QUESTIONS = read_questions("questions.jsonl")
INAZUMA = read_questions("inazuma_questions.jsonl")


def source_text(external_id: str) -> str:
    """The readable words of a document: of its sources where it has some, else of the file, without tags."""
    stem = Path(external_id).stem
    sheets = sorted((SOURCES / stem).glob("*.csv"))
    sources = sheets or [path for path in SOURCES.glob(f"{stem}.*") if path.suffix in {".md", ".txt"}]
    text = "\n".join(path.read_text("utf-8") for path in sources or [DOCUMENTS / external_id])
    return re.sub(r"<[^>]+>", " ", text) if external_id.endswith(".html") else text


def may_read(question: dict[str, Any], external_id: str) -> bool:
    return not set(question["grants"]).isdisjoint(BY_ID[external_id]["grants"])


def unpacked(content: bytes) -> dict[str, bytes]:
    """The members of an Office file; other files are one member. Compression may differ, content may not."""
    if not content.startswith(b"PK"):
        return {"": content}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_manifest_lists_exactly_the_files_of_the_documents_folder() -> None:
    assert sorted(entry["file"] for entry in MANIFEST) == sorted(
        f"documents/{path.name}" for path in DOCUMENTS.iterdir()
    )


def test_external_ids_are_distinct() -> None:
    assert len(BY_ID) == len(MANIFEST)


def test_company_has_every_format_and_stays_small() -> None:
    assert {path.suffix for path in DOCUMENTS.iterdir()} == FORMATS
    assert sum(path.stat().st_size for path in DOCUMENTS.iterdir()) < 1_000_000


def test_each_document_has_grants_and_times_with_a_zone() -> None:
    for entry in MANIFEST:
        assert entry["grants"]
        times = [entry[key] for key in ("modified_at", "effective_from", "effective_until") if entry[key] is not None]
        assert all(datetime.fromisoformat(time).utcoffset() is not None for time in times)


def test_salary_bands_are_readable_by_hr_only() -> None:
    assert [entry["external_id"] for entry in MANIFEST if entry["grants"] == ["group:hr"]] == ["salary-bands-2026.docx"]
    assert [entry["external_id"] for entry in MANIFEST if "group:hr" in entry["grants"]] == ["salary-bands-2026.docx"]


def test_superseded_policy_ends_when_its_successor_begins() -> None:
    old, new = BY_ID["parental-leave-policy-2024.docx"], BY_ID["parental-leave-policy-2026.pdf"]
    assert old["title"] == new["title"]
    assert old["effective_until"] == new["effective_from"]
    assert new["effective_until"] is None


def test_committed_documents_are_what_the_build_script_writes() -> None:
    rendered = render()
    assert {Path(name).suffix for name in rendered} == {".pdf", ".docx", ".pptx", ".xlsx", ".eml"}
    stale = [name for name in rendered if unpacked((DOCUMENTS / name).read_bytes()) != unpacked(rendered[name])]
    assert stale == []


def test_forty_distinct_questions_of_which_ten_have_no_answer() -> None:
    assert len({question["question"] for question in QUESTIONS}) == 40
    assert sum(question["answerable"] for question in QUESTIONS) == 30


def test_expected_documents_exist_and_may_be_read_by_who_asks() -> None:
    for question in QUESTIONS:
        assert bool(question["expected_documents"]) == question["answerable"]
        assert all(may_read(question, document) for document in question["expected_documents"])


def test_each_document_is_expected_by_some_question() -> None:
    assert {document for question in QUESTIONS for document in question["expected_documents"]} == set(BY_ID)


def test_forbidden_documents_may_not_be_read_by_who_asks() -> None:
    forbidden = [question for question in QUESTIONS if question["kind"] == "forbidden"]
    assert len(forbidden) == 2
    for question in forbidden:
        assert not question["answerable"]
        assert not any(may_read(question, document) for document in question["forbidden_documents"])


def test_answerable_questions_quote_each_expected_document() -> None:
    for question in QUESTIONS:
        if question["answerable"]:
            assert set(question["quote"]) == set(question["expected_documents"])
            assert question["expected_answer"]


def test_quotes_stand_in_the_source_text() -> None:
    missing = [
        (document, quote)
        for question in QUESTIONS
        for document, quote in question.get("quote", {}).items()
        if find_quote(quote, source_text(document)) is None
    ]
    assert missing == []


def test_expected_quotes_are_offsets_into_the_parsed_documents() -> None:
    texts = {name: parse(DOCUMENTS / name, name).text for name in BY_ID}
    assert [with_offsets(question, texts.__getitem__) for question in QUESTIONS] == QUESTIONS


def test_a_quote_is_found_across_line_breaks_and_cells() -> None:
    text = "Rates:\n| London |\n £190 | Paris"
    assert find_quote("London £190", text) == (9, 23)
    assert find_quote("Order H3 Price 5", "Order code: H3\nPrice in pounds: 5") == (0, 33)
    assert find_quote("Lond £190", text) is None


def test_inazuma_questions_name_one_policy_and_quote_it_briefly() -> None:
    assert len({question["question"] for question in INAZUMA}) == 10
    for question in INAZUMA:
        (quote,) = question["quote"].values()
        assert [*question["quote"]] == question["expected_documents"]
        assert len(quote.split()) < 15


def test_hostile_files_are_made_and_small_on_disk(tmp_path: Path) -> None:
    paths = build_hostile(tmp_path / "hostile")
    assert {path.name for path in (tmp_path / "hostile").iterdir()} == set(paths)
    assert all(path.stat().st_size < 1_000_000 for path in paths.values())
