"""Every hostile file through the real sandbox: a document or a refusal with a sentence, within the limits, and the next
document is read as if nothing had been."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.parsing import ParsedDocument
from ingest.sandbox import ParseLimits, ParseSandbox
from retrieval.errors import DocumentError
from tests.corpus.hostile.build import build

FAILS = {
    "empty.txt": {"empty_file"},
    "no-pages.pdf": {"corrupt", "no_text"},
    "encrypted.pdf": {"encrypted"},
    "truncated.pdf": {"corrupt", "no_text"},
    "image.pdf": {"type_mismatch"},
    "archive.docx": {"type_mismatch"},
    "bomb.docx": {"parse_limit"},
    "laughs.docx": {"corrupt", "parse_limit"},
    "program.txt": {"type_mismatch"},
    "deep.json": {"parse_limit"},
    "nulls.csv": {"unsupported_type"},
    "nested.eml": {"parse_limit"},
    "turning-tree.pdf": {"too_many_pages", "corrupt"},
    "stream-bomb.pdf": {"parse_limit"},
    "too-many-pages.pdf": {"too_many_pages"},
    "huge-page.pdf": {"no_text", "needs_ocr", "parse_limit", "corrupt"},
    "nested.zip": {"no_text"},
    "many-members.zip": {"parse_limit"},
    "bomb.zip": {"parse_limit"},
    "bomb.txt.gz": {"parse_limit"},
    "bomb.tar.gz": {"parse_limit"},
    "overlapping.zip": {"parse_limit"},
    "locked.zip": {"encrypted"},
    "truncated.zip": {"corrupt"},
    "only-programs.zip": {"no_text"},
    "far-cell.xlsx": {"parser_crashed", "parse_limit"},
    "repeated-rows.ods": {"no_text", "parse_limit", "corrupt"},
    "locked.xlsx": {"encrypted"},
    "broken.msg": {"corrupt"},
    "deep.html": {"no_text", "parse_limit"},
    "deep.xml": {"parse_limit", "corrupt"},
    "laughs.xml": {"corrupt", "parse_limit"},
    "deep.ipynb": {"parse_limit"},
    "many-parts.eml": {"parse_limit"},
    "bomb.png": {"corrupt", "needs_ocr", "parse_limit"},
    "broken.jpg": {"corrupt", "needs_ocr"},
    "noise.png": {"no_text", "needs_ocr"},
    "endless.ics": {"no_text"},
}
# Sound words of files that are read, and words that must never come out.
GATE = "The gate closes at 18:30."
READ_WITH = {"traversal.docx", "traversal.zip", "links.tar", "wrong-checksum.zip", "bidi.md", "bomb.eml", "scripts.pdf"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("hostile"), costly=True)


@pytest.fixture(scope="module")
def outcomes(files: dict[str, Path]) -> Iterator[dict[str, ParsedDocument | DocumentError]]:
    found: dict[str, ParsedDocument | DocumentError] = {}
    with ParseSandbox(ParseLimits(wall_s=60.0, recognition_wall_s=60.0)) as sandbox:
        for name, path in files.items():
            try:
                found[name] = sandbox.parse(path, name)
            except DocumentError as error:
                found[name] = error
            if isinstance(found[name], DocumentError):
                assert sandbox.parse(files["utf16.txt"], "utf16.txt").text.startswith(GATE)
        yield found


def test_there_are_many_and_each_ends_in_a_document_or_a_reason(
    outcomes: dict[str, ParsedDocument | DocumentError],
) -> None:
    assert len(outcomes) >= 60
    refused = {name: one for name, one in outcomes.items() if isinstance(one, DocumentError)}
    assert {name: one.code for name, one in refused.items() if one.code not in FAILS.get(name, ())} == {}
    assert refused.keys() == FAILS.keys()
    assert all(one.message.endswith((".", "?")) and len(one.message) < 1001 for one in refused.values())


def test_what_is_sound_in_a_hostile_file_is_read_and_what_is_hidden_is_not(
    outcomes: dict[str, ParsedDocument | DocumentError],
) -> None:
    documents = {name: one for name, one in outcomes.items() if isinstance(one, ParsedDocument)}
    assert {name for name in READ_WITH if GATE not in documents[name].text} == set()
    assert {name for name, one in documents.items() if "SECRET" in one.text or "root:" in one.text} == set()
    assert documents["hidden-text.pdf"].hidden_chars > 300
    assert documents["scripts.html"].hidden_chars > 50
    assert [part for part, _ in documents["bomb.eml"].left_out] == ["bomb.zip"]
