"""What a file is, decided by its content and then compared with its name.

A file whose content and name disagree is refused rather than guessed at: the name is what people go by, and a guess
that is wrong gives silent nonsense. Knows nothing of how a type is parsed.
"""

import json
import re
import tarfile
import zipfile
from pathlib import Path

from ingest.parsing import media_types as types
from ingest.parsing.archive import BROKEN
from ingest.parsing.encoding import decoded_start
from ingest.parsing.original import Original
from retrieval.errors import DocumentError

_ARCHIVE = "an archive of a kind"
_PROGRAM = "a program"
_MEDIA = "an audio or video file"
_PICTURE = "an image of a kind"
_READABLE = (
    (b"\x89PNG\r\n\x1a\n", types.PNG),
    (b"\xff\xd8\xff", types.JPEG),
    (b"GIF8", types.GIF),
    (b"II*\x00", types.TIFF),
    (b"MM\x00*", types.TIFF),
    (b"BM", types.BMP),
    (b"\x1f\x8b", types.GZIP),
    (b"BZh", types.BZIP2),
    (b"\xfd7zXZ\x00", types.XZ),
)
_UNREADABLE = (
    (b"8BPS", _PICTURE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"Rar!\x1a", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (b"\x7fELF", _PROGRAM),
    (b"MZ", _PROGRAM),
    (b"\xca\xfe\xba\xbe", _PROGRAM),
    (b"ID3", _MEDIA),
    (b"OggS", _MEDIA),
    (b"fLaC", _MEDIA),
    (b"\x1aE\xdf\xa3", _MEDIA),
)
_PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"avif")
_BINARY_ONLY_MAGIC = 3  # shorter magic could open a text, so it counts only where the rest is not text

_HEAD_BYTES = 8192
_OFFICE = (
    ("word/", "document.xml", types.DOCX),
    ("ppt/", "presentation.xml", types.PPTX),
    ("xl/", "workbook.xml", types.XLSX),
)
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_MARKUP_START = re.compile(r"\s*<(?:\?xml\s|!DOCTYPE\s|[A-Za-z_][\w.:-]*[\s/>])")
# "false", and the bracket before it.
_LONGEST_LITERAL = 6
_MAIL_START = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]{1,60}:[ \t].*(?:\r?\n[ \t].*)*\r?\n){2,}", re.ASCII)
_MAIL_HEADERS = re.compile(r"^(?:from|to|subject|date|received|message-id|mime-version|return-path):", re.I | re.M)


def detect(original: Original, file_name: str) -> str:
    """The media type of the file that people know as `file_name`.

    Raises DocumentError: `empty_file`, `type_mismatch` (content and name disagree), `unsupported_type`, `encrypted`
    (an Office file that is a locked container), `corrupt` (a broken container).
    """
    if original.size == 0:
        raise DocumentError("The file is empty (0 bytes).", code="empty_file")
    with original.open() as file:
        head = file.read(_HEAD_BYTES)
    suffix = Path(file_name).suffix.lower()
    named = types.SUFFIX_TYPE.get(suffix)
    found = _binary_type(original, head, suffix)
    if found is None:
        start = decoded_start(head)
        if start is None:
            raise DocumentError(_unsupported("a binary file of an unknown kind", suffix), code="unsupported_type")
        found = named if named in types.TEXT_TYPES else _text_type(start, is_whole=original.size == len(head))
    if named is not None and named != found and not (named in types.IMAGES and found in types.IMAGES):
        raise DocumentError(_mismatch(suffix, named, found), code="type_mismatch")
    return found


def _binary_type(original: Original, head: bytes, suffix: str) -> str | None:
    if b"%PDF-" in head[:1024] or head.startswith(b"{\\rtf"):
        return types.RTF if head.startswith(b"{\\rtf") else types.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_type(original, suffix)
    if head.startswith(_OLE_MAGIC):
        return _ole_type(original, suffix)
    for magic, kind in (*_READABLE, *_UNREADABLE):
        if head.startswith(magic) and (len(magic) >= _BINARY_ONLY_MAGIC or decoded_start(head) is None):
            if kind in (_ARCHIVE, _PROGRAM, _MEDIA, _PICTURE):
                raise _unreadable(kind, suffix)
            return kind
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI ")):
        raise _unreadable(_PICTURE if head[8:12] in _PICTURE_BRANDS else _MEDIA, suffix)
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return types.WEBP if webp else types.TAR if is_tar(head) else None


