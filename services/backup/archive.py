"""The backup's file: a tar whose first member says what it is and whose last one lists the others with their SHA-256.

It is written beside its place, synced and renamed: there is a whole backup or none. It holds documents and password
hashes, so it is its owner's alone. Knows nothing of what the members mean.
"""

import errno
import fcntl
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from retrieval.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from services.durable import fsync

FORMAT = 1
HEADER, MANIFEST = "footnote-backup.json", "manifest.json"
BLOCK = 1 << 20


@dataclass(slots=True)
class ArchiveWriter:
    """Members go in one after the other; `manifest` grows with them."""

    _tar: tarfile.TarFile
    members: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, data: bytes) -> None:
        """A member from memory."""
        self._put(name, io.BytesIO(data), len(data))
        self.members[name] = hashlib.sha256(data).hexdigest()

    def add_file(self, name: str, file: IO[bytes], sha256: str) -> bool:
        """A member from an open file; False, and nothing added, where its bytes are not those."""
        if _digest(file) != sha256:
            return False
        size = file.tell()
        file.seek(0)
        self._put(name, file, size)
        self.members[name] = sha256
        return True

    def _put(self, name: str, source: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._tar.addfile(member, source)


@contextmanager
def written(file: Path, about: Mapping[str, Any], manifest: Callable[[], Mapping[str, Any]]) -> Iterator[ArchiveWriter]:
    """An archive that stands at `file` when the context ends, or not at all.

    `about` goes into the first member, what `manifest` gives at the end into the last. Raises UnavailableError where
    the disk is full or cannot be written, ConflictError where another backup is writing the same file.
    """
    scratch = file.with_name(f"{file.name}.part")
    try:
        descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UnavailableError(f"{scratch} cannot be written: {error.strerror}.", code="backup_unwritable") from error
    with os.fdopen(descriptor, "r+b") as out:
        _alone(out, file)
        try:
            os.fchmod(descriptor, 0o600)
            out.truncate(0)
            with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
                writer = ArchiveWriter(tar)
                writer.add(HEADER, _json({"format": FORMAT, **about}))
                yield writer
                writer.add(MANIFEST, _json({**manifest(), "sha256": dict(writer.members)}))
            out.flush()
            os.fsync(descriptor)
            scratch.replace(file)
            fsync(file.parent)
        except OSError as error:
            scratch.unlink(missing_ok=True)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if full else error.strerror or str(error)
            message = f"No backup was made: {reason}. Nothing of it is left."
            raise UnavailableError(message, code="storage_full" if full else "backup_unwritable") from error
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise


class ArchiveReader:
    """A backup that was checked: every member is there, whole, and nothing else."""

    def __init__(self, file: Path, about: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        self._file = file
        self.about = about
        self.manifest = manifest

    def members(self, prefix: str) -> Iterator[tuple[str, IO[bytes]]]:
        """Names and contents of the members below `prefix`, in the order in which they were written."""
        with _opened(self._file) as tar:
            for member in tar:
                if member.name.startswith(prefix):
                    yield member.name, _content(tar, member)


def checked(file: Path, told: Callable[[int, int], None]) -> ArchiveReader:
    """Read the whole file once and compare every sum. `told` hears bytes read and bytes in all.

    Raises NotFoundError, and InvalidInputError for what is no backup, a newer one, or not as it was written.
    """
    found: dict[str, str] = {}
    about: Mapping[str, Any] | None = None
    manifest: Mapping[str, Any] = {}
    size = _size(file)
    with _opened(file) as tar:
        for member in tar:
            data = _content(tar, member)
            if about is None:
                about = _about(member.name, data)
                data = _content(tar, member)
            if member.name == MANIFEST:
                manifest = _parsed(data.read())
            elif member.name in found or not member.isreg():
                raise _damaged(f"{member.name} stands in it twice, or is no file")
            else:
                found[member.name] = _digest(data)
            told(tar.offset, size)
    listed = manifest.get("sha256")
    if about is None or not isinstance(listed, dict):
        raise _damaged("it has no end")
    wrong = [name for name in {*listed, *found} if listed.get(name) != found.get(name)]
    if wrong:
        raise _damaged(f"{len(wrong)} members are missing or changed, {min(wrong)} among them")
    return ArchiveReader(file, about, manifest)


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        tar = tarfile.open(file, mode="r:")  # noqa: SIM115 - closed below, by a `with` that has another error to map
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {file}.", code="no_backup") from None
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}.", code="no_backup") from error
    except tarfile.TarError:
        raise InvalidInputError("This is no backup of Footnote.", code="no_backup") from None
    try:
        with tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(str(error)) from error


def _size(file: Path) -> int:
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


def _about(name: str, data: IO[bytes]) -> Mapping[str, Any]:
    if name != HEADER:
        raise InvalidInputError("This is no backup of Footnote.", code="no_backup")
    about = _parsed(data.read())
    version = about.get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise InvalidInputError(
            f"This backup was made by a newer release of Footnote ({about.get('footnote', 'unknown')}, format "
            f"{version}): restore it with that release.",
            code="newer_backup",
        )
    return about


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    return content if content is not None else io.BytesIO()


def _digest(data: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := data.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _parsed(data: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _damaged("a list in it cannot be read")
    return value


def _damaged(why: str) -> InvalidInputError:
    return InvalidInputError(f"This backup is damaged: {why}. Nothing was changed.", code="backup_damaged")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _alone(out: IO[bytes], file: Path) -> None:
    try:
        fcntl.flock(out.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConflictError(f"Another backup is writing {file} at this moment.", code="backup_running") from None
