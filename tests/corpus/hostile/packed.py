"""Archives that mean harm, and documents in containers that do."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

GATE = "The gate closes at 18:30."

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def nested(path: Path) -> None:
    """A zip in a zip, thirty deep."""
    content = GATE.encode()
    name = "inside.txt"
    for _ in range(30):
        content, name = _zip({name: content}), "inside.zip"
    path.write_bytes(content)


def many_members(path: Path) -> None:
    path.write_bytes(_zip({f"{number}.txt": GATE.encode() for number in range(3000)}))


def bomb(path: Path) -> None:
    """A sound text beside 520 MiB of zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("gate.txt", GATE)
        with archive.open("zeros.txt", "w", force_zip64=True) as member:
            for block in _zeros(520):
                member.write(block)


def compressed_bomb(path: Path) -> None:
    """Spaces, half a gigabyte of them."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for block in _zeros(520):
            file.write(block.replace(b"\0", b" "))


def tar_bomb(path: Path) -> None:
    """A compressed archive of one member of a terabyte, of which the first megabytes are there."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        member = tarfile.TarInfo("zeros.txt")
        member.size = 2**40
        file.write(member.tobuf())
        for block in _zeros(8):
            file.write(block)


def overlapping(path: Path) -> None:
    """A thousand entries of the directory that all point to the same ten megabytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"gate " * 2_000_000)
        first = archive.infolist()[0]
        for number in range(1000):
            other = zipfile.ZipInfo(f"b{number}.txt")
            for field in ("compress_size", "file_size", "CRC", "header_offset", "compress_type", "flag_bits"):
                setattr(other, field, getattr(first, field))
            archive.filelist.append(other)
    path.write_bytes(packed.getvalue())


def traversal(path: Path) -> None:
    """Names that lead outside, and one sound text."""
    names = ("../../../../tmp/escaped.txt", "/etc/escaped.txt", "..\\..\\escaped.txt", "gate.txt")
    path.write_bytes(_zip({name: GATE.encode() for name in names}))


def links(path: Path) -> None:
    """Links to a file of this machine, a device and a pipe, and one sound text."""
    with tarfile.open(path, "w") as archive:
        for name, kind, target in (
            ("link.txt", tarfile.SYMTYPE, "/etc/hostname"),
            ("hard.txt", tarfile.LNKTYPE, "/etc/hostname"),
            ("device.txt", tarfile.CHRTYPE, ""),
            ("pipe.txt", tarfile.FIFOTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        sound = tarfile.TarInfo("gate.txt")
        sound.size = len(GATE)
        archive.addfile(sound, io.BytesIO(GATE.encode()))


def locked(path: Path) -> None:
    """A member that says that it is encrypted."""
    content = bytearray(_zip({"gate.txt": GATE.encode()}))
    directory = content.rindex(b"PK\x01\x02")
    content[6] |= 1
    content[directory + 8] |= 1
    path.write_bytes(bytes(content))


def truncated(path: Path) -> None:
    content = _zip({f"{number}.txt": GATE.encode() * 200 for number in range(20)})
    path.write_bytes(content[: len(content) // 2])


def wrong_checksum(path: Path) -> None:
    """One member's bytes are not those that were packed; the other is sound."""
    content = bytearray(_zip({"a.txt": GATE.encode() * 50, "b.txt": GATE.encode()}))
    content[45] ^= 0xFF
    path.write_bytes(bytes(content))


def only_programs(path: Path) -> None:
    path.write_bytes(_zip({f"{name}.exe": b"MZ" + bytes(range(256)) * 8 for name in "ab"}))


def far_cell(path: Path) -> None:
    """A workbook of two cells, the first and the last that a sheet can have: a table of 17,000 million cells."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    cells = "".join(
        f'<row r="{row}"><c r="{cell}" t="inlineStr"><is><t>{GATE}</t></is></c></row>'
        for row, cell in ((1, "A1"), (1048576, "XFD1048576"))
    )
    sheets = '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
    members = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": _relation("officeDocument", "xl/workbook.xml"),
        "xl/_rels/workbook.xml.rels": _relation("worksheet", "worksheets/sheet1.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{_OFFICE}">{sheets}</workbook>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    path.write_bytes(_zip({name: text.encode() for name, text in members.items()}))


def repeated_rows(path: Path) -> None:
    """An OpenDocument sheet whose one row says that it comes a million times, with ten thousand columns each."""
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    listing = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    manifest = f'<m:manifest xmlns:m="{listing}"><m:file-entry m:full-path="/" m:media-type="{kind}"/></m:manifest>'
    names = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    content = (
        f'<o:document-content xmlns:o="{office}" xmlns:t="{names}" xmlns:x="{text}"><o:body><o:spreadsheet>'
        f'<t:table t:name="S"><t:table-row t:number-rows-repeated="1048576"><t:table-cell '
        f't:number-columns-repeated="10000" o:value-type="string"><x:p>{GATE}</x:p></t:table-cell></t:table-row>'
        "</t:table></o:spreadsheet></o:body></o:document-content>"
    )
    members = {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}
    path.write_bytes(_zip({name: text.encode() for name, text in members.items()}))


def deep_tables(path: Path) -> None:
    """A Word file of tables in tables, eighty deep, with styles that are based on each other."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    styles = "".join(
        f'<w:style w:styleId="{one}"><w:name w:val="{one}"/><w:basedOn w:val="{other}"/></w:style>'
        for one, other in (("A", "B"), ("B", "A"))
    )
    inner = f'<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>{GATE}</w:t></w:r></w:p>'
    body = inner + "<w:tbl><w:tr><w:tc>" * 80 + inner + "</w:tc></w:tr></w:tbl>" * 80
    members = {
        "_rels/.rels": _relation("officeDocument", "word/document.xml"),
        "word/_rels/document.xml.rels": _relation("styles", "styles.xml"),
        "word/styles.xml": f'<w:styles xmlns:w="{word}">{styles}</w:styles>',
        "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
    }
    path.write_bytes(_zip({name: text.encode() for name, text in members.items()}))


def locked_office(path: Path) -> None:
    """What Excel makes of a workbook with a password: an OLE file around an encrypted package."""
    names = b"".join(name.encode("utf-16-le") + b"\0\0" for name in ("EncryptionInfo", "EncryptedPackage"))
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + names + bytes(4096))


def broken_outlook(path: Path) -> None:
    """An OLE file that says that it is an Outlook message, and whose tables point everywhere."""
    name = "__properties_version1.0".encode("utf-16-le") + b"\0\0"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 504 + name + b"\xff\x00" * 4096)


def _relation(kind: str, target: str) -> str:
    relation = f'<Relationship Id="r1" Type="{_OFFICE}/{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{_PACKAGE}">{relation}</Relationships>'


def _zip(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _zeros(mebibytes: int) -> Iterator[bytes]:
    block = bytes(2**20)
    for _ in range(mebibytes):
        yield block
