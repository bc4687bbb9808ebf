"""Names that come from elsewhere, made fit for a document: file names, external ids, endings that agree with types.

Knows nothing of where they come from.
"""

import re
import unicodedata

MAX_EXTERNAL_ID = 1000
_MAX_NAME_CHARS = 150
_MAX_SUFFIX_CHARS = 12
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+')
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_SUFFIXES = {
    "text/html": (".html", ".htm", ".xhtml"),
    "application/xhtml+xml": (".html", ".htm", ".xhtml"),
    "text/plain": (".txt", ".text", ".log", ".md", ".rst", ".adoc", ".org", ".csv", ".tsv", ".json", ".jsonl"),
    "text/markdown": (".md", ".markdown"),
    "text/x-rst": (".rst",),
    "text/csv": (".csv",),
    "text/tab-separated-values": (".tsv",),
    "application/json": (".json",),
    "application/x-ndjson": (".jsonl", ".ndjson"),
    "application/xml": (".xml",),
    "text/xml": (".xml",),
    "application/pdf": (".pdf",),
    f"{_OFFICE}wordprocessingml.document": (".docx",),
    f"{_OFFICE}presentationml.presentation": (".pptx",),
    f"{_OFFICE}spreadsheetml.sheet": (".xlsx",),
    f"{_OPEN_DOCUMENT}text": (".odt",),
    f"{_OPEN_DOCUMENT}spreadsheet": (".ods",),
    f"{_OPEN_DOCUMENT}presentation": (".odp",),
    "application/epub+zip": (".epub",),
    "application/msword": (".doc",),
    "application/vnd.ms-excel": (".xls",),
    "application/vnd.ms-powerpoint": (".ppt",),
    "application/rtf": (".rtf",),
    "text/rtf": (".rtf",),
    "message/rfc822": (".eml",),
}
READABLE_TYPES = frozenset(_SUFFIXES)


def why_no_id(external_id: str) -> str | None:
    """Why the registry could not hold this external id; None where it can."""
    if len(external_id) > MAX_EXTERNAL_ID:
        return f"Its name has more than {MAX_EXTERNAL_ID:,} characters."
    if "\x00" in external_id or any(0xD800 <= ord(character) <= 0xDFFF for character in external_id):
        return "Its name is not valid UTF-8."
    return None


def shown_id(external_id: str) -> str:
    """An external id that cannot be one, as it is shown in a list of failures."""
    return external_id.encode("utf-8", "backslashreplace").decode().replace("\x00", "\ufffd")[:MAX_EXTERNAL_ID]


def file_name_of(name: str, *, suffix: str = "") -> str:
    """A plain file name: no folders, no control or bidirectional characters, at most 150, never empty or hidden.

    `suffix` is what it has to end in, where that is known.
    """
    clean = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(" ._")
    stem, dot, ending = clean.rpartition(".")
    if not stem or len(ending) > _MAX_SUFFIX_CHARS:
        stem, dot, ending = clean, "", ""
    if suffix and f".{ending}".lower() != suffix:
        stem, dot, ending = clean, "", ""
    return f"{stem[:_MAX_NAME_CHARS] or 'document'}{suffix or dot + ending}"


def file_name_for(name: str, content_type: str) -> str:
    """The same, with an ending that agrees with a media type: /report.php of type text/html is report.php.html."""
    suffixes = _SUFFIXES.get(content_type, ())
    lower = name.lower()
    if not suffixes or lower.endswith(suffixes):
        return file_name_of(name)
    return file_name_of(name, suffix=suffixes[0])
