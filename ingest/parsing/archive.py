"""Zip containers and XML, opened so that a hostile file can cost no more than its caps.

Members are counted and their sizes added up before the first is unpacked; XML is read without entities, DTDs or
network. Knows nothing of what the members mean.
"""

import lzma
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import unquote

from lxml import etree

from ingest.parsing.original import Original
from retrieval.errors import DocumentError

MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 512 * 2**20
# Text packs ten to one, XML at best fifty to one, a bomb of zeros a thousand to one. Small members may do as they like.
MAX_RATIO = 200
_RATIO_COUNTS_FROM_BYTES = 4 * 2**20

Element = Any  # lxml ships no types

_ENCRYPTED_FLAG = 0x1
# What reading a damaged container raises; LZMA and zlib have errors of their own.
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, ValueError)


class Archive:
    """An open zip container. A context manager.

    Raises DocumentError: `parse_limit` (a bomb, too many members), `encrypted`, `corrupt`.
    """

    def __init__(self, original: Original) -> None:
        self._file = original.open()
        try:
            self._zip = zipfile.ZipFile(self._file)
        except BROKEN as error:
            self._file.close()
            raise _damaged() from error
        self._members = {member.filename: member for member in self._zip.infolist()}
        try:
            check_members(self._zip.infolist())
        except DocumentError:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self) -> list[str]:
        return list(self._members)

    @property
    def locked(self) -> bool:
        """Whether every file in it is encrypted."""
        # Not `is_dir`, which fails on a member without a name.
        files = [member for name, member in self._members.items() if not name.endswith("/")]
        return bool(files) and all(member.flag_bits & _ENCRYPTED_FLAG for member in files)

    def size(self, name: str) -> int:
        """How long a member says that it is unpacked."""
        return self._members[name].file_size

    def read(self, name: str) -> bytes:
        """A member's bytes; `corrupt` if there is none of that name."""
        member = self._members.get(name)
        if member is None:
            raise DocumentError(f"The file is damaged: its part “{name}” is missing.", code="corrupt")
        if member.flag_bits & _ENCRYPTED_FLAG:
            raise DocumentError("The file is protected by a password.", code="encrypted")
        try:
            return self._zip.read(member)
        except (*BROKEN, RuntimeError) as error:
            raise _damaged() from error

    def xml(self, name: str) -> Element:
        """A member's root element, parsed by `parse_xml`."""
        return parse_xml(self.read(name))

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """An Office part's relations: id -> (last word of the type, name of the member it points to)."""
        folder, base = posixpath.split(name)
        listing = posixpath.join(folder, "_rels", base + ".rels")
        if listing not in self:
            return {}
        found = {}
        for relation in self.xml(listing):
            target = unquote(relation.get("Target") or "")
            inside = (
                target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            )
            if relation.get("TargetMode") != "External":
                found[relation.get("Id")] = ((relation.get("Type") or "").rsplit("/", 1)[-1], inside)
        return found


def check_members(members: list[zipfile.ZipInfo]) -> None:
    """Raises DocumentError `parse_limit` for a container that unpacks to more than the caps allow."""
    if len(members) > MAX_MEMBERS:
        raise DocumentError(f"The file holds {len(members):,} parts, more than {MAX_MEMBERS:,}.", code="parse_limit")
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED_BYTES:
        raise DocumentError(f"The file unpacks to {total / 2**20:,.0f} MiB, which is too much.", code="parse_limit")
    for member in members:
        if member.file_size > _RATIO_COUNTS_FROM_BYTES and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise DocumentError(
                f"The file's part “{member.filename[:100]}” is packed more than {MAX_RATIO} to 1, as only bombs are.",
                code="parse_limit",
            )


def parse_xml(content: bytes) -> Element:
    """The root element of an XML document. Entities stay unresolved and DTDs unread, so nothing grows or is fetched.

    Raises DocumentError `corrupt` with what is wrong and where, `parse_limit` where libxml2's own caps are hit.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        reason = str(error)
        code = "parse_limit" if "huge input" in reason or "Excessive depth" in reason or "loop" in reason else "corrupt"
        raise DocumentError(f"The file's XML cannot be read: {reason[:200]}.", code=code) from error


def local(element: Element) -> str:
    """An element's name without its namespace; "" for an unresolved entity."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def attribute(element: Element, name: str) -> str | None:
    """An attribute's value by its name without namespace: Office's strict and transitional namespaces differ."""
    value = element.get(name)
    if value is not None:
        return str(value)
    return next((str(value) for key, value in element.items() if key.endswith("}" + name)), None)


def children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if local(child) == name)


def child(element: Element, *path: str) -> Element | None:
    """The first descendant along a path of names, or None."""
    for name in path:
        element = next(children(element, name), None)
        if element is None:
            return None
    return element


def _damaged() -> DocumentError:
    return DocumentError("The file is damaged: it cannot be unpacked. Was it copied completely?", code="corrupt")
