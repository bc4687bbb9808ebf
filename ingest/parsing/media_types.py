"""The media types that can be read, the endings of their names, and what people call them.

Knows nothing of how a type is found or parsed.
"""

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
CALENDAR = "text/calendar"
SUBTITLES = "text/vtt"
BOXNOTE = "application/vnd.box.boxnote"
PAGES = "application/vnd.apple.pages"
ZIP = "application/zip"
TAR = "application/x-tar"
GZIP = "application/gzip"
BZIP2 = "application/x-bzip2"
XZ = "application/x-xz"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
BMP = "image/bmp"
GIF = "image/gif"
WEBP = "image/webp"
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
    EMAIL: "eml p7s p7m",
    CSV: "csv",
    TSV: "tsv tab",
    MARKDOWN: "md markdown mdown mkd",
    RST: "rst",
    ASCIIDOC: "adoc asciidoc asc",
    ORG: "org",
    CALENDAR: "ics ifb",
    SUBTITLES: "vtt srt",
    BOXNOTE: "boxnote",
    PAGES: "pages",
    ZIP: "zip",
    TAR: "tar",
    GZIP: "gz tgz",
    BZIP2: "bz2 tbz tbz2",
    XZ: "xz txz",
    PNG: "png",
    JPEG: "jpg jpeg jpe jfif",
    TIFF: "tif tiff",
    BMP: "bmp dib",
    GIF: "gif",
    WEBP: "webp",
    PLAIN: "txt text log",
}
SUFFIX_TYPE = {f".{suffix}": media_type for media_type, suffixes in _BY_SUFFIX.items() for suffix in suffixes.split()}
IMAGES = frozenset({PNG, JPEG, TIFF, BMP, GIF, WEBP})
COMPRESSED = frozenset({GZIP, BZIP2, XZ})
TEXT_TYPES = frozenset(
    {HTML, XML, JSON, JSON_LINES, EMAIL, CSV, TSV, MARKDOWN, RST, ASCIIDOC, ORG, PLAIN, CALENDAR, SUBTITLES, BOXNOTE}
)
# Prose in pure text: read by a few hundred lines of ours that follow no reference and unpack nothing.
PROSE = frozenset({MARKDOWN, RST, ASCIIDOC, ORG, PLAIN})
NAMES = {
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
    PAGES: "a Pages document",
    **dict.fromkeys((ZIP, TAR), "an archive"),
    **dict.fromkeys(COMPRESSED, "a compressed file"),
    **dict.fromkeys(IMAGES, "an image"),
}
