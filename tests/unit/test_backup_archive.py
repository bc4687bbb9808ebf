"""The backup's file: whole or not there, its owner's alone, and refused when a single bit of it is not as written."""

import errno
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import ConflictError, FootnoteError, InvalidInputError, NotFoundError, UnavailableError
from retrieval.index import StoredPoint
from services.backup import archive
from services.backup.archive import checked, written
from services.backup.points import packed, point_of, point_row, unpacked


def quiet(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "monday.tar"
    with written(place, {"footnote": "1.0"}, lambda: {"blobs": 2}) as out:
        out.add("registry/users/000000.jsonl.gz", b"rows")
        out.add("blobs/one", b"first")
        out.add("blobs/two", b"second")
    return place


def test_what_was_written_is_read_back_in_order(file: Path) -> None:
    reader = checked(file, quiet)
    assert (reader.about["footnote"], reader.manifest["blobs"]) == ("1.0", 2)
    assert [(name, data.read()) for name, data in reader.members("blobs/")] == [
        ("blobs/one", b"first"),
        ("blobs/two", b"second"),
    ]


def test_only_its_owner_reads_it_and_nothing_is_left_beside_it(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["monday.tar"]


def test_a_backup_that_fails_leaves_the_older_one_of_that_name_as_it_was(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(ZeroDivisionError), written(file, {}, dict) as out:  # noqa: PT012 - the context is what is tested
        out.add("blobs/three", b"third")
        raise ZeroDivisionError
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["monday.tar"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught, written(tmp_path / "full.tar", {}, dict):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.code == "storage_full"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be written"), written(tmp_path / "no" / "a.tar", {}, dict):
        pass


def test_two_backups_to_one_file_do_not_mix(tmp_path: Path) -> None:
    with written(tmp_path / "a.tar", {"footnote": "1.0"}, dict):  # noqa: SIM117 - the inner one raises, the outer goes on
        with pytest.raises(ConflictError), written(tmp_path / "a.tar", {}, dict):
            pass
    assert checked(tmp_path / "a.tar", quiet).about["footnote"] == "1.0"


def test_any_changed_byte_of_a_member_and_any_cut_is_noticed(file: Path) -> None:
    whole = file.read_bytes()
    with tarfile.open(file) as tar:
        spots = [(member.offset_data, member.offset_data + member.size) for member in tar if member.size]
    for start, end in spots:
        for at in {start, (start + end) // 2, end - 1}:
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(InvalidInputError):
                checked(file, quiet)
    for length in range(0, spots[-1][1], 512):
        file.write_bytes(whole[:length])
        with pytest.raises(InvalidInputError):
            checked(file, quiet)


@pytest.mark.parametrize("name", ["blobs/one", "blobs/more"])
def test_a_member_that_was_slipped_in_is_noticed(file: Path, name: str) -> None:
    with tarfile.open(file, "a") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(InvalidInputError, match="damaged"):
        checked(file, quiet)


def test_a_newer_format_is_refused_with_the_release_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(archive, "FORMAT", archive.FORMAT + 1)
        with written(tmp_path / "new.tar", {"footnote": "9.9"}, dict):
            pass
    with pytest.raises(InvalidInputError, match=r"newer release of Footnote \(9\.9") as caught:
        checked(tmp_path / "new.tar", quiet)
    assert caught.value.code == "newer_backup"


def test_what_is_no_backup_is_called_so(tmp_path: Path) -> None:
    text, tar = tmp_path / "text", tmp_path / "other.tar"
    text.write_text("Dear diary")
    with tarfile.open(tar, "w") as other:
        other.addfile(tarfile.TarInfo("readme"))
    cases: list[tuple[Path, type[FootnoteError]]] = [
        (text, InvalidInputError),
        (tar, InvalidInputError),
        (tmp_path, InvalidInputError),
        (tmp_path / "none", NotFoundError),
    ]
    for path, error in cases:
        with pytest.raises(error) as caught:
            checked(path, quiet)
        assert caught.value.code == "no_backup"


def test_a_file_whose_bytes_are_not_its_name_does_not_get_in(tmp_path: Path) -> None:
    with written(tmp_path / "a.tar", {}, dict) as out:
        assert not out.add_file("blobs/x", BytesIO(b"damaged"), "0" * 64)
    assert list(checked(tmp_path / "a.tar", quiet).members("blobs/")) == []


def test_points_come_back_bit_for_bit(tmp_path: Path) -> None:
    import io  # noqa: PLC0415

    values = [0.1, -1.5, 3.4028234663852886e38, 1.401298464324817e-45]
    exact: Any = [point_of(point_row(StoredPoint("p", {}, values, ([7, 9], [0.25, 1 / 3]))))][0]
    point = StoredPoint("p", {"text": "Ümlaut\n", "page": None}, exact.dense, exact.sparse)
    assert [point_of(row) for row in unpacked(io.BytesIO(packed([point_row(point)])))] == [point]
