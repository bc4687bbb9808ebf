"""Which files a call of `footnote ingest` is about, and under which external id each is known to the server.

Knows nothing of servers. A file's external id is its path relative to the folder that was given, with slashes; a file
that was given itself has its name. Nothing outside the given folders is ever read: a link that leads out is left out.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.commands.usage import WrongUsageError
from ingest.file_names import is_hidden_or_temporary, is_program_or_archive


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to be ingested: where it is, and what the server is to call it."""

    path: Path
    external_id: str

    def size(self) -> int:
        """Bytes. OSError where the file is gone or may not be read."""
        return self.path.stat().st_size

    def modified_at(self) -> datetime:
        return datetime.fromtimestamp(self.path.stat().st_mtime, tz=UTC)

    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a walk found: files by external id; what was left out, what cannot be read, and why."""

    files: tuple[LocalFile, ...]
    skipped: tuple[str, ...]
    unreadable: tuple[str, ...]


def list_files(paths: Sequence[Path]) -> Listing:
    """Every file that `paths` name. WrongUsageError where two files share an external id."""
    files: dict[str, LocalFile] = {}
    skipped: list[str] = []
    unreadable: list[str] = []
    for given in paths:
        found = _walk(given, skipped, unreadable) if given.is_dir() else iter([LocalFile(given, given.name)])
        for file in found:
            known = files.setdefault(file.external_id, file)
            if known.path.resolve() != file.path.resolve():
                raise WrongUsageError(
                    f"{known.path} and {file.path} would both be known as {file.external_id!r}."
                    " Give the folder that holds both, or two data sources."
                )
    ordered = tuple(files[external_id] for external_id in sorted(files))
    return Listing(ordered, tuple(skipped), tuple(unreadable))


def _walk(root: Path, skipped: list[str], unreadable: list[str]) -> Iterator[LocalFile]:
    real_root = root.resolve()
    for folder, folder_names, names in os.walk(root, onerror=lambda error: unreadable.append(_fault(error))):
        # Where links cannot be told from folders the folder itself cannot be opened either, and the walk says so.
        links = (Path(folder, name) for name in folder_names if os.path.islink(Path(folder, name)))
        skipped.extend(f"{link} is a link to a folder" for link in links)
        folder_names[:] = sorted(name for name in folder_names if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            try:
                reason = _why_skipped(path, real_root)
            except OSError as error:
                unreadable.append(_fault(error))
                continue
            if reason is None:
                yield LocalFile(path, path.relative_to(root).as_posix())
            elif reason:
                skipped.append(f"{path} {reason}")


def _why_skipped(path: Path, real_root: Path) -> str | None:
    """Why a file in a folder is left out; empty for what needs no mention, None where it is taken.

    OSError where nobody can tell: the folder may be listed but not entered, or a link leads round in a circle.
    """
    if is_hidden_or_temporary(path.name):
        return ""
    if is_program_or_archive(path.name):
        return "is a program or an archive"
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(real_root):
        return "is a link that leads out of the folder"
    if not _is_file(path):
        return "is not a file"
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    return None


def _is_file(path: Path) -> bool:
    """OSError where nobody can tell; `Path.is_file` takes a link that leads round in a circle for no file."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):  # a link to nothing
        return False


def _fault(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"
