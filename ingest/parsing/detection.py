"""What a file is, decided by its content and then compared with its name.

A file whose content and name disagree is refused rather than guessed at: the name is what people go by, and a guess
that is wrong gives silent nonsense. Knows nothing of how a type is parsed.
"""

import re
import zipfile
from pathlib import Path

from ingest.parsing.encoding import decoded_start
from retrieval.errors import DocumentError

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
EPUB = "application/epub+zip"
DOC = "application/msword"
XLS = "application/vnd.ms-excel"
PPT = "application/vnd.ms-powerpoint"
MSG = "application/vnd.ms-outlook"
RTF = "application/rtf"
HTML = "text/html"
XML = "application/xml"
JSON = "application/json"
JSON_LINES = "application/x-ndjson"
EMAIL = "message/rfc822"
CSV = "text/csv"
TSV = "text/tab-separated-values"
MARKDOWN = "text/markdown"
RST = "text/x-rst"
ASCIIDOC = "text/asciidoc"
ORG = "text/org"
PLAIN = "text/plain"

_BY_SUFFIX = {
    PDF: "pdf",
    DOCX: "docx docm dotx dotm",
    PPTX: "pptx pptm ppsx ppsm potx potm",
    XLSX: "xlsx xlsm xltx xltm",
    XLSB: "xlsb",
    ODT: "odt ott",
    ODS: "ods ots",
    ODP: "odp otp",
    EPUB: "epub",
    DOC: "doc dot",
    XLS: "xls xlt",
    PPT: "ppt pps pot",
    MSG: "msg",
    RTF: "rtf",
    HTML: "html htm xhtml",
    XML: "xml nxml",
    JSON: "json ipynb",
    JSON_LINES: "jsonl ndjson",
    EMAIL: "eml",
    CSV: "csv",
    TSV: "tsv tab",
    MARKDOWN: "md markdown mdown mkd",
    RST: "rst",
    ASCIIDOC: "adoc asciidoc asc",
    ORG: "org",
    PLAIN: "txt text log",
}
_SUFFIX_TYPE = {f".{suffix}": media_type for media_type, suffixes in _BY_SUFFIX.items() for suffix in suffixes.split()}
_TEXT_TYPES = frozenset({HTML, XML, JSON, JSON_LINES, EMAIL, CSV, TSV, MARKDOWN, RST, ASCIIDOC, ORG, PLAIN})
_NAMES = {
    PDF: "a PDF",
    DOCX: "a Word document",
    PPTX: "a PowerPoint presentation",
    XLSX: "an Excel workbook",
    XLSB: "a binary Excel workbook",
    ODT: "an OpenDocument text",
    ODS: "an OpenDocument spreadsheet",
    ODP: "an OpenDocument presentation",
    EPUB: "an EPUB book",
    DOC: "a Word 97-2003 document",
    XLS: "an Excel 97-2003 workbook",
    PPT: "a PowerPoint 97-2003 presentation",
    MSG: "an Outlook message",
    RTF: "a rich text (RTF) file",
}

_IMAGE = "an image"
_ARCHIVE = "an archive"
_PROGRAM = "a program"
_MEDIA = "an audio or video file"
_UNREADABLE = (
    (b"\x89PNG\r\n\x1a\n", _IMAGE),
    (b"\xff\xd8\xff", _IMAGE),
    (b"GIF8", _IMAGE),
    (b"II*\x00", _IMAGE),
    (b"MM\x00*", _IMAGE),
    (b"BM", _IMAGE),
    (b"8BPS", _IMAGE),
    (b"\x1f\x8b", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"Rar!\x1a", _ARCHIVE),
    (b"BZh", _ARCHIVE),
    (b"\xfd7zXZ\x00", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (b"\x7fELF", _PROGRAM),
    (b"MZ", _PROGRAM),
    (b"\xca\xfe\xba\xbe", _PROGRAM),
    (b"ID3", _MEDIA),
    (b"OggS", _MEDIA),
    (b"fLaC", _MEDIA),
    (b"\x1aE\xdf\xa3", _MEDIA),
)
_BINARY_ONLY_MAGIC = 3  # shorter magic could open a text, so it counts only where the rest is not text

_HEAD_BYTES = 8192
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_MARKUP_START = re.compile(r"\s*<(?:\?xml\s|!DOCTYPE\s|[A-Za-z_][\w.:-]*[\s/>])")
_MAIL_START = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]{1,60}:[ \t].*(?:\r?\n[ \t].*)*\r?\n){2,}", re.ASCII)
_MAIL_HEADERS = re.compile(r"^(?:from|to|subject|date|received|message-id|mime-version|return-path):", re.I | re.M)


