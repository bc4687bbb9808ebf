"""A folder's manifest: what is said of its documents, and that a broken one says where."""

import json
from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import InvalidInputError
from services.manifest import FILE, ManifestEntry, read_manifest


def entry(folder: Path, **more: Any) -> ManifestEntry:
    said = {"file": "a.md", "external_id": "a", "data_source": "hr", "grants": ["everyone"], **more}
    (folder / FILE).write_text(json.dumps([said]), encoding="utf-8")
    (read,) = read_manifest(folder)
    return read


def test_what_a_document_supersedes_is_named_in_its_data_source_or_in_another(tmp_path: Path) -> None:
    named = ["b", {"external_id": "c"}, {"data_source": "it", "external_id": "d"}]
    assert entry(tmp_path, supersedes=named).supersedes == (("hr", "b"), ("hr", "c"), ("it", "d"))
    assert entry(tmp_path).supersedes is None
    assert entry(tmp_path, supersedes=[]).supersedes == ()


@pytest.mark.parametrize("supersedes", [[1], [{}], [["b"]], 7])
def test_an_entry_that_cannot_be_read_is_refused(tmp_path: Path, supersedes: Any) -> None:
    with pytest.raises(InvalidInputError, match="an entry cannot be read"):
        entry(tmp_path, supersedes=supersedes)
