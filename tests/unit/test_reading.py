"""Which files of a batch are read together, and which each by itself."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.parsing import PROSE_BYTES, ParsedDocument
from retrieval.errors import DocumentError
from services.worker.reading import Reading


def document(text: str) -> ParsedDocument:
    return ParsedDocument(text, (), (), None, "text/plain")


class Parser:
    """Says by which way a file came; a text that says NO is refused, one that says ALONE is read alone."""

    def __init__(self) -> None:
        self.together: list[list[str]] = []

    def parse(self, path: Path, file_name: str) -> ParsedDocument:
        return document(f"{file_name} alone")

    def parse_prose(self, files: Sequence[tuple[Path, str]]) -> list[ParsedDocument | DocumentError | None]:
        self.together.append([name for _, name in files])
        return [self._read(path.read_text(), name) for path, name in files]

    def _read(self, text: str, name: str) -> ParsedDocument | DocumentError | None:
        if text == "NO":
            return DocumentError("No.", code="no_text")
        return None if text == "ALONE" else document(f"{name} together")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    texts = {
        "a.txt": "A",
        "b.MD": "NO",
        "c.org": "ALONE",
        "d.pdf": "D",
        "e.html": "E",
        "f.txt": "F" * (PROSE_BYTES + 1),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: (tmp_path / name, name) for name in texts}


def test_small_texts_are_read_together_and_everything_else_alone(files: dict[str, tuple[Path, str]]) -> None:
    parser = Parser()
    reading = Reading(parser, files)
    assert parser.together == [["a.txt", "b.MD", "c.org"]]
    assert reading.parsed("a.txt", *files["a.txt"]).text == "a.txt together"
    with pytest.raises(DocumentError, match=r"No\."):
        reading.parsed("b.MD", *files["b.MD"])
    for name in ("c.org", "d.pdf", "e.html", "f.txt"):
        assert reading.parsed(name, *files[name]).text == f"{name} alone"


def test_a_text_by_itself_is_read_alone(files: dict[str, tuple[Path, str]]) -> None:
    parser = Parser()
    reading = Reading(parser, {name: files[name] for name in ("a.txt", "d.pdf")})
    assert parser.together == []
    assert reading.parsed("a.txt", *files["a.txt"]).text == "a.txt alone"
    assert reading.share_ms("a.txt") >= 0
