"""Bytes to a ParsedDocument: text, pages, headings, title, media type.

One file a format family; this one only chooses among them. A file's type comes from its content and has to agree with
its name. Everything here may be fed by strangers: in production it runs in `ingest.sandbox`'s disposable process.
Knows nothing of chunks, embeddings or where documents come from.
"""

from collections.abc import Callable
from pathlib import Path

from ingest.parsing import media_types as types
from ingest.parsing.calendar import parse_calendar
from ingest.parsing.detection import detect
from ingest.parsing.document import MAX_TEXT_CHARS, ParsedDocument, too_much_text
from ingest.parsing.docx import parse_docx
from ingest.parsing.encoding import decoded
from ingest.parsing.epub import parse_epub
from ingest.parsing.html import parse_html
from ingest.parsing.legacy import parse_legacy
from ingest.parsing.mail import parse_mail
from ingest.parsing.ocr import Recogniser
from ingest.parsing.opendocument import parse_opendocument
from ingest.parsing.original import Original
from ingest.parsing.outlook import parse_outlook
from ingest.parsing.packed import parse_compressed, parse_pages, parse_tar, parse_zip
from ingest.parsing.parts import Parts
from ingest.parsing.pdf import parse_pdf
from ingest.parsing.picture import parse_picture
from ingest.parsing.plain import parse_plain
from ingest.parsing.pptx import parse_pptx
from ingest.parsing.rich_notes import parse_rich_notes
from ingest.parsing.spreadsheets import parse_delimited, parse_workbook
from ingest.parsing.structured import parse_json, parse_json_lines, parse_xml_document
from ingest.parsing.subtitles import parse_subtitles
from retrieval.errors import DocumentError

__all__ = ["ParsedDocument", "parse", "parse_prose", "reads_as_prose"]

PROSE_BYTES = 64 * 1024

_FILES: dict[str, Callable[[Original, str], ParsedDocument]] = {
    types.DOCX: lambda original, _: parse_docx(original),
    types.PPTX: lambda original, _: parse_pptx(original),
    types.EPUB: lambda original, _: parse_epub(original),
    types.HTML: lambda original, _: parse_html(original.read()),
    types.XML: lambda original, _: parse_xml_document(original.read()),
    **dict.fromkeys((types.XLSX, types.XLSB, types.XLS, types.ODS), parse_workbook),
    **dict.fromkeys((types.ODT, types.ODP), parse_opendocument),
    **dict.fromkeys((types.DOC, types.PPT, types.RTF), parse_legacy),
}
_PICTURES: dict[str, Callable[[Original, str, Recogniser], ParsedDocument]] = {
    types.PDF: lambda original, _, recogniser: parse_pdf(original, recogniser),
    **dict.fromkeys(types.IMAGES, parse_picture),
}
_CONTAINERS: dict[str, Callable[[Original, Parts], ParsedDocument]] = {
    types.EMAIL: parse_mail,
    types.MSG: parse_outlook,
    types.ZIP: parse_zip,
    types.TAR: parse_tar,
    types.PAGES: parse_pages,
}
_TEXTS: dict[str, Callable[[str, str], ParsedDocument]] = {
    types.JSON: parse_json,
    types.JSON_LINES: parse_json_lines,
    types.CALENDAR: parse_calendar,
    types.SUBTITLES: parse_subtitles,
    types.BOXNOTE: parse_rich_notes,
    **dict.fromkeys((types.CSV, types.TSV), parse_delimited),
}


def parse(path: Path, file_name: str, *, on_recognition: Callable[[], object] | None = None) -> ParsedDocument:
    """The document in the file at `path`, which people know as `file_name`.

    `on_recognition` is called before text is first recognised in pictures, which takes seconds a page. Raises
    DocumentError, whose code and message say why the file cannot become a document: `empty_file`, `no_text`,
    `needs_ocr`, `encrypted`, `corrupt`, `unsupported_type`, `type_mismatch`, `too_many_pages`, `parse_limit`.
    """
    recogniser = Recogniser(on_first_use=on_recognition)

    def parse_part(original: Original, name: str, parts: Parts) -> ParsedDocument:
        return _parsed(original, name, parts, recogniser)

    return parse_part(Original(path), file_name, Parts(parse_part))


def reads_as_prose(file_name: str, size: int) -> bool:
    """Whether a file of `size` bytes and this name is a small text, if its content agrees."""
    return size <= PROSE_BYTES and types.SUFFIX_TYPE.get(Path(file_name).suffix.lower()) in types.PROSE


def parse_prose(path: Path, file_name: str) -> ParsedDocument | None:
    """What `parse` returns of a small text; None where the content is something else. Raises DocumentError."""
    original = Original(path)
    if original.size > PROSE_BYTES or (media_type := detect(original, file_name)) not in types.PROSE:
        return None
    return _parsed_text(original, media_type)


def _parsed(original: Original, file_name: str, parts: Parts, recogniser: Recogniser) -> ParsedDocument:
    media_type = detect(original, file_name)
    try:
        if media_type in _FILES:
            return _FILES[media_type](original, media_type)
        if media_type in _PICTURES:
            return _PICTURES[media_type](original, media_type, recogniser)
        if media_type in _CONTAINERS:
            return _CONTAINERS[media_type](original, parts)
        if media_type in types.COMPRESSED:
            return parse_compressed(original, media_type, file_name, parts)
        return _parsed_text(original, media_type)
    except RecursionError as error:
        raise DocumentError("The file is nested too deeply.", code="parse_limit") from error
    except BaseException as error:
        # Parsers in Rust panic where others raise, and their exception has no public class.
        if type(error).__name__ != "PanicException":
            raise
        raise DocumentError("The file is damaged and cannot be read.", code="corrupt") from error


def _parsed_text(original: Original, media_type: str) -> ParsedDocument:
    if original.size > 4 * MAX_TEXT_CHARS:  # no encoding takes more bytes for a character
        raise too_much_text()
    return _TEXTS.get(media_type, parse_plain)(decoded(original.read()), media_type)