def is_tar(head: bytes) -> bool:
    """Whether a file that begins with `head` is a tar archive: its first block carries its own checksum."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "replace")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _zip_type(original: Original, suffix: str) -> str:
    try:
        with original.open() as file, zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            mimetype = archive.open("mimetype").read(100).decode("ascii", "replace") if "mimetype" in names else ""
    except (*BROKEN, RuntimeError) as error:
        raise DocumentError(
            "The file is damaged: its container cannot be opened. Was it copied completely?", code="corrupt"
        ) from error
    mimetype = mimetype.strip().removesuffix("-template")
    if mimetype in (types.ODT, types.ODS, types.ODP, types.EPUB):
        return mimetype
    office = "[Content_Types].xml" in names
    for folder, main, media_type in _OFFICE:
        named = types.SUFFIX_TYPE.get(suffix) == media_type
        if f"{folder}{main}" in names or ((named or office) and any(name.startswith(folder) for name in names)):
            return types.XLSB if "xl/workbook.bin" in names else media_type
    if "META-INF/container.xml" in names:
        return types.EPUB
    if suffix == ".pages" or any(name.endswith("Index/Document.iwa") for name in names):
        return types.PAGES
    return types.ZIP


def _ole_type(original: Original, suffix: str) -> str:
    """The type of an OLE compound file, by the names in its directory, which may stand anywhere in the file."""
    content = original.read()
    for stream, media_type in (
        ("EncryptedPackage", "encrypted"),
        ("WordDocument", types.DOC),
        ("PowerPoint Document", types.PPT),
        ("Workbook", types.XLS),
        ("__properties_version1.0", types.MSG),
        ("Book", types.XLS),
    ):
        if stream.encode("utf-16-le") + b"\x00\x00" in content:
            if media_type == "encrypted":
                raise DocumentError(
                    "The file is protected by a password. Save it without the password and upload it again.",
                    code="encrypted",
                )
            return media_type
    raise DocumentError(_unsupported("an Office file of an unknown kind", suffix), code="unsupported_type")


def _text_type(start: str, *, is_whole: bool) -> str:
    if _HTML_START.match(start):
        return types.HTML
    if _MARKUP_START.match(start):
        return types.XML
    if start.lstrip()[:1] in ("{", "[") and _is_json(start.strip(), is_whole=is_whole):
        return types.JSON
    if start.startswith("BEGIN:VCALENDAR"):
        return types.CALENDAR
    if _MAIL_START.match(start) and len(_MAIL_HEADERS.findall(start)) >= 3:
        return types.EMAIL
    return types.PLAIN


def _is_json(start: str, *, is_whole: bool) -> bool:
    """Whether it is JSON as far as it goes: "[a link](…)", "[1] Smith" and "{{a template}}" only begin like it."""
    try:
        return json.JSONDecoder().raw_decode(start)[1] == len(start)
    except RecursionError:
        return True
    except json.JSONDecodeError as error:
        # Of a long file the start is all that is here: it ends within a string, a word or between two.
        is_cut = error.msg.startswith("Unterminated string") or error.pos > len(start) - _LONGEST_LITERAL
        return is_cut and not is_whole


def _mismatch(suffix: str, named: str, found: str) -> str:
    return (
        f'The name ends in "{suffix}", but the content is {types.NAMES.get(found, "text")}, not '
        f"{types.NAMES.get(named, 'text')}. Give the file the right ending, or save it again in the format you meant."
    )


def _unreadable(kind: str, suffix: str) -> DocumentError:
    if suffix in types.SUFFIX_TYPE:
        named, kind = types.NAMES.get(types.SUFFIX_TYPE[suffix], "text"), kind.removesuffix(" of a kind")
        message = f'The name ends in "{suffix}", but the content is {kind}, not {named}. Upload the document itself.'
        return DocumentError(message, code="type_mismatch")
    if kind is _PICTURE:
        message = f"The file{_quoted(suffix)} is an image of a kind that cannot be read. Save it as PNG, JPEG or TIFF."
    elif kind is _ARCHIVE:
        message = (
            f"The file{_quoted(suffix)} is an archive of a kind that cannot be opened. Pack the documents as zip or "
            "tar.gz, or upload them one by one."
        )
    else:
        message = _unsupported(kind, suffix)
    return DocumentError(message, code="unsupported_type")


def _quoted(suffix: str) -> str:
    return f" (“{suffix}”)" if suffix else ""


def _unsupported(kind: str, suffix: str) -> str:
    return (
        f"The file{_quoted(suffix)} is {kind}, which cannot be read. Formats that can: PDF, Word, PowerPoint, Excel, "
        "OpenDocument, RTF, EPUB, HTML, Markdown, text, CSV, JSON, XML, e-mail, calendars, images and zip or tar "
        "archives."
    )