def detect(path: Path, file_name: str) -> str:
    """The media type of the file at `path`, which people know as `file_name`.

    Raises DocumentError: `empty_file`, `type_mismatch` (content and name disagree), `unsupported_type`, `encrypted`
    (an Office file that is a locked container), `corrupt` (a broken container).
    """
    if path.stat().st_size == 0:
        raise DocumentError("The file is empty (0 bytes).", code="empty_file")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    suffix = Path(file_name).suffix.lower()
    named = _SUFFIX_TYPE.get(suffix)
    found = _binary_type(path, head, suffix)
    if found is None:
        start = decoded_start(head)
        if start is None:
            raise DocumentError(_unsupported("a binary file of an unknown kind", suffix), code="unsupported_type")
        found = named if named in _TEXT_TYPES else _text_type(start)
    if named is not None and named != found:
        raise DocumentError(_mismatch(suffix, named, found), code="type_mismatch")
    return found


def _binary_type(path: Path, head: bytes, suffix: str) -> str | None:
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_type(path, suffix)
    if head.startswith(_OLE_MAGIC):
        return _ole_type(path, suffix)
    if head.startswith(b"{\\rtf"):
        return RTF
    for magic, kind in _UNREADABLE:
        if head.startswith(magic) and (len(magic) >= _BINARY_ONLY_MAGIC or decoded_start(head) is None):
            raise DocumentError(_unreadable(kind, suffix), code=_unreadable_code(suffix))
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE", b"AVI ")):
        kind = _IMAGE if head[8:12] in (b"heic", b"heix", b"mif1", b"avif", b"WEBP") else _MEDIA
        raise DocumentError(_unreadable(kind, suffix), code=_unreadable_code(suffix))
    return None


def _zip_type(path: Path, suffix: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            mimetype = archive.open("mimetype").read(100).decode("ascii", "replace") if "mimetype" in names else ""
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise DocumentError(
            "The file is damaged: its container cannot be opened. Was it copied completely?", code="corrupt"
        ) from error
    mimetype = mimetype.strip().removesuffix("-template")
    if mimetype in (ODT, ODS, ODP, EPUB):
        return mimetype
    for folder, media_type in (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)):
        if any(name.startswith(folder) for name in names):
            return XLSB if "xl/workbook.bin" in names else media_type
    if "META-INF/container.xml" in names:
        return EPUB
    raise DocumentError(_unreadable(_ARCHIVE, suffix), code=_unreadable_code(suffix))


def _ole_type(path: Path, suffix: str) -> str:
    """The type of an OLE compound file, by the names in its directory, which may stand anywhere in the file."""
    content = path.read_bytes()
    for stream, media_type in (
        ("EncryptedPackage", "encrypted"),
        ("WordDocument", DOC),
        ("PowerPoint Document", PPT),
        ("Workbook", XLS),
        ("__properties_version1.0", MSG),
        ("Book", XLS),
    ):
        if stream.encode("utf-16-le") + b"\x00\x00" in content:
            if media_type == "encrypted":
                raise DocumentError(
                    "The file is protected by a password. Save it without the password and upload it again.",
                    code="encrypted",
                )
            return media_type
    raise DocumentError(_unsupported("an Office file of an unknown kind", suffix), code="unsupported_type")


def _text_type(start: str) -> str:
    if _HTML_START.match(start):
        return HTML
    if _MARKUP_START.match(start):
        return XML
    if start.lstrip()[:1] in ("{", "["):
        return JSON
    if _MAIL_START.match(start) and len(_MAIL_HEADERS.findall(start)) >= 3:
        return EMAIL
    return PLAIN


def _mismatch(suffix: str, named: str, found: str) -> str:
    return (
        f'The name ends in "{suffix}", but the content is {_NAMES.get(found, "text")}, not '
        f"{_NAMES.get(named, 'text')}. Give the file the right ending, or save it again in the format you meant."
    )


def _unreadable(kind: str, suffix: str) -> str:
    if suffix in _SUFFIX_TYPE:
        named = _NAMES.get(_SUFFIX_TYPE[suffix], "text")
        return f'The name ends in "{suffix}", but the content is {kind}, not {named}. Upload the document itself.'
    if kind is _IMAGE:
        return "The file is an image. Text in images cannot be read: no text recognition (OCR) is installed."
    if suffix in (".pages", ".numbers", ".key"):
        return "Files of Apple's Pages, Numbers and Keynote cannot be read. Export the document as PDF and upload that."
    if kind is _ARCHIVE:
        return "The file is an archive. Unpack it and upload the documents inside."
    return _unsupported(kind, suffix)


def _unreadable_code(suffix: str) -> str:
    return "type_mismatch" if suffix in _SUFFIX_TYPE else "unsupported_type"


def _unsupported(kind: str, suffix: str) -> str:
    return (
        f"The file{f' (“{suffix}”)' if suffix else ''} is {kind}, which cannot be read. Formats that can: PDF, Word, "
        "PowerPoint, Excel, OpenDocument, RTF, EPUB, HTML, Markdown, text, CSV, JSON, XML and e-mail."
    )
