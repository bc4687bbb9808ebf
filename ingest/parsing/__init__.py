"""Bytes to a ParsedDocument: text, pages, headings, title, media type.

One file a format family; this one only chooses among them. A file's type comes from its content and has to agree with
its name. Everything here may be fed by strangers: in production it runs in `ingest.sandbox`'s disposable process.
Knows nothing of chunks, embeddings or where documents come from.
"""

from collections.abc import Callable
from pathlib import Path

from ingest.parsing import detection
from ingest.parsing.detection import detect
from ingest.parsing.document import ParsedDocument
from ingest.parsing.docx import parse_docx
from ingest.parsing.encoding import decoded
from ingest.parsing.epub import parse_epub
from ingest.parsing.html import parse_html
from ingest.parsing.legacy import parse_legacy
from ingest.parsing.mail import parse_mail
from ingest.parsing.opendocument import parse_opendocument
from ingest.parsing.pdf import parse_pdf
from ingest.parsing.plain import parse_plain
from ingest.parsing.pptx import parse_pptx
from ingest.parsing.spreadsheets import parse_delimited, parse_workbook
from ingest.parsing.structured import parse_json, parse_json_lines, parse_xml_document
from retrieval.errors import DocumentError

__all__ = ["ParsedDocument", "parse"]

_BY_PATH: dict[str, Callable[[Path, str], ParsedDocument]] = {
    detection.PDF: lambda path, _: parse_pdf(path),
    detection.DOCX: lambda path, _: parse_docx(path),
    detection.PPTX: lambda path, _: parse_pptx(path),
    detection.EPUB: lambda path, _: parse_epub(path),
    **dict.fromkeys((detection.XLSX, detection.XLSB, detection.XLS, detection.ODS), parse_workbook),
    **dict.fromkeys((detection.ODT, detection.ODP), parse_opendocument),
    **dict.fromkeys((detection.DOC, detection.PPT, detection.RTF, detection.MSG), parse_legacy),
}
_BY_CONTENT: dict[str, Callable[[bytes], ParsedDocument]] = {
    detection.HTML: parse_html,
    detection.XML: parse_xml_document,
    detection.EMAIL: parse_mail,
}
_BY_TEXT: dict[str, Callable[[str, str], ParsedDocument]] = {
    detection.JSON: parse_json,
    detection.JSON_LINES: parse_json_lines,
    **dict.fromkeys((detection.CSV, detection.TSV), parse_delimited),
}


def parse(path: Path, file_name: str) -> ParsedDocument:
    """The document in the file at `path`, which people know as `file_name`.

    Raises DocumentError, whose code and message say why the file cannot become a document: `empty_file`, `no_text`,
    `encrypted`, `corrupt`, `unsupported_type`, `type_mismatch`, `too_many_pages`, `parse_limit`.
    """
    media_type = detect(path, file_name)
    try:
        if media_type in _BY_PATH:
            return _BY_PATH[media_type](path, media_type)
        if media_type in _BY_CONTENT:
            return _BY_CONTENT[media_type](path.read_bytes())
        return _BY_TEXT.get(media_type, parse_plain)(decoded(path.read_bytes()), media_type)
    except RecursionError as error:
        raise DocumentError("The file is nested too deeply.", code="parse_limit") from error
    except BaseException as error:
        # Parsers in Rust panic where others raise, and their exception has no public class.
        if type(error).__name__ != "PanicException":
            raise
        raise DocumentError("The file is damaged and cannot be read.", code="corrupt") from error
