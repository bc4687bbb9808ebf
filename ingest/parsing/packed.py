"""Archives as folders: every member that can be read is a section under its path.

Nothing is unpacked to disk, so a name cannot lead outside; links and devices are never followed. Members are counted
and their sizes added up before they are read. Knows nothing of what is in them.
"""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO

from ingest.parsing.archive import Archive
from ingest.parsing.detection import is_tar
from ingest.parsing.document import ParsedDocument, TextBuilder, one_line
from ingest.parsing.media_types import BZIP2, GZIP, PAGES, TAR, XZ, ZIP
from ingest.parsing.original import Original
from ingest.parsing.parts import MAX_BYTES, Parts
from retrieval.errors import DocumentError

_OPEN: dict[str, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    GZIP: lambda file: gzip.GzipFile(fileobj=file),
    BZIP2: bz2.BZ2File,
    XZ: lzma.LZMAFile,
}
_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
# What systems put beside documents.
_JUNK = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git", ".svn"})
_PREVIEW = "QuickLook/Preview.pdf"
_READ_BYTES = 1 << 20


def parse_zip(original: Original, parts: Parts) -> ParsedDocument:
    """Raises DocumentError: `corrupt`, `encrypted`, `no_text` (with what was wrong with the members), `parse_limit`."""
    out = TextBuilder()
    with Archive(original) as archive:
        if archive.locked:
            raise DocumentError("The archive is protected by a password. Unpack it first.", code="encrypted")
        names = [name for name in sorted(archive.names()) if not name.endswith("/") and not _is_junk(name)]
        for name in names:
            parts.spend(count=1, size=archive.size(name))
            try:
                content = archive.read(name)
            except DocumentError as error:
                out.leave_out(_path(name), error.message)
                continue
            _add(out, parts, name, content)
    return _built(out, ZIP, len(names))


def parse_tar(original: Original, parts: Parts) -> ParsedDocument:
    """As `parse_zip`; a tar archive, compressed or not."""
    out = TextBuilder()
    count = 0
    try:
        with original.open() as file, tarfile.open(fileobj=file, mode="r|*") as archive:
            for member in archive:
                if member.isdir() or _is_junk(member.name):
                    continue
                count += 1
                parts.spend(count=1, size=max(0, member.size))
                content = archive.extractfile(member) if member.isreg() and not member.issparse() else None
                if content is None:
                    out.leave_out(_path(member.name), "It is a link or a device, which is not followed.")
                else:
                    _add(out, parts, member.name, content.read())
    except _BROKEN as error:
        raise DocumentError("The archive is damaged. Was it copied completely?", code="corrupt") from error
    return _built(out, TAR, count)


def parse_compressed(original: Original, media_type: str, file_name: str, parts: Parts) -> ParsedDocument:
    """One compressed file, or a compressed tar archive. Raises DocumentError as the parser of what is inside does."""
    try:
        with original.open() as packed, _OPEN[media_type](packed) as file:
            head = file.read(tarfile.BLOCKSIZE)
            if is_tar(head):
                return parse_tar(original, parts)
            content = head + b"".join(_bounded(file, MAX_BYTES))
    except _BROKEN as error:
        raise DocumentError("The compressed file is damaged. Was it copied completely?", code="corrupt") from error
    parts.spend(count=1, size=len(content))
    return parts.only(content, PurePosixPath(file_name).stem)


def parse_pages(original: Original, parts: Parts) -> ParsedDocument:
    """A document of Apple's Pages, which can be read where it carries a preview as PDF (those of iWork '09 do)."""
    with Archive(original) as archive:
        preview = archive.read(_PREVIEW) if _PREVIEW in archive else None
    if preview is None:
        raise DocumentError(
            "Files of Apple's Pages, Numbers and Keynote cannot be read. Export the document as PDF and upload that.",
            code="unsupported_type",
        )
    parts.spend(count=1, size=len(preview))
    return parts.only(preview, "preview.pdf", PAGES)


def _add(out: TextBuilder, parts: Parts, name: str, content: bytes) -> None:
    path = _path(name)
    parts.add(out, content, path, heading=path, level=1)


def _built(out: TextBuilder, media_type: str, count: int) -> ParsedDocument:
    if count == 0:
        raise DocumentError("The archive holds no files.", code="no_text")
    return replace(out.build(media_type), title=None)  # the first member's name is not what the archive is called


def _path(name: str) -> str:
    """A member's name as a path inside the archive, whatever it tries to be."""
    steps = [step for step in one_line(name).replace("\\", "/").split("/") if step not in ("", ".", "..")]
    return "/".join(steps)[-300:] or "unnamed"


def _is_junk(name: str) -> bool:
    steps = name.replace("\\", "/").split("/")
    return not _JUNK.isdisjoint(steps) or steps[-1].startswith("._")


def _bounded(file: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile, most: int) -> Iterator[bytes]:
    while piece := file.read(_READ_BYTES):
        most -= len(piece)
        if most < 0:
            raise DocumentError("The file unpacks to more than is allowed, as only bombs do.", code="parse_limit")
        yield piece
