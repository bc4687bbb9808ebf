"""Which files go to the server together."""

from pathlib import Path

from ingest.commands.grouping import BATCH_BYTES, BATCH_FILES, SMALL_BYTES, groups
from ingest.commands.local_files import LocalFile


def made(folder: Path, *sizes: int) -> list[LocalFile]:
    """Files of these sizes in bytes, named by their number."""
    files = []
    for number, size in enumerate(sizes):
        path = folder / f"{number}"
        path.write_bytes(b"x" * size)
        files.append(LocalFile(path, path.name))
    return files


def sizes_of(found: list[list[LocalFile]]) -> list[int]:
    return [len(group) for group in found]


def test_small_files_go_together_as_many_as_a_batch_takes(tmp_path: Path) -> None:
    found = list(groups(made(tmp_path, *[1] * (2 * BATCH_FILES + 1))))
    assert sizes_of(found) == [BATCH_FILES, BATCH_FILES, 1]
    assert [file.external_id for group in found for file in group] == [str(n) for n in range(2 * BATCH_FILES + 1)]


def test_a_batch_carries_no_more_than_its_bytes(tmp_path: Path) -> None:
    fit = BATCH_BYTES // SMALL_BYTES
    assert sizes_of(list(groups(made(tmp_path, *[SMALL_BYTES] * (fit + 1))))) == [fit, 1]


def test_a_large_file_goes_alone_and_parts_no_batch(tmp_path: Path) -> None:
    found = list(groups(made(tmp_path, 1, SMALL_BYTES + 1, 1)))
    assert sorted([file.external_id for file in group] for group in found) == [["0", "2"], ["1"]]


def test_a_file_that_is_gone_is_not_forgotten(tmp_path: Path) -> None:
    gone = LocalFile(tmp_path / "gone", "gone")
    assert sorted(len(group) for group in groups([*made(tmp_path, 1, 1), gone])) == [1, 2]


def test_no_files_are_no_groups() -> None:
    assert list(groups([])) == []
