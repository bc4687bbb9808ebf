"""What an evaluation's own assistant takes over from the installation."""

from pathlib import Path

from pydantic import SecretStr

from services.settings import Settings
from services.wiring.core import Core
from services.wiring.scratch import _own


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
