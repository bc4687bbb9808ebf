"""What a stored text says that it lacks: as it is kept now, as earlier releases kept it, and where it is damaged."""

import json
from pathlib import Path

import pytest

from ingest.parsing.document import LeftOut, ParsedDocument
from services.api.left_out import LeftOuts
from services.blobs import BlobStore
from services.blobs.directory import DirectoryStore
from services.parsed_text import kept_text, stored_form

PARTS = (LeftOut("Re: maps/a.pdf", "It is damaged: nothing opens it."), LeftOut("b.zip", "It is encrypted."))


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return DirectoryStore(tmp_path)


def test_parts_keep_their_names_and_reasons(blobs: BlobStore) -> None:
    parsed = ParsedDocument("Words.", (), (), None, "text/plain", 212, PARTS)
    sha256 = blobs.put(stored_form(parsed)).sha256
    assert kept_text(blobs, sha256, title=None, media_type="text/plain") == parsed
    found = LeftOuts(blobs)(sha256)
    assert [(one.part, one.reason) for one in found.parts] == [tuple(part) for part in PARTS]
    assert found.hidden_chars == 212


@pytest.mark.parametrize("more", [{}, {"left_out": ["b.zip: It is encrypted."], "hidden_chars": 3}])
def test_texts_of_earlier_releases_are_still_read(blobs: BlobStore, more: dict[str, object]) -> None:
    kept = {"text": "Words.", "pages": [], "headings": []} | more
    sha256 = blobs.put(json.dumps(kept).encode()).sha256
    parsed = kept_text(blobs, sha256, title=None, media_type="text/plain")
    assert parsed is not None
    found = LeftOuts(blobs)(sha256)
    assert [(one.part, one.reason) for one in found.parts] == [tuple(part) for part in parsed.left_out]
    assert [one.reason for one in found.parts] == more.get("left_out", [])
    assert found.hidden_chars == parsed.hidden_chars == more.get("hidden_chars", 0)


def test_of_a_text_that_is_missing_or_damaged_nothing_is_said_until_it_is_there_again(blobs: BlobStore) -> None:
    parsed = ParsedDocument("Words.", (), (), None, "text/plain", 5, PARTS)
    sha256 = blobs.put(stored_form(parsed)).sha256
    of, place = LeftOuts(blobs), blobs.path(sha256)
    whole = place.read_bytes()
    for damage in (b"", b"[]", b'{"text": 5}'):
        place.write_bytes(damage)
        assert of(sha256).parts == ()
    place.unlink()
    assert of(sha256).hidden_chars == 0
    place.write_bytes(whole)
    assert of(sha256).hidden_chars == 5
