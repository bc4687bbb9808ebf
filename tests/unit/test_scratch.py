"""What an evaluation's own assistant takes over from the installation."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr

from retrieval.errors import DocumentError
from retrieval.types import EVERYONE, Principal
from services.settings import Settings
from services.wiring.core import Core
from services.wiring.scratch import ScratchAssistant, _own


def test_an_installation_with_a_bucket_is_evaluated_in_a_folder(tmp_path: Path) -> None:
    secret = SecretStr("a secret of some length")
    theirs = Settings(
        data_dir=tmp_path / "theirs",
        originals_url="s3://originals/footnote",
        originals_endpoint="https://s3.example.com",
        originals_region="eu-central-1",
        originals_access_key=secret,
        originals_secret_key=secret,
    )
    core = Core(_own(theirs, tmp_path / "own"))
    core.blobs.put(b"hello")
    core.close()
    assert [path for path in (tmp_path / "own").rglob("*") if path.is_file()]
    assert not (tmp_path / "theirs").exists()


@pytest.mark.parametrize(
    ("file_name", "said"),
    [
        (os.fsdecode(b"\xff.md"), {}),
        ("d1.txt", {"external_id": "\ud800"}),
        ("d1.txt", {"title": "\ud800"}),
        ("d1.txt", {"grants": (EVERYONE, "group:\ud800")}),
    ],
)
def test_what_is_not_utf_8_is_refused_before_anything_is_kept(
    tmp_path: Path, file_name: str, said: dict[str, Any]
) -> None:
    core = Core(_own(Settings(data_dir=tmp_path), tmp_path))
    nobody = cast(Any, SimpleNamespace())
    owner = Principal("o", "o@example.com", frozenset({EVERYONE}))
    with pytest.raises(DocumentError, match=r"(\\udcff\.md|d1\.txt): .*not valid UTF-8"):
        ScratchAssistant(nobody, nobody, core, nobody, owner).ingest(b"text", file_name, said)
    assert not list(tmp_path.rglob("*"))
